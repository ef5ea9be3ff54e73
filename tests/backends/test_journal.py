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
    """Makes a journalctl that prints these lines, complains and ends; it writes down its arguments."""

    def make(*lines, complaint="", code=0, head=""):
        (tmp_path / "lines").write_bytes(b"\n".join(x if isinstance(x, bytes) else x.encode() for x in lines) + b"\n")
        (tmp_path / "complaint").write_text(complaint)
        script = tmp_path / "journalctl"
        script.write_text(
            f'#!/bin/sh\n{head}\necho "$@" > {tmp_path}/arguments\ncat {tmp_path}/lines\n'
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
    assert arguments.read_text().split() == [
        *("-t", "sonic-system-service", "-o", "json", "--output-fields=MESSAGE,_UID", "--no-pager", "--quiet"),
        *("--reverse", "-n", "1000", "--since=-30d"),
    ]


def test_lines_that_are_no_entries_are_left_out(journalctl):
    good = message()
    odd = ["", "null", "[]", "7", "{", '{"MESSAGE": null}', message(MESSAGE=[98, 1]), message(MESSAGE="hello")]
    odd += [message(__REALTIME_TIMESTAMP=t) for t in ("soon", None, "9" * 30)]
    journalctl(*odd, b"\xff\xfe", good)
    entries, reason = read("snmp", 100)
    assert (len(entries), reason) == (1, "")


def test_an_entry_that_claims_another_user_is_left_out(journalctl):
    journalctl(message(result="forged", _UID="1000"), message(uid=1000, result="honest"))
    assert [e.result for e in read("snmp", 9)[0]] == ["honest"]


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
