"""Single steps: their guards against what changed since they were planned, their deadline, their line in the log."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from system_service.domain import audit
from system_service.domain.change.actions import Action, Kind, Plan
from system_service.domain.change.execute import Executor
from system_service.domain.status.observe import observe
from system_service.errors import Failed, NotPermitted, Refused, TimedOut
from tests.support.systemd import Spec


@pytest.fixture
def logged(monkeypatch):
    """The lines that syslog was given, read back as pairs."""
    lines = []
    monkeypatch.setattr(audit, "_lost", 0)
    monkeypatch.setattr(audit, "_send", lambda line: lines.append(line) or True)

    def read():
        return [{k: json.loads(v) for k, v in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*")', line)} for line in lines]

    return read


@pytest.fixture
def execute(fakes, asker, logged):
    """Carries actions out on feature snmp; what each changed."""

    def run(*actions, seconds=5.0, block=True, check=lambda: None):
        switch = fakes.switch()
        (wanted,) = observe(switch, ("snmp",)).features
        executor = Executor(switch, "the command", time.monotonic() + seconds, lambda s: None, check, block)
        return list(executor.run(wanted, Plan(actions)))

    return run


WRITE = Action(Kind.WRITE, "snmp", {"state": "disabled", "set_owner": None})


def test_every_step_has_its_line(fakes, execute, logged):
    fakes.feature("snmp")
    stop = Action(Kind.STOP_CONTAINER, "snmp")
    assert execute(WRITE, stop, Action(Kind.AWAIT_STOPPED, "snmp")) == [True, True]
    assert [(e["command"], e["feature"], e["action"], e["result"]) for e in logged()] == [
        ("the command", "snmp", "write state=disabled, no set_owner to CONFIG_DB FEATURE|snmp", "done"),
        ("the command", "snmp", "stop container snmp", "done"),
    ]
    assert fakes.row("snmp") == {"state": "disabled", "auto_restart": "enabled"}


def test_a_write_that_finds_it_so_is_none(fakes, execute, logged):
    fakes.feature("snmp", state="disabled", set_owner="")
    assert execute(WRITE) == []
    assert logged() == []


def test_what_fails_is_logged_as_well(fakes, execute, logged):
    fakes.feature("snmp", "dead")
    fakes.docker.inject("POST", "raw", raw=b'HTTP/1.0 500 X\r\nContent-Length: 18\r\n\r\n{"message":"no"}  ')
    with pytest.raises(Failed, match="Docker: no"):
        execute(Action(Kind.START_CONTAINER, "snmp"))
    assert [e["result"] for e in logged()] == ["failed: Docker: no"]


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [
        ({}, "the row of feature snmp has just been removed"),
        ({"state": "always_enabled"}, "feature snmp has just become always_enabled"),
    ],
)
def test_a_row_that_changed_since_the_plan(fakes, execute, meanwhile, says):
    fakes.feature("snmp")

    def change():
        fakes.redis.databases[4].clear()
        if meanwhile:
            fakes.put("CONFIG_DB", "FEATURE|snmp", meanwhile)

    with pytest.raises(Refused, match=says):
        execute(WRITE, check=change)
    assert fakes.row("snmp") == (meanwhile or None)


def test_no_time_left(fakes, execute):
    fakes.feature("snmp")
    with pytest.raises(TimedOut, match="no time left to stop container snmp"):
        execute(Action(Kind.STOP_CONTAINER, "snmp"), seconds=0)
    assert fakes.writes() == []
    # The intent is worth more than the time: it alone is enough for the next command to complete it.
    assert execute(WRITE, seconds=0) == [True]


def test_without_waiting(fakes, execute):
    fakes.feature("snmp", "restarting")
    assert execute(Action(Kind.AWAIT_RUNNING, "snmp"), Action(Kind.AWAIT_STOPPED, "snmp"), block=False) == []


def test_a_wait_ends_with_a_unit_that_failed(fakes, execute):
    fakes.systemd(snmp=Spec(start_pre="fail"))
    fakes.feature("snmp", "exited")
    with pytest.raises(Failed):
        execute(Action(Kind.START_UNIT, "snmp.service"))
    with pytest.raises(Failed, match=r"^snmp\.service failed: exit-code") as caught:
        execute(Action(Kind.AWAIT_RUNNING, "snmp"))
    assert caught.value.resolution == "journalctl -u snmp.service"


def test_a_container_that_vanished_has_stopped(fakes, execute):
    fakes.feature("snmp", "")
    assert execute(Action(Kind.STOP_CONTAINER, "snmp"), Action(Kind.AWAIT_STOPPED, "snmp")) == [True]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize(
    ("kind", "allowed"), [(k, k is Kind.STOP_CONTAINER) for k in (Kind.STOP_CONTAINER, Kind.WRITE, Kind.STOP_UNIT)]
)
def test_who_may(fakes, execute, kind, allowed):
    fakes.feature("snmp")
    for path, mode in ((fakes.folder, 0o711), (fakes.redis.address, 0o666), (fakes.docker.address, 0o666)):
        os.chmod(path, mode)
    os.seteuid(65534)
    try:
        if allowed:
            assert execute(Action(kind, "snmp")) == [True]
        else:
            with pytest.raises(NotPermitted, match="'the command' needs root") as caught:
                execute(Action(kind, "snmp"))
            assert caught.value.resolution == "run it as root (sudo)"
            assert fakes.writes() == []
    finally:
        os.seteuid(0)
