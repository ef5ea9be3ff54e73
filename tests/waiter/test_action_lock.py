"""The action lock of a feature: a holder that hangs is waited for, and not for ever."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from system_service.errors import Failed
from system_service.handover.action_lock import ActionLock


@pytest.fixture
def hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """snmp's lock in somebody else's hands: the file."""
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
    with open(tmp_path / "snmp.action", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def test_a_holder_that_hangs_is_named_and_nothing_is_done(hung: int, tmp_path: Path) -> None:
    with (
        pytest.raises(Failed, match="another process has held the action lock") as failed,
        ActionLock("snmp", most=0.1),
    ):
        pytest.fail("it was taken from its holder")
    assert failed.value.resolution == f"fuser -v {tmp_path}/snmp.action"


def test_who_may_go_on_without_it_says_so(hung: int) -> None:
    said: list[str] = []
    with ActionLock("snmp", said.append, most=0.1):
        assert said == ["snmp: another process has held the action lock for 0 s; going on without it"]


def test_a_holder_that_lets_go_is_followed_at_once(hung: int) -> None:
    letting_go = threading.Timer(0.1, fcntl.flock, (hung, fcntl.LOCK_UN))
    letting_go.start()
    with ActionLock("snmp", most=20), pytest.raises(BlockingIOError):
        fcntl.flock(hung, fcntl.LOCK_EX | fcntl.LOCK_NB)
    letting_go.join()
    fcntl.flock(hung, fcntl.LOCK_EX | fcntl.LOCK_NB)  # and it is given back


def test_another_feature_s_is_another(hung: int) -> None:
    with ActionLock("lldp", most=0.1):
        pass
