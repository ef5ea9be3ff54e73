"""Whatever lies in the run directory, where members of a group may write: nobody of ours waits for it, or trusts it."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from system_service.backends import trigger
from system_service.domain.command_lock import command_lock
from system_service.domain.monit.handing_over import acting
from system_service.domain.status.cache import Kept
from system_service.errors import Failed
from system_service.handover.action_lock import ActionLock, Presence
from system_service.model import naming

ID = "a" * 64


@pytest.fixture(params=["pipe", "pipe with a reader", "socket", "folder", "link", "device"])
def strange(request, tmp_path):
    """Puts one at a path of the run directory."""
    opened = []

    def put(name: str) -> str:
        path = str(tmp_path / name)
        if request.param.startswith("pipe"):
            os.mkfifo(path)
            if "reader" in request.param:
                opened.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        elif request.param == "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(os.path.relpath(path))
        elif request.param == "folder":
            os.mkdir(path)
        elif request.param == "link":
            os.symlink("/dev/zero", path)
        else:
            os.mknod(path, 0o20666, os.makedev(1, 5))  # /dev/zero
        return path

    yield put
    for handle in opened:
        os.close(handle)


@pytest.fixture(autouse=True)
def soon(monkeypatch, tmp_path):
    """Whoever waits here would wait for ever: a pipe that is in the way gets its other end after a while."""
    monkeypatch.chdir(tmp_path)
    late = []

    def open_up() -> None:
        for name in os.listdir(tmp_path):
            late.append(name)
            os.close(os.open(tmp_path / name, os.O_RDWR | os.O_NONBLOCK))

    timer = threading.Timer(20, open_up)
    timer.start()
    yield
    timer.cancel()
    timer.join()
    assert late == []


def test_nobody_is_asked_through_what_is_no_file(strange, tmp_path):
    strange(trigger.TRIGGER)
    assert trigger.ask(str(tmp_path)) is False


def test_nothing_is_locked_by_what_is_no_file(strange, tmp_path):
    path = strange("snmp.lock")
    with (
        pytest.raises(Failed, match="cannot lock the feature") as raised,
        command_lock(str(tmp_path), "snmp", time.monotonic() + 5, lambda: None),
    ):
        pass
    assert path in str(raised.value)


def test_a_step_goes_on_without_a_lock_that_is_no_file(strange, tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
    for name in ("snmp.action", "snmp.wait"):
        strange(name)
    with ActionLock("snmp", pytest.fail):
        pass
    presence = Presence("snmp")
    assert presence.first() is True
    presence.close()


def test_no_list_is_read_from_what_is_no_file(strange, tmp_path):
    kept = Kept(str(tmp_path))
    strange(f"critical.{ID[:12]}")
    assert kept.get(ID, "1", 5.0) is None


def test_whether_somebody_acts_is_told_at_once(strange, tmp_path):
    strange("snmp.action")
    assert acting(str(tmp_path), "snmp") is False


def test_a_sweep_takes_no_lock_away(tmp_path):
    for name in ("critical.x.lock", "critical.abc.action", f"critical.{ID[:12]}", f"critical.{ID[:12]}.123"):
        (tmp_path / name).touch()
    Kept(str(tmp_path)).sweep([])
    assert sorted(os.listdir(tmp_path)) == ["critical.abc.action", "critical.x.lock"]


def test_an_empty_variable_is_as_none(monkeypatch, tmp_path):
    """Otherwise root would leave files wherever a command is typed."""
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", "")
    monkeypatch.setattr(naming, "RUN_DIR", str(tmp_path / "run"))
    assert trigger.ask() is False  # there is no such folder
    os.mkdir(tmp_path / "run")
    assert trigger.ask() is True
    assert os.listdir(tmp_path) == ["run"]
