"""kill -9 of what a handover relies on, in each of its phases: one owner at all times (the fixture `fleet` looks), and
it ends as it was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import redis

from sandbox import features
from sandbox.processes import SandboxError
from tests.acceptance.fleet import V1, Fleet
from tests.acceptance.tripwire import Tripwire, wired
from tests.support.boot import boot_id, boot_time
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

CONFIGURATION = "/etc/sonic/config_db.json"


@pytest.fixture
def wire(fleet: Fleet) -> Iterator[Tripwire]:
    with wired(fleet.console) as made:
        yield made


@pytest.fixture
def saved(fleet: Fleet) -> Iterator[Callable[[], None]]:
    """`config save`: what CONFIG_DB has is loaded again when Redis has died. Called for what it has at that moment."""
    before = fleet.console.type(["cat", CONFIGURATION])

    def save() -> None:
        path = str(fleet.switch.redis_socket)
        tables: dict[str, dict[str, dict[str, str]]] = {}
        with redis.Redis(unix_socket_path=path, db=CONFIG_DB, decode_responses=True) as client:
            for key in client.keys("*|*"):
                table, _, name = key.partition("|")
                tables.setdefault(table, {})[name] = client.hgetall(key)
        fleet.switch.write_file(CONFIGURATION, json.dumps(tables), "644")

    yield save
    fleet.switch.write_file(CONFIGURATION, before, "644")


def settling(fleet: Fleet, wanted: bool) -> None:
    """Whether a pod has to wait at its gate, as after a fall."""
    fields = {"settle": "600", "fell": f"{boot_time():.1f}", "boot": boot_id()} if wanted else {}
    kept = {name: value for name, value in fleet.own("snmp").items() if name not in ("settle", "fell")}
    console = fleet.console
    console.witness.write(STATE_DB, "SYSTEM_SERVICE|snmp", kept | fields)
    console.witness.write(CONFIG_DB, "FEATURE|snmp", console.intent("snmp"))  # `wait` looks again


def at_its_gate(fleet: Fleet) -> bool:
    """Whether the gate's program runs in a pod's container."""
    try:
        lines = [fleet.switch.docker("top", pod["Id"], "-eo", "pid,args") for pod in fleet.pods("snmp")]
    except SandboxError:  # one has gone since it was listed
        return False
    return any("container_startup.py" in shown for shown in lines)


def crash(fleet: Fleet, victim: str) -> None:
    """Kill it, and have it again: dockerd and those of Kubernetes by us, Redis by its own unit."""
    if victim == "dockerd":
        fleet.switch.engine.stop("KILL")
        fleet.switch.engine.start()
    elif victim == "redis":
        console = fleet.console
        console.type(["systemctl", "reset-failed", *features.UNITS])  # it forgets how often they were started, too
        listed = fleet.switch.docker("top", "database", "-eo", "pid,args").splitlines()
        fleet.switch.engine.room.run(["kill", "-9", next(line.split()[0] for line in listed if "redis-server" in line)])
        wait_until("the database's restart", lambda: console.unit("database", "NRestarts") == ["1"], 30)
        wait_until("all units", lambda: all(console.active(name) == "active" for name in features.UNITS), 40)
    else:
        fleet.cluster.kill(victim)
        fleet.cluster.restart(victim)


@pytest.mark.parametrize("victim", ["dockerd", "kubelet", "kube-apiserver", "redis"])
def test_killed_in_every_phase(fleet: Fleet, wire: Tripwire, saved: Callable[[], None], victim: str) -> None:
    console = fleet.console
    fleet.deploy("snmp", V1)

    # The local container serves, and the pod is on its way.
    console.type("config feature mode snmp kubernetes --no-wait")
    saved()
    settling(fleet, True)
    crash(fleet, victim)

    # The pod is at its gate.
    settling(fleet, True)
    # Not by its row: a pod that was sooner than the crash has announced itself to a database that has forgotten it.
    wait_until("a pod at its gate", lambda: at_its_gate(fleet), 60)
    fleet.await_runner("snmp", "local", 10)
    crash(fleet, victim)
    settling(fleet, False)
    fleet.await_runner("snmp", "kube", 90)

    # It serves from the pod.
    crash(fleet, victim)
    fleet.await_runner("snmp", "kube", 60)
    wait_until("its row", lambda: console.state("snmp").get("remote_state") == "running", 40)

    # It is on its way home.
    wire.hold("before", "docker restart POD")
    console.type("config feature mode snmp legacy --no-wait")
    saved()
    wire.sprung("docker restart POD")
    crash(fleet, victim)
    wire.release()
    fleet.await_runner("snmp", "local", 60)
    console.ask("config feature mode snmp legacy --timeout 240")
    fleet.seen("snmp", "local")
