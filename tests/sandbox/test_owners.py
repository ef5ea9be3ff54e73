"""The sampler of owners sees a process by its name and its container, and two containers that have one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.owners import Owners
from tests.support.switch import wait_until

ONE, OTHER = "a" * 64, "b" * 64


@contextlib.contextmanager
def running(folder: Path, name: str, *containers: str) -> Iterator[None]:
    """A process of this name in each of these containers, as the control groups below `folder` have it."""
    program = folder / name
    shutil.copy("/bin/sleep", program)
    started = [subprocess.Popen([program, "1000"]) for _ in containers]
    for process, container in zip(started, containers, strict=True):
        group = folder / "room" / "docker" / container
        group.mkdir(parents=True)
        (group / "cgroup.procs").write_text(f"{process.pid}\n")
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_one_owner_is_seen_and_is_well(tmp_path: Path) -> None:
    with running(tmp_path, "snmpd", ONE), Owners("room", tmp_path) as owners:
        wait_until("a look at it", lambda: owners.seen)
    assert owners.seen == {("snmp", ONE[:12])}
    assert owners.twice == []
    assert (owners.changes("snmp"), owners.changes("snmp", 1)) == ([ONE[:12]], [])
    assert f"{owners.looks} looks" in str(owners)


def test_two_owners_are_told_with_both_names(tmp_path: Path) -> None:
    with running(tmp_path, "lldpd", ONE, OTHER), Owners("room", tmp_path) as owners:
        wait_until("a look at both", lambda: owners.twice)
    assert owners.twice[0].startswith(f"lldp in {ONE[:12]}, {OTHER[:12]} at ")


def test_what_is_in_another_room_is_nobody(tmp_path: Path) -> None:
    with running(tmp_path, "snmpd", ONE), running(tmp_path, "probe", OTHER), Owners("elsewhere", tmp_path) as owners:
        wait_until("some looks", lambda: owners.looks > 3)
    assert owners.seen == set()
