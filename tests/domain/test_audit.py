"""The audit log: who, and that no value can break out of its line."""

import contextlib
import os
import pwd
import re
import socket
import tempfile

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
def log(monkeypatch):
    """Whoever takes the lines in the place of journald."""
    # Not tmp_path: a unix socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="log") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taker:
        taker.bind(os.path.join(folder, "log"))
        taker.setblocking(False)
        monkeypatch.setattr(audit, "ADDRESS", os.path.join(folder, "log"))
        monkeypatch.setattr(audit, "_lost", 0)
        yield taker


def taken(log):
    """What has been logged: (what syslog wants in front, the entry) of each line."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            head, _, text = log.recv(65536).decode().partition("]: ")
            found.append((head, parse(text)))
    return found


def test_a_change_is_one_line_of_ours(log, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    audit.record("system service stop snmp", "snmp", "stop the unit", "done")
    text = log.recv(65536).decode()
    assert re.sub(r"^<13>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d ", "", text) == (
        f'sonic-system-service[{os.getpid()}]: user="alice" uid="0" command="system service stop snmp" feature="snmp"'
        ' action="stop the unit" result="done"'
    )


def test_a_log_that_nobody_reads_is_not_waited_for_and_what_is_lost_is_counted(log):
    for number in range(2000):  # journald's queue holds some hundred
        audit.record("c", "f", f"a{number}", "r")
    lines = [entry.action for _, entry in taken(log)]
    assert 0 < len(lines) < 2000
    audit.record("c", "f", "after", "r")
    lost, after = (entry for _, entry in taken(log))
    assert (lost.result, after.action) == (f"{2000 - len(lines)} lines before this are lost", "after")
    audit.record("c", "f", "again", "r")
    assert [entry.action for _, entry in taken(log)] == ["again"]


def _no_login():
    raise OSError(6, "No such device or address")


def test_who_is_not_what_an_ordinary_user_claims(log, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "mallory")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getlogin", lambda: "bob")
    audit.record("c", "f", "a", "r")
    ((_, entry),) = taken(log)
    assert (entry.who, entry.uid) == ("bob", 1000)


def test_without_login_it_is_the_user_of_the_process_or_its_number(log, monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "getlogin", _no_login)
    audit.record("c", "f", "a", "r")
    monkeypatch.setattr(os, "getuid", lambda: 4000000001)
    audit.record("c", "f", "a", "r")
    assert [entry.who for _, entry in taken(log)] == [pwd.getpwuid(os.geteuid()).pw_name, "4000000001"]


@pytest.mark.parametrize("address", ["/nowhere/log", "/dev/null", "/"])
def test_no_value_and_no_missing_syslog_makes_it_fail(monkeypatch, log, address):
    values = ("c\0\n%s%n", "f\udcff", "", "x" * 100000)
    audit.record(*values)
    assert len(taken(log)) == 1
    monkeypatch.setattr(audit, "ADDRESS", address)
    audit.record(*values)
    assert audit._lost == 1
