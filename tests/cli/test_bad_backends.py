"""Redis and Docker that are down, slow, refusing or lying: 7, one sentence with the address, and a next step."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing

import pytest

from tests.support.fakes import FakeSwitch, ended

LOOKS = (
    ("system", "service", "list"),
    ("system", "service", "status"),
    ("system", "service", "status", "snmp"),
    ("system", "service", "explain", "snmp"),
    ("show", "feature", "mode"),
    ("system", "service", "check"),
    ("system", "service", "check", "snmp", "--processes"),
)
CHANGES = (
    ("system", "service", "start", "snmp"),
    ("system", "service", "wait", "snmp", "--for", "running", "--timeout", "1"),  # until then it may come back
    ("config", "feature", "mode", "snmp", "kubernetes"),
)
ALL = LOOKS + CHANGES


@pytest.fixture
def snmp(fakes):
    fakes.feature("snmp", no_fallback_to_local="true")
    return fakes


@pytest.fixture(scope="module", autouse=True)
def hanging():
    """Commands that sit out a hanging dockerd, begun before the first test and looked at by the last."""
    with tempfile.TemporaryDirectory(prefix="hang") as folder, closing(FakeSwitch(folder)) as switch:
        switch.feature("snmp")
        switch.docker.inject("", "hang")
        ways = (LOOKS[2], (*LOOKS[1], "--json"), CHANGES[0], ("system", "container", "id", "snmp"))
        processes = [switch.start(*words) for words in ways]
        try:
            yield switch, processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


def told(ran, code, kind):
    """The one sentence of a failure, and its next step; the same in JSON."""
    assert ran.code == code
    if ran.out:
        error = ran.json["error"]
        assert (error["kind"], ran.err) == (kind, "")
        assert error["resolution"]
        return error["message"]
    sentence, step = ran.err.splitlines()
    assert step.startswith("Try: ")
    return sentence.removeprefix("Error: ")


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        ("hang", "no answer"),
        ("slow", ""),
        ("hangup", ""),
        ("cut", ""),
        ("garbage", "not Redis"),
        ("noauth", "NOAUTH"),
        ("loading", "LOADING"),
        ("nonsense", "not asked for"),
    ],
)
def test_redis_that_does_not_answer(snmp, failure, word):
    snmp.redis.failure = failure
    # Each waits for two seconds where nothing comes: one of each kind, side by side.
    some = ALL if failure not in ("hang", "slow") else (LOOKS[1], LOOKS[4], CHANGES[0])
    ways = [(*words, *extra) for words, extra in zip(some, [(), ("--json",)] * len(some), strict=False)]
    for ran in snmp.run_all(*ways):
        sentence = told(ran, 7, "unreachable")
        assert snmp.redis.address in sentence
        assert word in sentence
    assert sum(snmp.docker.calls.values()) == 0


def test_redis_that_is_not_there(snmp):
    snmp.redis.stop()
    for ran in snmp.run_all(*ALL):
        assert snmp.redis.address in told(ran, 7, "unreachable")


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{", '{"INSTANCES": {}, "DATABASES": {}}', '{"INSTANCES": 1, "DATABASES": []}']
)
def test_a_configuration_that_is_none(snmp, content):
    path = os.path.join(snmp.folder, "broken.json")
    if content is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    for ran in snmp.run_all(LOOKS[1], (*CHANGES[0], "--json"), SYSTEM_SERVICE_DB_CONFIG=path):
        assert path in told(ran, 7, "unreachable")


def test_an_empty_table_has_a_sentence_of_its_own(snmp):
    snmp.redis.databases[4].clear()
    for ran in snmp.run_all(*ALL, (*LOOKS[1], "--json")):
        assert told(ran, 7, "unreachable") == (
            "the FEATURE table of CONFIG_DB is empty: a config reload may be under way"
        )


def test_redis_that_cannot_write(snmp):
    snmp.redis.failure = "misconf"
    ran = snmp.run("system", "service", "disable", "snmp", "--json")
    assert "MISCONF" in told(ran, 7, "unreachable")
    assert ran.json["changed"] is False
    assert snmp.docker.get("snmp").state == "running"  # the intent comes first


BODY = b"HTTP/1.0 %s X\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
ANSWERS = {
    "500 in html": b"HTTP/1.0 500 Internal Server Error\r\nContent-Type: text/html\r\n\r\n<h1>oops</h1>",
    "half a body": BODY % (b"200", 500, b'[{"Id": "1f0b7a2c9d3e", "Names": ["/snm'),
    "half a head": b"HTTP/1.0 200 OK\r\nContent-Le",
    "nothing": b"",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "no JSON": BODY % (b"200", 6, b"\x1b[2J!!"),
    "no list": BODY % (b"200", 13, b'{"a": "list"}'),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_docker_that_answers_nonsense(snmp, name):
    snmp.docker.inject("", "raw", raw=ANSWERS[name])
    for ran in snmp.run_all(LOOKS[2], CHANGES[0], ("system", "container", "start", "snmp"), (*LOOKS[4], "--json")):
        assert snmp.docker.address in told(ran, 7, "unreachable")


def test_docker_that_is_not_there_leaves_the_intent(snmp):
    snmp.docker.stop()
    ways = (*ALL, *((*words, "--json") for words in (LOOKS[0], LOOKS[1], LOOKS[2], *LOOKS[4:])))
    shown = snmp.run_all(*ways)
    for ran in shown:
        assert snmp.docker.address in told(ran, 7, "unreachable")
    for ran in shown[len(ALL) :]:
        (feature,) = ran.json["features"]
        assert feature == {
            "name": "snmp",
            "mode": "legacy",
            "fallback": False,
            "state": "enabled",
            "auto_restart": True,
            "auto_restart_state": "enabled",
            "detail": ran.json["error"]["message"],
            "changed": False,
        }


def test_docker_that_refuses_in_its_own_words(snmp):
    words = b'{"message": "driver failed: \\u001b[31mno space left on device"}'
    snmp.docker.inject("POST", "raw", raw=BODY % (b"500", len(words), words))
    for ran in snmp.run_all(("system", "service", "stop", "snmp", "--json"), ("system", "container", "kill", "snmp")):
        assert "no space left on device" in told(ran, 1, "failed")


@pytest.mark.parametrize("host", ["tcp://10.0.0.1:2375", "unix://", "ssh://a", "unix://relative", "\x1b[31m"])
def test_a_docker_host_that_is_none(snmp, host):
    for ran in snmp.run_all(LOOKS[1], ("system", "container", "id", "snmp"), DOCKER_HOST=host):
        told(ran, 7, "unreachable")


def test_an_older_and_a_newer_docker_are_spoken_to(snmp):
    for api, least in (("1.30", "1.12"), ("1.52", "1.44")):
        snmp.docker.api, snmp.docker.min_api = api, least
        assert snmp.run("system", "service", "status", "snmp").code == 0


def test_output_that_nobody_reads_is_no_traceback(snmp):
    with open("/dev/full", "wb") as full, snmp.start("system", "service", "list", stdout=full) as process:
        _, err = process.communicate(timeout=60)
    said = "Error: the output cannot be written: No space left on device\nTry: df\n"
    assert (process.returncode, err.decode()) == (1, said)


def test_docker_that_hangs(hanging):
    switch, processes = hanging
    for process in processes:
        sentence = told(ended(process), 7, "unreachable")
        assert sentence == f"Docker at {switch.docker.address} did not answer within 10 s"


@pytest.mark.parametrize(
    "argv", [["status"], ["check"], ["explain"], ["stop"], ["status", "--json"], ["wait", "--no-wait"]]
)
def test_a_name_that_is_no_text(fakes, argv):
    """Bytes that no encoding takes come as halves of surrogate pairs, which stdout cannot say."""
    fakes.feature("snmp")
    ran = fakes.run("system", "service", *argv[:1], "\udcff", *argv[1:])
    assert ran.code in (2, 4)
    assert "Traceback" not in ran.err
