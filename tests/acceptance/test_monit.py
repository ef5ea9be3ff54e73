"""A real monit and whoever runs the feature: what is an alarm and what is none, read back from monit itself.

The same table in both modes: `host.owner` says who runs snmp meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from sandbox.kube.registry import ADDRESS
from tests.acceptance.console import Console
from tests.acceptance.fleet import Fleet
from tests.acceptance.monitor import CONTAINERS, FAILED, HOSTS, OK, PROCESSES, Monit
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

DOWN = "Expected containers not running: snmp"


class Host:
    """A console with a monit; snmp is run by `owner`."""

    def __init__(self, console: Console, monit: Monit, owner: str, fleet: Fleet | None = None) -> None:
        self.console = console
        self.monit = monit
        self.owner = owner
        self._fleet = fleet

    def container(self) -> str:
        """What runs snmp: its container's docker name or id."""
        pods = self._fleet.pods("snmp") if self._fleet else []
        return str(pods[0]["Id"]) if pods else "snmp"

    def back(self) -> None:
        """All is well again, run by whom it was."""
        if self._fleet:
            self._fleet.await_runner("snmp", self.owner, 60)
        self.console.answers(40)
        self.monit.await_(CONTAINERS, OK, timeout=40)
        self.monit.await_(PROCESSES, OK, timeout=40)

    @contextmanager
    def intent(self, **fields: str) -> Iterator[None]:
        """snmp's CONFIG_DB row with these fields changed."""
        row = self.console.intent("snmp")
        self.console.witness.write(CONFIG_DB, "FEATURE|snmp", row | fields)
        yield
        self.console.witness.write(CONFIG_DB, "FEATURE|snmp", row)

    @contextmanager
    def frozen(self, container: str) -> Iterator[None]:
        """A paused container."""
        self.console.switch.docker("pause", container)
        try:
            yield
        finally:
            self.console.switch.docker("unpause", container)


def a_container_is_killed(host: Host) -> None:
    life = host.container(), host.console.life("snmp")
    host.console.switch.docker("kill", host.container())
    wait_until("a failure", lambda: DOWN in host.monit.entry(CONTAINERS).get("last output", ""))
    wait_until("another life", lambda: (host.container(), host.console.life("snmp")) != life, 40)


def a_process_is_killed_in_a_container_that_runs_on(host: Host) -> None:
    with host.intent(auto_restart="disabled"):
        container = host.container()
        host.console.switch.docker("exec", container, "pkill", "-KILL", "-x", "snmpd")
        host.monit.await_(
            PROCESSES, FAILED, "Critical processes not running: snmp:snmpd", f"({host.owner})", timeout=45
        )
        assert host.monit.entry(CONTAINERS)["status"] == OK
        host.console.switch.docker("exec", container, "supervisorctl", "start", "snmpd")
        host.monit.await_(PROCESSES, OK)


def a_container_is_paused_and_a_disabled_feature_may_be(host: Host) -> None:
    with host.frozen(host.container()):
        host.monit.await_(CONTAINERS, FAILED, DOWN, "is paused")
        host.monit.await_(HOSTS, FAILED, DOWN)
        with host.intent(state="disabled"):
            host.monit.await_(CONTAINERS, OK)
            host.monit.await_(PROCESSES, OK)


def a_row_that_says_it_runs_hides_nothing(host: Host) -> None:
    row = host.console.state("snmp")
    host.console.type("systemctl stop snmp")
    host.console.witness.write(STATE_DB, "FEATURE|snmp", row)
    host.monit.await_(CONTAINERS, FAILED, DOWN)
    host.console.type("system container state snmp down")
    host.console.type("systemctl start snmp")


def redis_does_not_answer(host: Host) -> None:
    with host.frozen("database"):
        host.monit.await_(CONTAINERS, FAILED, "Error: the switch database at", timeout=60)
        assert host.monit.entry(CONTAINERS)["last exit value"] == "7"


def the_table_of_features_is_empty(host: Host) -> None:
    empty = "Error: the FEATURE table of CONFIG_DB is empty: a config reload may be under way"
    seen = len(host.monit.failures())
    socket = str(host.console.switch.redis_socket)
    with redis.Redis(unix_socket_path=socket, db=CONFIG_DB, decode_responses=True) as client:
        rows = {key: client.hgetall(key) for key in client.keys("FEATURE|*")}
        client.delete(*rows)
        try:
            # A few cycles of it, as in a reload, are no alarm.
            wait_until("a cycle that failed", lambda: host.monit.entry(CONTAINERS)["last exit value"] == "7")
            assert host.monit.entry(CONTAINERS)["status"] == OK
            host.monit.await_(CONTAINERS, FAILED, empty)
        finally:
            for key, row in rows.items():
                client.hset(key, mapping=row)
    assert not any("Expected containers" in line for line in host.monit.failures(seen))


def dockerd_is_down(host: Host) -> None:
    engine = host.console.switch.engine
    seen = len(host.monit.failures())
    engine.stop("KILL")
    try:
        host.monit.await_(CONTAINERS, FAILED, "Error: Docker at /var/run/docker.sock cannot be reached")
        assert host.monit.entry(CONTAINERS)["last exit value"] == "7"
        assert not any("Expected containers" in line for line in host.monit.failures(seen))
    finally:
        engine.start()


# The process first, as long as its container is old enough to be blamed.
TABLE: tuple[Callable[[Host], None], ...] = (
    a_process_is_killed_in_a_container_that_runs_on,
    a_container_is_killed,
    a_container_is_paused_and_a_disabled_feature_may_be,
    a_row_that_says_it_runs_hides_nothing,
    redis_does_not_answer,
    the_table_of_features_is_empty,
    dockerd_is_down,
)


@pytest.mark.parametrize("owner", ["local", "kube"])
def test_the_table(owner: str, request: pytest.FixtureRequest) -> None:
    fleet = request.getfixturevalue("fleet") if owner == "kube" else None
    console = fleet.console if fleet else request.getfixturevalue("console")
    if fleet:
        fleet.deploy("snmp")
        console.ask("config feature mode snmp kubernetes --timeout 240")
    with Monit(console) as monit:
        host = Host(console, monit, owner, fleet)
        host.back()
        for case in TABLE:
            case(host)
            host.back()


def test_a_handover_under_load_and_an_image_that_is_missing_are_no_alarm(fleet: Fleet) -> None:
    fleet.deploy("snmp")
    with Monit(fleet.console) as monit:
        monit.await_(PROCESSES, OK)
        load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        try:
            for mode in ("kubernetes", "legacy"):
                fleet.console.ask(f"config feature mode snmp {mode} --timeout 240")
                monit.cycles()
        finally:
            for process in load:
                process.kill()
                process.wait()
        assert monit.failures() == []

        fleet.deploy("snmp", image=f"{ADDRESS}/docker-snmp:never")
        fleet.console.ask("config feature mode snmp kubernetes --timeout 8", expect=6)
        monit.cycles()
        assert monit.failures() == []
        monit.await_(CONTAINERS, OK, "snmp: the local image serves")


def test_a_pod_that_is_waited_for_is_an_alarm_only_after_the_patience(console: Console) -> None:
    with Monit(console, "--patience 12") as monit:
        console.type("config feature owner snmp kube")
        console.type("config feature fallback snmp off")
        console.type("systemctl restart snmp")
        monit.await_(CONTAINERS, OK, "snmp: ", "pending deployment", "an alarm in")
        monit.await_(CONTAINERS, FAILED, DOWN, "pending deployment")
        console.type("config feature mode snmp legacy --fallback")
        monit.await_(CONTAINERS, OK, timeout=40)
    console.answers()
