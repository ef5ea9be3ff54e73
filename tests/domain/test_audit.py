"""The audit log: who, and that no value can break out of its line."""

import os
import pwd
import syslog

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system_service.backends.journal import Entry, line, parse
from system_service.domain import audit

# Everything a string can hold: control characters, quotes, line separators, and the lone surrogates of odd file names.
anything = st.text(st.characters(exclude_categories=()), max_size=200)


@given(
    who=anything, uid=st.integers(0, 2**32 - 1), command=anything, feature=anything, action=anything, result=anything
)
def test_what_is_logged_is_read_back(who, uid, command, feature, action, result):
    text = line(Entry(who, uid, command, feature, action, result))
    assert text.isascii()
    assert text.isprintable()
    entry = parse(text)
    assert entry is not None
    assert (entry.who, entry.uid, entry.command, entry.feature) == (who, uid, command, feature)
    assert (entry.action, entry.result, entry.time) == (action, result, "")


@given(anything)
def test_no_text_breaks_the_reader(text):
    assert parse(text) is None or line(parse(text))


def test_a_line_looks_like_this_and_is_bounded():
    entry = Entry("admin", 1000, 'stop "x"\n', "snmp", "stop the unit", "failed: é\x7f")
    assert line(entry) == (
        r'user="admin" uid="1000" command="stop \"x\"\n" feature="snmp" action="stop the unit"'
        r' result="failed: \u00e9\u007f"'
    )
    assert len(line(Entry(*["\uffff" * 9999, 0, *["\uffff" * 9999] * 4]))) < 8000


@pytest.fixture
def logged(monkeypatch):
    """What reaches syslog: (identifier, options, facility, priority, line)."""
    seen = []
    monkeypatch.setattr(syslog, "openlog", lambda *given: seen.append(given))
    monkeypatch.setattr(syslog, "syslog", lambda *given: seen.append(given))
    return seen


def test_a_change_is_one_line_of_ours(logged, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    audit.record("system service stop snmp", "snmp", "stop the unit", "done")
    assert logged == [
        ("sonic-system-service", syslog.LOG_PID, syslog.LOG_USER),
        (
            syslog.LOG_NOTICE,
            'user="alice" uid="0" command="system service stop snmp" feature="snmp" action="stop the unit"'
            ' result="done"',
        ),
    ]


def _no_login():
    raise OSError(6, "No such device or address")


def test_who_is_not_what_an_ordinary_user_claims(logged, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "mallory")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getlogin", lambda: "bob")
    audit.record("c", "f", "a", "r")
    entry = parse(logged[1][1])
    assert (entry.who, entry.uid) == ("bob", 1000)


def test_without_login_it_is_the_user_of_the_process_or_its_number(logged, monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "getlogin", _no_login)
    audit.record("c", "f", "a", "r")
    monkeypatch.setattr(os, "getuid", lambda: 4000000001)
    audit.record("c", "f", "a", "r")
    assert [parse(text).who for _, text in logged[1::2]] == [pwd.getpwuid(os.geteuid()).pw_name, "4000000001"]


def test_no_value_and_no_missing_syslog_makes_it_fail():
    # The real syslog(3): it drops the line where nobody listens.
    audit.record("c\0\n%s%n", "f\udcff", "", "x" * 100000)
