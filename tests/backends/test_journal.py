"""Reading the audit log back, from a journalctl that says what the test wants (the format: journalctl 252's own)."""

import json
import os
import stat

import pytest

from system_service.backends import journal
from system_service.backends.journal import Entry, line, parse, read


def message(feature="snmp", uid=0, result="done", **fields):
    text = line(Entry("admin", uid, f"system service stop {feature}", feature, "stop the unit", result))
    return json.dumps({"MESSAGE": text, "_UID": str(uid), "__REALTIME_TIMESTAMP": "1795391173257036"} | fields)


@pytest.fixture
def journalctl(tmp_path, monkeypatch):
    """Makes a journalctl that prints these lines, or root's alone where it is asked for them, complains and ends.

    It writes down its arguments.
    """

    def make(*lines, complaint="", code=0, head=""):
        texts = [x if isinstance(x, bytes) else x.encode() for x in lines]
        (tmp_path / "lines").write_bytes(b"\n".join(texts) + b"\n")
        (tmp_path / "roots").write_bytes(b"\n".join(x for x in texts if b'"_UID": "0"' in x) + b"\n")
        (tmp_path / "complaint").write_text(complaint)
        script = tmp_path / "journalctl"
        script.write_text(
            f'#!/bin/sh\n{head}\necho "$@" >> {tmp_path}/arguments\n'
            f'case "$*" in *_UID=0) cat {tmp_path}/roots;; *) cat {tmp_path}/lines;; esac\n'
            f"cat {tmp_path}/complaint >&2\nexit {code}\n"
        )
        script.chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return tmp_path / "arguments"

    return make


def test_the_newest_entries_of_one_feature(journalctl):
    arguments = journalctl(message(result="third"), message("lldp"), message(result="second"), message(result="first"))
    entries, reason = read("snmp", 2)
    assert reason == ""
    assert [e.result for e in entries] == ["third", "second"]
    first = entries[0]
    assert (first.time, first.who, first.uid) == ("2026-11-22T23:46:13Z", "admin", 0)
    assert (first.command, first.feature, first.action) == ("system service stop snmp", "snmp", "stop the unit")
    everybodys = (
        "-t sonic-system-service -o json --output-fields=MESSAGE,_UID --no-pager --quiet --reverse -n 1000 "
        '--since=-30d --case-sensitive=yes --grep= feature="snmp" '
    )
    assert arguments.read_text().splitlines() == [f"{everybodys} _UID=0", everybodys]


def test_lines_that_are_no_entries_are_left_out(journalctl):
    good = message()
    odd = ["", "null", "[]", "7", "{", '{"MESSAGE": null}', message(MESSAGE=[98, 1]), message(MESSAGE="hello")]
    odd += [message(__REALTIME_TIMESTAMP=t) for t in ("soon", None, "9" * 30)]
    journalctl(*odd, b"\xff\xfe", good)
    entries, reason = read("snmp", 100)
    assert (len(entries), reason) == (1, "")


def test_an_entry_that_claims_another_user_is_left_out(journalctl):
    unvouched = json.loads(message(result="unvouched"))
    del unvouched["_UID"]
    honest = message(uid=1000, result="honest")
    journalctl(message(result="forged", _UID="1000"), json.dumps(unvouched), honest)
    assert [e.result for e in read("snmp", 9)[0]] == ["honest"]


@pytest.mark.parametrize("uid", [65534, 4000000001])
def test_the_name_of_whoever_is_not_root_is_the_journals(journalctl, uid):
    """Anybody may write any name into his line; root's is believed, for whom sudo was asked by stands there."""
    journalctl(message(uid=uid), message(__REALTIME_TIMESTAMP="1"))
    names = {65534: "nobody"}
    assert [(e.who, e.uid) for e in read("snmp", 9)[0]] == [(names.get(uid, str(uid)), uid), ("admin", 0)]


def test_forged_lines_push_no_real_ones_out(journalctl, tmp_path):
    """As journalctl cuts after so many lines."""
    noise = [message(uid=1000, result=f"noise {n}", __REALTIME_TIMESTAMP=str(2 * 10**15 - n)) for n in range(3000)]
    journalctl(*noise, message(result="real"), head='set -- "$@"')
    script = tmp_path / "journalctl"
    script.write_text(script.read_text().replace("lines;;", "lines | head -n 1000;;"))
    entries, _ = read("snmp", 5000)
    assert [e.result for e in entries if e.uid == 0] == ["real"]
    assert len(entries) == 1001
    assert entries[-1].result == "real"


def test_the_newest_come_first_whoever_made_them(journalctl):
    journalctl(
        message(uid=1000, result="3", __REALTIME_TIMESTAMP="3"),
        message(result="2", __REALTIME_TIMESTAMP="2"),
        message(uid=1000, result="1", __REALTIME_TIMESTAMP="1"),
    )
    assert [e.result for e in read("snmp", 2)[0]] == ["3", "2"]


def test_an_empty_journal_is_no_failure(journalctl):
    journalctl(code=1)
    assert read("snmp", 9) == ((), "")


def test_a_journal_that_may_not_be_read_is_a_reason(journalctl):
    journalctl(complaint="No journal files were opened due to insufficient permissions.\n", code=1)
    assert read("snmp", 9) == ((), "No journal files were opened due to insufficient permissions.")
    journalctl(code=127)
    assert read("snmp", 9) == ((), "journalctl ended with code 127")


def test_journalctl_missing_or_hanging_is_a_reason(journalctl, tmp_path, monkeypatch):
    journalctl(head="exec cat /dev/zero > /dev/null")
    monkeypatch.setattr(journal, "TIMEOUT", 0.3)
    assert read("snmp", 9) == ((), "journalctl did not answer within 0.3 s")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert read("snmp", 9) == ((), "journalctl cannot be run: No such file or directory")


@pytest.mark.parametrize("cut", range(0, 90, 7))
def test_half_a_line_is_no_entry(cut):
    whole = line(Entry("admin", 0, "system service stop snmp", "snmp", "stop", "done"))
    assert parse(whole) is not None
    assert parse(whole[:cut]) is None
