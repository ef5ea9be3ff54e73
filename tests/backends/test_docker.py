"""Docker's client and all that can be wrong with Docker: which error, in a sentence that names the address."""

import errno
import json
import os
import select
import shutil
import socket
import tempfile
import threading
import time

import pytest

from system_service.backends.docker import Docker
from system_service.errors import Failed, NotPermitted, UnknownFeature, Unreachable
from system_service.model.snapshot import Run
from system_service.waiting.events import Events
from tests.fakes.docker_server import DockerServer


def answer(body, status="200 OK", kind="application/json", length=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = len(body) if length is None else length
    return f"HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode() + body


def event(action):
    actor = {"ID": "a" * 64, "Attributes": {"name": "snmp"}}
    return json.dumps({"Type": "container", "Action": action, "Actor": actor}).encode() + b"\n"


def until_told(events):
    """Read until an error says why there is no more to be read."""
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:
            events.read()
            select.select(events.filenos(), [], [], 1.0)
        pytest.fail("nothing says why there is no more to be read")
    finally:
        events.close()


HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.fixture
def folder():
    made = tempfile.mkdtemp(prefix="be", dir="/tmp")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def server(folder):
    with DockerServer(os.path.join(folder, "s")) as made:
        yield made


@pytest.fixture
def docker(server):
    return Docker(server.address, timeout=5)


def unreachable(docker, told, act=None):
    with pytest.raises(Unreachable) as caught:
        act() if act else docker.containers()
    assert f"Docker at {docker.address} " in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.resolution == "systemctl status docker"


class TestAddress:
    def test_default(self, monkeypatch):
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        assert Docker.from_env().address == "/var/run/docker.sock"
        monkeypatch.setenv("DOCKER_HOST", "")
        assert Docker.from_env().address == "/var/run/docker.sock"

    def test_of_the_environment(self, monkeypatch):
        monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")
        docker = Docker.from_env()
        assert docker.address == "/run/other.sock"
        assert docker.client_argv("logs", "-f", "abc") == [
            "docker",
            "-H",
            "unix:///run/other.sock",
            "logs",
            "-f",
            "abc",
        ]

    @pytest.mark.parametrize(
        "host", ["tcp://10.0.0.1:2375", "ssh://x", "/run/docker.sock", "unix://", "unix://rel", "x"]
    )
    def test_of_another_kind(self, monkeypatch, host):
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(Unreachable, match=f"DOCKER_HOST is {host}, and only unix:///PATH is spoken here"):
            Docker.from_env()


class TestDown:
    def test_no_socket(self, folder):
        docker = Docker(os.path.join(folder, "none"))
        unreachable(docker, "cannot be reached: No such file or directory")

    def test_a_plain_file(self, folder):
        path = os.path.join(folder, "file")
        with open(path, "w", encoding="ascii"):
            pass
        unreachable(Docker(path), "cannot be reached: Connection refused")

    def test_nobody_listens(self, server, docker):
        server.stop()
        unreachable(docker, "cannot be reached: Connection refused")
        unreachable(docker, "cannot be reached: Connection refused", lambda: Events(docker, "snmp").open())

    def test_a_path_that_is_too_long(self):
        unreachable(Docker("/" + "x" * 200), "cannot be reached: AF_UNIX path too long")

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
    def test_not_permitted(self, mocker, docker, number):
        denied = OSError(number, os.strerror(number))
        mocker.patch("system_service.wire.http.socket.socket").return_value.connect.side_effect = denied
        for act in (docker.containers, lambda: docker.start("snmp"), lambda: Events(docker, "snmp").open()):
            with pytest.raises(NotPermitted, match=f"Docker at {docker.address} may not be asked") as caught:
                act()
            assert "docker group" in caught.value.resolution

    def test_hanging(self, server):
        docker = Docker(server.address, timeout=0.2)
        server.inject(".", "hang")
        before = time.monotonic()
        unreachable(docker, "did not answer within 0.2 s")
        unreachable(docker, "did not answer within 0.2 s", lambda: Events(docker, "snmp").open())
        assert time.monotonic() - before < 3

    def test_a_request_that_comes_to_hang_when_the_server_ends_does_not_keep_it(self, server, mocker):
        """Of a client that has long gone, on a busy machine."""
        server.inject(".", "hang")
        arrived, go = threading.Event(), threading.Event()
        look = server.failure_for
        mocker.patch.object(server, "failure_for", lambda call: (arrived.set(), go.wait(10), look(call))[2])
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.address)
            client.sendall(b"GET /info HTTP/1.0\r\n\r\n")
            assert arrived.wait(10)
        end = server._server
        stop = threading.Thread(target=server.stop)
        stop.start()
        with server.changed:
            assert server.changed.wait_for(lambda: end.over, 10)
        go.set()
        stop.join(10)
        assert not stop.is_alive()

    def test_slow_is_no_failure(self, server, docker):
        server.create("snmp")
        server.inject(".", "slow", seconds=0.2)
        assert [c.name for c in docker.containers()] == ["snmp"]

    def test_a_stop_may_take_its_timeout_and_more(self, server):
        docker = Docker(server.address, timeout=0.1)
        server.create("teamd", start=True, on_term=None)
        assert docker.stop("teamd", 1) is True


NONSENSE = {
    "no list": (answer({"a": 1}), "a list of containers that is none"),
    "null": (answer(None), "a list of containers that is none"),
    "no JSON": (answer(b"hello"), "no JSON: 'hello'"),
    "nothing": (answer(b""), "no JSON: ''"),
    "half a body": (answer(b'[{"Id":', length=500), "hung up after 7 of 500 bytes"),
    "half a body, no length": (b'HTTP/1.0 200 OK\r\n\r\n[{"Id": "a', "no JSON: "),
    "deep": (answer(b"[" * 100_000), "no JSON: "),
    "a huge number": (answer(b"[" + b"9" * 10_000 + b"]"), "no JSON: "),
    "no text": (answer(b"\xff\xfe"), "no JSON: "),
    "HTML": (answer(HTML, "500 Internal Server Error", "text/html"), "500 <html><h1>502 Bad Gateway"),
    "HTML over lines": (answer(b"<html>\n\x1b[31m", "502 Bad Gateway"), "502 <html> ?[31m"),
    "a message that is none": (answer({"message": 5}, "500 Oops"), '500 {"message": 5}'),
    "a redirect": (answer({"message": "go"}, "301 Moved"), "301 "),
    "404 of a stranger": (answer(b"404 page not found", "404 Not Found"), "404 404 page not found"),
    "garbage": (b"\0\1garbage", "does not speak HTTP"),
    "a huge header": (b"HTTP/1.0 200 OK\r\nX: " + b"y" * 200_000, "its headers have no end"),
    "nothing at all": (b"", "hung up without an answer"),
}


class TestNonsense:
    @pytest.mark.parametrize("case", NONSENSE)
    def test_for_a_list(self, server, docker, case):
        raw, told = NONSENSE[case]
        server.inject("containers", "raw", raw)
        unreachable(docker, f"answered nonsense: {'it ' if told[:4] in ('hung', 'does') else ''}{told}")

    @pytest.mark.parametrize("case", ["half a body", "HTML", "garbage", "nothing at all", "404 of a stranger"])
    @pytest.mark.parametrize("verb", ["start", "stop", "kill", "restart", "unpause", "inspect", "find"])
    def test_for_every_verb(self, server, docker, verb, case):
        server.create("snmp", start=True)
        raw, told = NONSENSE[case]
        server.inject("containers", "raw", raw)
        unreachable(docker, told, lambda: getattr(docker, verb)("snmp", *([1] if verb in ("stop", "restart") else [])))

    @pytest.mark.parametrize("told", [None, [], 5, "x"])
    def test_for_an_inspect(self, server, docker, told):
        server.inject("json", "raw", answer(told))
        unreachable(docker, "a container that is none", lambda: docker.find("snmp"))

    @pytest.mark.parametrize("told", [{}, [], None, {"Processes": "x"}, {"Processes": 5}])
    def test_for_processes(self, server, docker, told):
        server.inject("top", "raw", answer(told))
        unreachable(docker, "processes that are none", lambda: docker.top("snmp", "pid,args"))

    def test_processes_of_one_that_is_just_ending(self, server, docker):
        server.inject("top", "raw", answer({"Titles": ["PID"], "Processes": None}), times=1)
        assert docker.top("snmp", "pid,args") == []
        rows = [["1", "a"], ["1"], "x", None, [2, "b"]]
        server.inject("top", "raw", answer({"Processes": rows}), times=1)
        assert docker.top("snmp", "pid,args") == [["1", "a"], ["2", "b"]]

    @pytest.mark.parametrize("told", [{}, [], {"StatusCode": "0"}, {"StatusCode": None}, {"StatusCode": 0, "Error": 1}])
    def test_for_an_end(self, server, docker, told):
        """Whoever is told no end begins nothing for it; the restart is done all the same."""
        server.create("snmp", start=True)
        server.inject("wait", "raw", answer(told))
        docker.restart("snmp", 1, lambda: pytest.fail("its end was not seen"))
        assert server.get("snmp").starts == 2

    @pytest.mark.parametrize("log", [b"\x01\0\0\0\0\0\0\x09half", b"\x01\0\0", b"plain text", b"\x09\0\0\0\0\0\0\0"])
    def test_for_a_log(self, server, docker, log):
        server.create("snmp")
        server.inject("logs", "raw", b"HTTP/1.0 200 OK\r\n\r\n" + log)
        unreachable(docker, "log", lambda: docker.logs("snmp", 20))

    def test_for_events(self, server, docker):
        server.inject("events", "raw", b"HTTP/1.0 200 OK\r\n\r\n" + event("die") + b"\n[]\n")
        events = Events(docker, "snmp")
        events.open()
        unreachable(docker, "answered nonsense: an event that is none", lambda: until_told(events))

    def test_for_an_event_without_end(self, server, docker):
        server.inject("events", "raw", b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (2 << 20))
        events = Events(docker, "snmp")
        events.open()
        unreachable(docker, "answered nonsense: an event without an end", lambda: until_told(events))

    def test_a_log_that_falls_silent(self, server):
        server.create("snmp")
        server.inject("logs", "hang")
        docker = Docker(server.address, timeout=0.2)
        unreachable(docker, "did not answer within 0.2 s", lambda: docker.logs("snmp", 20))


class TestRefusals:
    def test_dockers_sentence_is_told(self, server, docker):
        sentence = "driver failed\n programming: \x1b[1mno space left on device"
        server.inject("containers", "raw", answer({"message": sentence}, "500 Internal Server Error"))
        for act in (docker.containers, lambda: docker.start("snmp"), lambda: docker.find("snmp")):
            with pytest.raises(Failed) as caught:
                act()
            assert str(caught.value) == "Docker: driver failed programming: ?[1mno space left on device"

    def test_conflict(self, server, docker):
        server.inject("POST", "raw", answer({"message": "removal of snmp is already in progress"}, "409 Conflict"))
        with pytest.raises(Failed, match="already in progress"):
            docker.start("snmp")

    def test_removed_between_list_and_call(self, server, docker):
        server.create("snmp", start=True)
        (seen,) = docker.containers()
        server.remove(server.get("snmp"), force=True)
        for act in (docker.start, docker.unpause, lambda ref: docker.restart(ref, 1), lambda ref: docker.logs(ref, 1)):
            with pytest.raises(UnknownFeature, match=f"no container {seen.id}"):
                act(seen.id)
        assert (docker.inspect(seen.id), docker.stop(seen.id, 1), docker.kill(seen.id)) == (None, None, None)

    @pytest.mark.parametrize("word", ["is not running", "is restarting, wait until the container is running"])
    @pytest.mark.parametrize("status", ["409 Conflict", "500 Internal Server Error"])
    def test_words_for_one_that_does_not_run(self, server, docker, word, status):
        server.inject("/top", "raw", answer({"message": f"Container abc {word}"}, status))
        assert docker.top("snmp", "pid,args") is None

    def test_processes_that_ps_cannot_show_are_a_failure(self, server, docker):
        """None would say that it does not run."""
        server.inject("/top", "raw", answer({"message": "ps: exit status 1"}, "500 Internal Server Error"))
        with pytest.raises(Failed, match="Docker: ps: exit status 1"):
            docker.top("snmp", "pid,args")

    def test_a_stop_that_leaves_it_running_is_none(self, server, docker):
        server.create("snmp", start=True)
        server.inject("/stop", "raw", b"HTTP/1.0 204 No Content\r\n\r\n")
        with pytest.raises(Failed, match="container snmp still runs after it was stopped"):
            docker.stop("snmp", 1)

    def test_podmans_word_for_unknown(self, server, docker):
        told = {"message": 'no container with name or ID "snmp" found: no such container'}
        server.inject("containers", "raw", answer(told, "404 Not Found"))
        assert docker.find("snmp") is None


class TestVersions:
    @pytest.mark.parametrize(("api", "least"), [("1.30", "1.12"), ("1.52", "1.44")])
    def test_the_daemons_is_taken_and_remembered(self, folder, api, least):
        with DockerServer(os.path.join(folder, "v"), api, least) as server:
            server.create("snmp")
            docker = Docker(server.address)
            assert docker.start("snmp") is True
            assert server.calls["POST", "/containers/snmp/start"] == 2
            assert docker.start("snmp") is False
            assert server.calls["POST", "/containers/snmp/start"] == 3

    @pytest.mark.parametrize("named", ["", "1.41", "x", "1.4/../..", "²", "1" * 40])
    def test_a_daemon_that_names_no_other_is_asked_once(self, server, docker, named):
        body = json.dumps({"message": "client version 1.41 is too old"}).encode()
        head = f"HTTP/1.0 400 Bad Request\r\nApi-Version: {named}\r\nContent-Length: {len(body)}\r\n\r\n"
        server.inject("containers", "raw", head.encode("utf-8") + body)
        with pytest.raises(Failed, match=r"Docker: client version 1\.41 is too old"):
            docker.containers()
        assert server.calls["GET", "/containers/json"] == 1

    @pytest.mark.parametrize(("api", "least"), [("1.30", "1.12"), ("1.52", "1.44")])
    def test_nothing_is_begun_between_an_end_and_a_start_that_were_refused(self, folder, api, least):
        with DockerServer(os.path.join(folder, "v"), api, least) as server:
            server.create("snmp", start=True)
            server.start_takes = 0.1
            begun = []
            Docker(server.address).restart("snmp", 1, lambda: begun.append(server.get("snmp").state))
            assert begun == ["exited"]
            assert server.get("snmp").starts == 2

    def test_chunks_of_a_proxy(self, server, docker):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server.inject("containers", "raw", head + b"2\r\n[]\r\n0\r\n\r\n")
        unreachable(docker, "answered nonsense: it answers a request of HTTP/1.0 in chunks")


class TestRows:
    def one(self, server, docker, **row):
        server.inject("containers", "raw", answer([{"Id": "abc", **row}]), times=1)
        (found,) = docker.containers()
        return found

    def test_rows_that_are_none_are_left_out(self, server, docker):
        rows = [None, 5, "x", [], {}, {"Id": 5}, {"Id": ""}, {"Id": None}, {"Id": "abc", "Names": ["/snmp"]}]
        server.inject("containers", "raw", answer(rows))
        assert [(c.id, c.name) for c in docker.containers()] == [("abc", "snmp")]

    @pytest.mark.parametrize(
        ("names", "name"),
        [
            (["/snmp"], "snmp"),
            (["/other/alias", "/snmp"], "snmp"),
            (["/snmp", "/other/alias"], "snmp"),
            ([5, None, "/snmp"], "snmp"),
            (["/other/alias"], ""),
            ([], ""),
            (None, ""),
            ("/snmp", ""),
            ({"/snmp": 1}, ""),
            (["/half\ud800"], "half?"),
        ],
    )
    def test_names(self, server, docker, names, name):
        assert self.one(server, docker, Names=names).name == name

    @pytest.mark.parametrize(
        ("word", "status", "run"),
        [
            ("running", "Up 2 hours", Run.RUNNING),
            ("removing", "Removal In Progress", Run.REMOVING),
            ("dead", "Dead", Run.DEAD),
            ("restarting", "Restarting (1) 5 seconds ago", Run.RESTARTING),
            ("stopping", "Up 2 hours", Run.RUNNING),
            ("initialized", "Created", Run.DEAD),
            ("absent", "", Run.DEAD),
            (None, "Up 2 hours", Run.RUNNING),
            (["running"], 5, Run.DEAD),
        ],
    )
    def test_states(self, server, docker, word, status, run):
        assert self.one(server, docker, State=word, Status=status).run is run

    @pytest.mark.parametrize(
        ("status", "health"),
        [
            ("Up 2 hours (healthy)", "healthy"),
            ("Up 2 hours (unhealthy)", "unhealthy"),
            ("Up 2 seconds (health: starting)", "starting"),
            ("Up 2 hours (Paused)", ""),
            ("Exited (0) 2 hours ago", ""),
            (None, ""),
        ],
    )
    def test_health(self, server, docker, status, health):
        assert self.one(server, docker, State="running", Status=status).health == health

    def test_labels(self, server, docker):
        assert self.one(server, docker, Labels={"a": "b", "c": 5, "d": None}).labels == {"a": "b"}
        for labels in (None, [], "a=b"):
            assert self.one(server, docker, Labels=labels).labels == {}

    def test_an_inspect_of_another_engine(self, server, docker):
        told = {"Id": 5, "Name": "/snmp", "State": {"Status": "stopping", "Running": True}, "Config": []}
        server.inject("json", "raw", answer(told), times=1)
        found = docker.find("snmp")
        assert (found.id, found.run, found.image, found.labels, found.health) == ("", Run.RUNNING, "", {}, "")

    def test_health_of_an_inspect(self, server, docker):
        for told, health in (("healthy", "healthy"), ("none", ""), ("starting", "starting"), ("", "")):
            server.containers.clear()
            server.create("snmp", health=told)
            assert docker.find("snmp").health == health


def test_a_list_is_one_call_however_many_containers(server, docker):
    for number in range(100):
        server.create(f"feature{number}")
    assert len(docker.containers()) == 100
    assert sum(server.calls.values()) == 1
