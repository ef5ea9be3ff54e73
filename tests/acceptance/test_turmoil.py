"""What else a switch does while features are in pods: reloads, reboots, restarts below them, contrary commands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import redis

from sandbox import features
from tests.acceptance.fleet import V1, Fleet
from tests.acceptance.tripwire import Tripwire, wired
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

DEPENDENT = "[Unit]\nRequisite=snmp.service\nAfter=snmp.service\n[Service]\nExecStart=/usr/bin/sleep infinity\n"


@pytest.fixture
def wire(fleet: Fleet) -> Iterator[Tripwire]:
    with wired(fleet.console) as made:
        yield made


@pytest.fixture
def dependent(fleet: Fleet) -> Iterator[str]:
    """A unit that needs snmp's."""
    console = fleet.console
    fleet.switch.write_file("/run/systemd/system/dependent.service", DEPENDENT, "644")
    console.type("systemctl daemon-reload")
    console.type("systemctl start dependent")
    yield "dependent"
    console.type("systemctl stop dependent")
    console.type("rm /run/systemd/system/dependent.service")
    console.type("systemctl daemon-reload")


@contextlib.contextmanager
def reloading(fleet: Fleet) -> Iterator[None]:
    """`config reload`: the table is empty for a while, and filled again."""
    path = str(fleet.switch.redis_socket)
    with redis.Redis(unix_socket_path=path, db=CONFIG_DB, decode_responses=True) as client:
        rows = {key: client.hgetall(key) for key in client.keys("FEATURE|*")}
        client.delete(*rows)
        waiter = fleet.console.unit("snmp", "MainPID")
        yield
        shown = fleet.console.type("system container id snmp")  # a while: two commands that look
        assert fleet.console.type("system container id snmp") == shown
        for key, row in rows.items():
            client.hset(key, mapping=row)
    assert fleet.console.unit("snmp", "MainPID") == waiter


def test_a_pod_goes_on_through_a_reload_a_restart_below_it_and_a_reboot(fleet: Fleet, dependent: str) -> None:
    console = fleet.console
    fleet.deploy("snmp", V1)
    since = console.unit(dependent, "ActiveEnterTimestampMonotonic", "InvocationID")
    console.ask("config feature mode snmp kubernetes --timeout 240")
    assert console.unit(dependent, "ActiveEnterTimestampMonotonic", "InvocationID") == since
    (pod,) = fleet.pods("snmp")

    with reloading(fleet):
        pass
    (after,) = fleet.pods("snmp")
    assert (after["Id"], after["State"]["StartedAt"]) == (pod["Id"], pod["State"]["StartedAt"])
    fleet.seen("snmp", "kube", V1)

    # What swss takes along comes back as it was.
    console.type("systemctl restart swss")
    wait_until("its unit", lambda: console.active("snmp") == "active")
    fleet.await_runner("snmp", "kube", 30)
    assert (fleet.pods("snmp")[0]["Id"], console.life("snmp")) == (pod["Id"], None)

    # A reboot: STATE_DB is empty, CONFIG_DB was saved, the node has its label, and the kubelet is the first to start.
    units = [unit for unit in features.UNITS if unit != "database"]
    console.type(["systemctl", "stop", "sonic-system-service-sync.path", *reversed(units)])
    fleet.cluster.kill("kubelet")
    for found in fleet.pods("snmp"):
        fleet.switch.docker("rm", "-f", found["Id"])
    path = str(fleet.switch.redis_socket)
    with redis.Redis(unix_socket_path=path, db=STATE_DB, decode_responses=True) as client:
        client.delete(*(key for key in client.keys("*") if key != "FEATURE|database"))  # that unit goes on
    console.type("systemctl restart sonic-system-service-gates.service")
    assert console.state("snmp") == {"system_state": "down"}
    fleet.cluster.restart("kubelet")
    wait_until("a pod", lambda: fleet.pods("snmp"), 40)
    assert fleet.runner("snmp") == "none"
    assert fleet.cluster.labels()["snmp_enabled"] == "true"
    console.type(["systemctl", "start", "sonic-system-service-sync.path", *units])
    fleet.await_runner("snmp", "kube", 60)
    wait_until("its label noted", lambda: fleet.own("snmp").get("label") == "true")
    wait_until("its row", lambda: console.state("snmp").get("remote_state") == "running")
    fleet.seen("snmp", "kube", V1)

    since = console.unit(dependent, "ActiveEnterTimestampMonotonic", "InvocationID")
    console.ask("config feature mode snmp legacy")
    fleet.seen("snmp", "local")
    assert console.unit(dependent, "ActiveEnterTimestampMonotonic", "InvocationID") == since


@pytest.mark.parametrize("at", ["docker stop snmp", "FEATURE|snmp remote_state=ready"])
def test_a_stop_in_the_middle_of_a_handover_leaves_nothing_running(fleet: Fleet, wire: Tripwire, at: str) -> None:
    console = fleet.console
    fleet.deploy("snmp", V1)
    wire.hold("after", at)
    console.type("config feature mode snmp kubernetes --no-wait")
    wire.sprung(at)
    console.type("systemctl stop --no-block snmp")
    wait_until("the gate to be closed", lambda: console.state("snmp")["system_state"] == "down")
    wire.release()
    wait_until("its end", lambda: console.active("snmp") == "inactive", 40)
    fleet.await_runner("snmp", "none", 10)
    assert console.state("snmp")["current_owner"] == "none"
    assert console.ask("system service status snmp", expect=3)["features"][0]["status"] == "stopped"


def test_a_reload_in_the_middle_of_a_handover(fleet: Fleet, wire: Tripwire) -> None:
    console = fleet.console
    fleet.deploy("snmp", V1)
    since = fleet.unit("snmp")
    for mode, owner, at in (("kubernetes", "kube", "docker stop snmp"), ("legacy", "local", "docker restart POD")):
        wire.hold("before", at)
        console.type(f"config feature mode snmp {mode} --no-wait")
        wire.sprung(at)
        with reloading(fleet):
            wire.release()
        fleet.await_runner("snmp", owner)
        console.ask(f"config feature mode snmp {mode} --timeout 240")
        fleet.seen("snmp", owner, V1)
    assert fleet.unit("snmp") == since


def test_contrary_commands(fleet: Fleet) -> None:
    """Whichever is the last to write has it its way, and nobody waits for another for ever."""
    console = fleet.console
    for name in ("snmp", "lldp"):
        fleet.deploy(name, V1)
    batches = ("snmp lldp", "lldp snmp")
    away = [console.begin(f"config feature mode {names} kubernetes --timeout 240") for names in batches]
    for typed in away:
        typed.end(0)
    for name in ("snmp", "lldp"):
        fleet.seen(name, "kube", V1)
    console.ask("config feature mode --all legacy")

    typed = console.begin("config feature mode snmp kubernetes --timeout 240")
    typed.read_until("set snmp_enabled")
    assert console.ask("config feature mode snmp legacy --timeout 240")["error"] is None
    assert "another command has changed it" in typed.end(9)
    fleet.await_runner("snmp", "local")
    wait_until("no label", lambda: "snmp_enabled" not in fleet.cluster.labels())
    console.ask("config feature mode snmp legacy")
    fleet.seen("snmp", "local")
