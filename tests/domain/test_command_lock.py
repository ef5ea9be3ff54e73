"""The per-feature lock: one holder at a time, gone with the process, clear when it cannot be had."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time

import pytest

from system_service.domain.command_lock import command_lock
from system_service.errors import Busy, Failed, Interrupted, NotPermitted

HOLDER = """
import sys, time
from system_service.domain.command_lock import command_lock
with command_lock(sys.argv[1], "snmp", time.monotonic() + 5, lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def nobody_interrupts() -> None:
    return None


@pytest.fixture
def holder(tmp_path):
    """Another process that holds snmp's lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_second_command_on_a_feature_is_busy_and_names_the_holder(tmp_path, holder):
    with (
        pytest.raises(Busy, match=f"working on snmp .pid {holder.pid}.") as caught,
        command_lock(str(tmp_path), "snmp", soon(0.2), nobody_interrupts),
    ):
        pass
    assert caught.value.exit_code == 9


def test_second_command_has_its_turn_once_the_first_has_ended(tmp_path, holder):
    tries = []

    def let_go_at_the_second_try() -> None:
        tries.append(1)
        if len(tries) == 2:
            holder.stdin.close()

    with command_lock(str(tmp_path), "snmp", soon(), let_go_at_the_second_try):
        assert (tmp_path / "snmp.lock").read_text() == f"pid {os.getpid()}\n"
    assert len(tries) >= 2


def test_a_lock_whose_file_was_removed_meanwhile_is_had_anew(tmp_path, holder):
    def removed() -> None:
        (tmp_path / "snmp.lock").unlink(missing_ok=True)
        holder.stdin.close()

    with command_lock(str(tmp_path), "snmp", soon(), removed):
        assert (tmp_path / "snmp.lock").read_text() == f"pid {os.getpid()}\n"
        with pytest.raises(Busy), command_lock(str(tmp_path), "snmp", soon(0.0), nobody_interrupts):
            pass


def test_who_waits_while_the_package_is_taken_back_does_not_go_on(tmp_path, holder):
    """A change of mode would be acted on by nobody: `container` is the host's own again."""

    def taken_back() -> None:
        shutil.rmtree(tmp_path, ignore_errors=True)
        holder.stdin.close()

    with (
        pytest.raises(Failed, match=r"snmp\.lock: No such file or directory"),
        command_lock(str(tmp_path), "snmp", soon(), taken_back),
    ):
        pytest.fail("it was locked")
    assert not tmp_path.exists()
    tmp_path.mkdir()


def test_no_handle_is_left_open(tmp_path, holder):
    before = os.listdir("/proc/self/fd")

    def removed() -> None:
        (tmp_path / "snmp.lock").unlink(missing_ok=True)
        holder.stdin.close()

    with command_lock(str(tmp_path), "snmp", soon(), removed):
        pass
    assert len(os.listdir("/proc/self/fd")) == len(before) - 1  # the holder's input


def test_a_killed_holder_leaves_no_lock(tmp_path, holder):
    holder.kill()
    holder.wait()
    with command_lock(str(tmp_path), "snmp", soon(0.2), nobody_interrupts):
        pass


def test_features_do_not_wait_for_each_other(tmp_path, holder):
    with command_lock(str(tmp_path), "lldp", soon(0.2), nobody_interrupts):
        pass


def test_a_signal_ends_the_wait_for_the_lock(tmp_path, holder):
    def interrupted() -> None:
        raise Interrupted(15, "interrupted", "again")

    with pytest.raises(Interrupted), command_lock(str(tmp_path), "snmp", soon(), interrupted):
        pass


def test_a_full_disk_when_the_holder_is_written_costs_only_the_name(tmp_path, mocker):
    mocker.patch("os.pwrite", side_effect=OSError(errno.ENOSPC, "No space left on device"))
    with (
        command_lock(str(tmp_path), "snmp", soon(), nobody_interrupts),
        pytest.raises(Busy, match=r"working on snmp$"),
        command_lock(str(tmp_path), "snmp", soon(0.0), nobody_interrupts),
    ):
        pass


def test_a_full_disk_when_the_file_is_made_is_a_failure_that_says_so(tmp_path, mocker):
    mocker.patch("os.open", side_effect=OSError(errno.ENOSPC, "No space left on device"))
    with (
        pytest.raises(Failed, match=r"snmp\.lock: No space left on device"),
        command_lock(str(tmp_path), "snmp", soon(), nobody_interrupts),
    ):
        pass


def test_a_lock_folder_of_somebody_else_is_not_permitted(tmp_path, mocker):
    mocker.patch("os.open", side_effect=PermissionError(errno.EACCES, "Permission denied"))
    with (
        pytest.raises(NotPermitted, match=r"snmp\.lock: Permission denied") as caught,
        command_lock(str(tmp_path), "snmp", soon(), nobody_interrupts),
    ):
        pass
    assert caught.value.resolution


def test_a_symlink_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "snmp.lock").symlink_to(tmp_path / "target")
    with pytest.raises(Failed), command_lock(str(tmp_path), "snmp", soon(), nobody_interrupts):
        pass
    assert (tmp_path / "target").read_text() == "precious"


def test_the_file_is_the_groups_whatever_the_umask(tmp_path):
    former = os.umask(0o077)
    try:
        with command_lock(str(tmp_path), "snmp", soon(), nobody_interrupts):
            assert (tmp_path / "snmp.lock").stat().st_mode & 0o777 == 0o660
    finally:
        os.umask(former)
