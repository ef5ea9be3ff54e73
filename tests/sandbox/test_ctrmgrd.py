"""The rules of the sandbox's stand-in for ctrmgrd, those that surprise among them, in a table that can be read.

tests/recordings/test_ctrmgrd.py holds the whole of it to what the real one did.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import redis

from sandbox import ctrmgrd
from sandbox.ctrmgrd.rules import Transitions
from tests.support.redis import NUMBERS, RedisServer
from tests.waiter.process import until


class Recorder:
    """Writes down what would be done to the switch."""

    def __init__(self, active: bool) -> None:
        self._active = active
        self.done: list[str] = []

    def active(self, feature: str) -> bool:
        return self._active

    def restart(self, feature: str, owner: str) -> None:
        self.done.append(f"restart for {owner}")

    def label(self, feature: str, wanted: bool) -> None:
        self.done.append(str(wanted).lower())

    def served(self, feature: str) -> None:
        self.done.append("served")


def rows(wanted: str, owner: str, remote: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"set_owner": wanted}, {"current_owner": owner, "remote_state": remote}


@pytest.mark.parametrize(
    ("active", "wanted", "owner", "remote", "done"),
    [
        # The label follows set_owner, for an active unit alone.
        (True, "local", "local", "none", ["false"]),
        (True, "kube", "none", "none", ["true"]),
        (True, "kube", "local", "none", ["true"]),
        (True, "kube", "kube", "running", ["served", "true"]),
        (False, "kube", "local", "none", []),
        # Legacy is wanted, and a pod has it. Where nobody has it nothing is done.
        (True, "local", "kube", "running", ["served", "false", "restart for local"]),
        (True, "local", "none", "none", ["false"]),
        (False, "local", "kube", "none", []),
        # A pod announces itself beside an owner, be it a pod that is no more.
        (True, "kube", "local", "pending", ["true", "restart for kube"]),
        (True, "kube", "kube", "pending", ["true", "restart for kube"]),
        (True, "kube", "none", "pending", ["true"]),
        (False, "kube", "local", "pending", []),
        # A stop that left `stopped` behind is undone; any other is left alone.
        (False, "kube", "none", "stopped", ["restart for kube"]),
        (False, "kube", "kube", "stopped", []),
        (False, "local", "none", "stopped", []),
        (True, "kube", "none", "stopped", ["true"]),
        (False, "kube", "none", "none", []),
        (False, "kube", "none", "pending", []),
        # A pod that was stopped is nobody's yet, and so it is with legacy wanted.
        (True, "local", "none", "stopped", ["false"]),
        (True, "local", "none", "pending", ["false"]),
        # A word that is none of the two counts as kube, but for the label.
        (True, "other", "local", "pending", ["false", "restart for other"]),
        # Words are taken in any case.
        (True, "KUBE", "Local", "PENDING", ["true", "restart for kube"]),
    ],
)
def test_what_it_does_about_rows(active: bool, wanted: str, owner: str, remote: str, done: list[str]) -> None:
    for first in ("config", "state"):  # whichever comes first: with the second it acts
        host = Recorder(active)
        transitions = Transitions(host)
        config, state = rows(wanted, owner, remote)
        for take, row in ((transitions.config, config), (transitions.state, state))[:: 1 if first == "config" else -1]:
            take("snmp", row)
        assert host.done == done


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        (("local", "none"), ("local", "pending"), ["true", "restart for kube"]),
        (("local", "pending"), ("local", "none"), []),
        (("local", "pending"), ("local", "pending"), []),
        (("none", "pending"), ("local", "pending"), []),  # an owner that comes later is not looked at
        (("none", "none"), ("local", "none"), []),
        (("none", "pending"), ("none", "ready"), []),
        (("none", "ready"), ("kube", "running"), ["served"]),
        (("kube", "running"), ("none", "none"), []),
        (("kube", "running"), ("none", "stopped"), ["true"]),
        # Nobody looks at the unit here, nor at what is wanted: a `stopped` must not become `none` unless local serves.
        (("none", "stopped"), ("none", "none"), ["restart for local"]),
        (("kube", "stopped"), ("kube", "none"), ["restart for local"]),
        (("none", "stopped"), ("local", "none"), []),
        (("none", "stopped"), ("none", "ready"), []),
        (("none", "stopped"), ("none", "pending"), ["true"]),
        (("kube", "running"), ("kube", "pending"), ["true", "restart for kube"]),
        (("none", "none"), ("none", "pending"), ["true"]),
    ],
)
def test_what_it_does_about_changes(before: tuple[str, str], after: tuple[str, str], done: list[str]) -> None:
    host = Recorder(True)
    transitions = Transitions(host)
    transitions.config("snmp", {"set_owner": "kube"})
    transitions.state("snmp", rows("", *before)[1])
    host.done.clear()
    transitions.state("snmp", rows("", *after)[1])
    assert host.done == done


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("wanted", ["kube", "local"])
def test_a_row_that_said_stopped_and_goes_is_a_restart(active: bool, wanted: str) -> None:
    host = Recorder(active)
    transitions = Transitions(host)
    transitions.config("snmp", {"set_owner": wanted})
    transitions.state("snmp", rows("", "local", "stopped")[1])
    host.done.clear()
    transitions.state("snmp", {})
    assert host.done == ["restart for local"]


def test_only_a_change_of_owner_counts_in_config_db() -> None:
    host = Recorder(True)
    transitions = Transitions(host)
    transitions.state("snmp", {"current_owner": "local"})
    for row, done in (
        ({"set_owner": "local"}, ["false"]),
        ({"set_owner": "local", "state": "enabled"}, []),
        ({"set_owner": "kube"}, ["true"]),
        ({}, ["false"]),  # a row that is gone wants the local one
    ):
        host.done.clear()
        transitions.config("snmp", row)
        assert host.done == done


def test_nothing_is_done_about_a_feature_that_only_one_database_has() -> None:
    host = Recorder(True)
    transitions = Transitions(host)
    transitions.config("snmp", {"set_owner": "kube"})
    transitions.state("lldp", {"current_owner": "local", "remote_state": "pending"})
    assert host.done == []


def test_by_the_host_s_own_clock_it_waits_for_rows_and_for_what_is_due(tmp_path: Path) -> None:
    """The replays of recordings have a clock of their own."""
    calls = tmp_path / "calls"
    for name in ("systemctl", "docker"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n')
        program.chmod(0o755)
    settings = tmp_path / "etc/sonic/remote_ctr.config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"join_latency_on_boot_seconds": 300, "tag_latest_image_on_wait_seconds": 0.5}')
    with tempfile.TemporaryDirectory(prefix="db") as folder, RedisServer(folder) as server:
        line = f"from ctrmgrd.daemon import Daemon; Daemon({server.address!r}, {str(tmp_path)!r}).run()"
        environment = {"PATH": str(tmp_path / "bin"), "PYTHONPATH": str(Path(ctrmgrd.__file__).parents[1])}
        process = subprocess.Popen([sys.executable, "-c", line], env=environment, stderr=subprocess.DEVNULL)
        try:
            with redis.Redis(unix_socket_path=server.address, db=NUMBERS["CONFIG_DB"]) as client:
                client.hset("FEATURE|snmp", "set_owner", "kube")
            with redis.Redis(unix_socket_path=server.address, db=NUMBERS["STATE_DB"]) as client:
                client.hset("FEATURE|snmp", mapping={"current_owner": "local", "remote_state": "pending"})
                restarted = ["is-active --quiet", "reset-failed", "restart"]
                told = [f"systemctl {words} snmp" for words in restarted]
                until(lambda: calls.exists() and calls.read_text().splitlines() == told)
                assert client.hget("KUBE_LABELS|SET", "snmp_enabled") == b"true"
                running = {"current_owner": "kube", "remote_state": "running", "container_id": "3f2a9c0b7d1e"}
                client.hset("FEATURE|snmp", mapping=running)
                until(lambda: calls.read_text().splitlines() == [*told, "docker ps"])
            server.stop()
            assert process.wait(20) == 1
        finally:
            process.kill()
            process.wait()
