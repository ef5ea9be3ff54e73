"""Strange names, rows and containers: nothing escapes, nothing drives the terminal, nothing is lost."""

from __future__ import annotations

import os

import pytest

HOSTILE = ["a|b", "a b", "a\nb", "../etc", "a" * 300, "", "-rf", "\x1b]0;x\x07", b"\xff\xfe", "*", "FEATURE|snmp"]


def test_names(fakes):
    fakes.feature("snmp")
    commands = [("system", "service", verb) for verb in ("status", "stop", "explain", "logs")]
    commands += [("system", "container", verb) for verb in ("start", "id")]
    commands += [("show", "feature", "mode")]
    ways = [
        (*words, "--", name) for i, name in enumerate(HOSTILE) for words in (commands[i % 7], commands[(i + 3) % 7])
    ]
    ways += [("config", "feature", "mode", "--", name, "legacy") for name in HOSTILE[:2]]
    for at in range(0, len(ways), 8):
        for words, ran in zip(ways[at : at + 8], fakes.run_all(*ways[at : at + 8]), strict=False):
            assert (ran.code, ran.out) == (4, ""), words
            sentence, step = ran.err.splitlines()
            assert sentence.startswith(("Error: there is no feature '", "Error: there is no container '")), words
            assert step.startswith("Try: "), words
    assert fakes.writes() == []
    assert not os.path.exists(fakes.run_dir)


def test_rows_that_anybody_may_have_written(fakes):
    rows = {
        b"bare": {b"NULL": b"NULL"},
        b"bytes": {b"state": b"\xff\xfeenabled", b"\xf0leaf": b"\xf1value", b"auto_restart": b"enabled"},
        b"template": {b"state": b"{% if a %}enabled{% else %}disabled{% endif %}", b"leaf": b"\x1b[31mred"},
    }
    for name, row in rows.items():
        fakes.redis.databases.setdefault(4, {})[b"FEATURE|" + name] = dict(row)
        fakes.container(name.decode(), "exited")
    shown, told = fakes.run_all(("system", "service", "list"), ("show", "feature", "mode", "--json"))
    assert (shown.code, shown.out.count("unknown")) == (0, 3)
    assert [f["state"] for f in told.json["features"]] == ["unknown"] * 3
    ran = fakes.run("system", "service", "disable", "bare", "bytes", "template")
    assert (ran.code, ran.out) == (0, "bare: disabled\nbytes: disabled\ntemplate: disabled\n")
    # One field was written; every other byte is as it was.
    for name, row in rows.items():
        assert fakes.redis.databases[4][b"FEATURE|" + name] == row | {b"state": b"disabled"}


def test_a_row_that_is_no_row(fakes):
    fakes.feature("snmp")
    fakes.redis.databases[4][b"FEATURE|text"] = b"no hash"
    ran = fakes.run("system", "service", "disable", "text", "snmp")
    assert (ran.code, ran.out) == (4, "snmp: disabled\n")
    assert fakes.redis.databases[4][b"FEATURE|text"] == b"no hash"


def test_control_characters_never_reach_the_terminal(fakes):
    """Every command's output is looked at for them in `ended`; here they are everywhere they can be."""
    evil = "\x1b[31m\x07\x9b2J\u202e"
    fakes.feature("snmp", "", state="enabled", leaf=evil)
    fakes.docker.create("snmp", image=f"docker-{evil}:v{evil}", state="dead", log=[(1, evil.encode() + b"\n")])
    fakes.put("STATE_DB", "FEATURE|snmp", {"update_time": evil, "system_state": evil, evil: evil})
    fakes.put("CONFIG_DB", f"FEATURE|{evil}", {"state": evil})
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": evil, "disable": evil})
    ways = [("system", "service", "list"), ("system", "service", "status"), ("system", "service", "status", "snmp")]
    ways += [("system", "service", "explain", "snmp"), ("show", "feature", "mode"), ("show", "feature", "status")]
    ways += [
        ("show", "feature", "config"),
        ("system", "service", "start", "snmp"),
        ("show", "feature", "config", "--json"),
    ]
    shown = fakes.run_all(*ways)
    assert "\\x1b[31m" in shown[2].out  # escaped, not dropped
    sentence = f'{{"message": "{evil.encode("unicode_escape").decode()}"}}'.replace("\\x", "\\u00").encode()
    head = b"HTTP/1.0 500 X\r\nContent-Length: %d\r\n\r\n" % len(sentence)
    fakes.docker.inject("POST", "raw", raw=head + sentence)
    fakes.feature("lldp", "exited")
    assert fakes.run("system", "service", "start", "lldp").code == 1
    fakes.redis.put(6, "FEATURE|lldp", evil)  # no hash: the write of a unit's start is refused
    assert fakes.run("system", "container", "stop", "lldp").code == 1


@pytest.mark.parametrize("failure", ["garbage", "noauth"])
def test_an_error_of_redis_is_shown_harmless(fakes, failure, monkeypatch):
    monkeypatch.setattr("tests.fakes.redis_server.NOAUTH", "NOAUTH \x1b[31m\x07")
    fakes.feature("snmp", "exited")
    fakes.redis.failure = failure
    for ran in fakes.run_all(("system", "service", "status"), ("system", "container", "start", "snmp")):
        assert "\\x1b[31m\\x07" in ran.err or failure == "garbage"
