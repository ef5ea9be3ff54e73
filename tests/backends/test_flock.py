"""What every lock of the run directory keeps, whatever it is for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from system_service.backends.files import NoFile
from system_service.backends.flock import Flock, holder


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "snmp.action")


@pytest.fixture
def other(path: str) -> Iterator[Flock]:
    """Somebody else who has it."""
    lock = Flock(path)
    assert lock.take(0.0)
    yield lock
    lock.close()


def soon() -> float:
    return time.monotonic() + 20


def test_it_is_one_holder_s_until_it_is_closed(path: str, other: Flock) -> None:
    mine = Flock(path)
    assert mine.take(time.monotonic() + 0.1) is False
    other.close()
    assert mine.take(0.0) is True
    mine.close()


def test_one_whose_file_was_unlinked_under_its_holder_is_had_anew(path: str, other: Flock) -> None:
    mine, third = Flock(path), Flock(path)
    assert mine.take(0.0) is False
    os.unlink(path)
    other.close()
    assert mine.take(soon()) is True
    assert third.take(0.0) is False
    third.close()
    mine.close()


def test_where_its_folder_is_gone_it_is_not_made_again(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "snmp.lock")
    with pytest.raises(FileNotFoundError):
        Flock(path).take(soon())
    assert os.listdir(tmp_path) == []


def test_the_file_is_the_group_s_whatever_the_umask(path: str) -> None:
    former = os.umask(0o077)
    try:
        lock = Flock(path)
        assert lock.take(0.0)
        lock.close()
    finally:
        os.umask(former)
    assert os.stat(path).st_mode & 0o777 == 0o660


def test_a_pipe_in_its_place_is_not_waited_for(path: str) -> None:
    os.mkfifo(path)
    with pytest.raises(NoFile):
        Flock(path).take(soon())
    assert holder(path) is None


def test_its_holder_is_told_by_the_last_note_alone(path: str, other: Flock) -> None:
    other.note("pid 1234567\n")
    other.note("pid 1\n")
    assert holder(path) == "pid 1\n"
    other.close()
    assert holder(path) is None
    os.unlink(path)
    assert holder(path) is None
    assert not os.path.exists(path)


def test_who_follows_goes_on_when_the_holder_has_ended(path: str, other: Flock) -> None:
    follower = Flock(path)
    assert follower.take(0.0) is False
    ended: list[str] = []

    def end() -> None:
        ended.append("by then")
        other.close()

    ending = threading.Timer(0.1, end)
    ending.start()
    follower.follow()
    assert ended == ["by then"]
    ending.join()
    follower.close()
