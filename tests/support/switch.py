"""The sandbox switch for tests: one for the whole session, with independent witnesses of what happens on it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from sandbox.kube import binaries
from sandbox.kube.cluster import Cluster
from sandbox.processes import SandboxError, start_time
from sandbox.switch import Switch

CONFIG_DB, STATE_DB = 4, 6
RESTART_SEC = 2  # seconds; the switch's own units say 30


PATIENCE = 3
"""How many times longer everything may take than on a machine that does nothing else."""


def wait_until(what: str, predicate: Callable[[], Any], timeout: float = 20) -> Any:
    """The first true value of `predicate`; the test fails, naming `what`, when none comes.

    `timeout`: seconds for which a quiet machine is waited for.
    """
    deadline = time.monotonic() + PATIENCE * timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {PATIENCE * timeout:g} s")
        time.sleep(0.05)  # the tick of this wait, never the proof
    return value


class Witness:
    """Reads, past our own code, what the switch's databases and its engine say."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def row(self, database: int, key: str) -> dict[str, str]:
        """A hash as the redis package reads it; {} when there is none."""
        with redis.Redis(unix_socket_path=str(self.switch.redis_socket), db=database, decode_responses=True) as client:
            row: dict[str, str] = client.hgetall(key)
        return row

    def write(self, database: int, key: str, fields: dict[str, str]) -> None:
        """Replace a hash; an empty one removes it."""
        with redis.Redis(unix_socket_path=str(self.switch.redis_socket), db=database, decode_responses=True) as client:
            client.delete(key)
            if fields:
                client.hset(key, mapping=fields)

    def container(self, name: str) -> dict[str, Any] | None:
        """`docker inspect` of one container; None when there is none of that name."""
        try:
            return json.loads(self.switch.docker("container", "inspect", name))[0]  # type: ignore[no-any-return]
        except SandboxError:
            return None

    def runs(self, name: str) -> bool:
        """Whether Docker shows the container running."""
        found = self.container(name)
        return found is not None and found["State"]["Running"]

    def unit(self, name: str) -> dict[str, str]:
        """ActiveState, SubState, Result, NRestarts and UnitFileState as systemd shows them."""
        wanted = "--property=ActiveState,SubState,Result,NRestarts,UnitFileState"
        shown = self.switch.exec(["systemctl", "show", wanted, f"{name}.service"]).stdout
        return dict(line.split("=", 1) for line in shown.splitlines())


def missing_part() -> str:
    """Why this machine cannot run a sandbox switch; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    programs = ("dockerd", "debootstrap", "redis-server", "snmpget", "unshare", "nsenter")
    absent = [name for name in programs if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    return f"not installed: {', '.join(absent)} (sandbox/setup.sh brings them)" if absent else ""


def processes_of(base: Path) -> list[int]:
    """Living processes whose command line names the sandbox's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            named = str(base).encode() in (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if named and start_time(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def remains(base: Path) -> list[str]:
    """What is left of a sandbox: processes, mounts, control groups, its folder."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if base.name in line]
    # Others' groups come and go meanwhile, of which os.walk makes nothing.
    walked = os.walk("/sys/fs/cgroup")
    groups = [os.path.join(top, name) for top, names, _ in walked for name in names if name == base.name]
    folder = [str(base)] if base.exists() else []
    return [*(f"process {pid}" for pid in processes_of(base)), *mounts, *groups, *folder]


@pytest.fixture(scope="session")
def switch() -> Iterator[Switch]:
    """The session's switch; leave it as you found it: all its units active."""
    if reason := missing_part():
        pytest.skip(f"no sandbox switch: {reason}")
    with Switch(restart_sec=RESTART_SEC) as running:
        yield running
    assert remains(running.base) == []


@pytest.fixture(scope="session")
def cluster(switch: Switch) -> Cluster:
    """A real Kubernetes that the session's switch has joined."""
    if reason := binaries.missing():
        pytest.skip(reason)
    return switch.join()


@pytest.fixture
def witness(switch: Switch) -> Witness:
    """Independent eyes on the session's switch."""
    return Witness(switch)
