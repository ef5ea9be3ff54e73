"""Nobody is left unserved: no state in which something here could serve is stable without it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import redis

from sandbox import images
from sandbox.poller import PATIENT, Poller
from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import STATE_DB, wait_until

IMAGE = images.feature_image("snmp")


def test_a_pod_frozen_at_its_gate_and_no_local_container(fleet: Fleet) -> None:
    """ctrmgrd has tagged the next version and removed the local container: the unit's script can make it anew."""
    fleet.away("snmp")
    following = fleet.manifest("snmp", V2)
    fleet.switch.docker("rm", "snmp")
    with redis.Redis(unix_socket_path=str(fleet.switch.redis_socket), db=STATE_DB) as client:
        client.hset("KUBE_LABELS|SET", "snmp_local", V2)
    fleet.cluster.apply(following)
    fleet.await_runner("snmp", "local", 120)
    fleet.console.answers()
    assert fleet.console.active("snmp") == "active"


@contextlib.contextmanager
def no_image(fleet: Fleet) -> Iterator[None]:
    """The switch has neither snmp's local container nor its image."""
    fleet.switch.docker("rm", "snmp")
    fleet.switch.docker("tag", IMAGE, "kept:snmp")
    fleet.switch.docker("rmi", IMAGE)
    try:
        yield
    finally:
        fleet.switch.docker("tag", "kept:snmp", IMAGE)
        fleet.switch.docker("rmi", "kept:snmp")
        fleet.console.type("systemctl restart snmp")  # its script makes the container
        fleet.console.switch.exec(["systemctl", "reset-failed", "snmp"])


def test_legacy_is_refused_where_there_is_nothing_to_run(fleet: Fleet) -> None:
    pod = fleet.away("snmp")
    with no_image(fleet):
        refused = fleet.console.ask("config feature mode snmp legacy --timeout 240", expect=5)
        assert "image" in refused["error"]["message"]
        assert fleet.console.intent("snmp")["set_owner"] == "kube"
        assert fleet.same("snmp", pod)
        assert fleet.runner("snmp") == "kube"
        (shown,) = fleet.console.ask("show feature mode snmp")["features"]
        assert (shown["owner"], shown["status"]) == ("kube", "running")
        # Nothing here could take over, and who looks is told.
        assert "image" in str(shown["detail"])


@pytest.mark.parametrize("first", ["gates", "wait"])
@pytest.mark.parametrize("mode", ["legacy", "kubernetes"])
def test_a_database_that_is_empty_again(fleet: Fleet, mode: str, first: str) -> None:
    """Its unit starts the oneshot that closes gates; `wait` fills its rows again, before that or after it."""
    console = fleet.console
    if mode == "kubernetes":
        fleet.away("snmp")
    else:
        fleet.deploy("snmp")
    mark = len(fleet.owners.history)
    (waiter,) = console.unit("snmp", "MainPID")
    with Poller(fleet.switch.engine, PATIENT) as client:
        client.steady()
        console.type(f"kill -STOP {waiter}")
        with redis.Redis(unix_socket_path=str(fleet.switch.redis_socket), db=STATE_DB) as database:
            database.delete(*database.keys("*"))  # a flush is told to nobody
        if first == "gates":
            console.type("systemctl restart sonic-system-service-gates.service")
            console.type(f"kill -CONT {waiter}")
        else:
            console.type(f"kill -CONT {waiter}")
            wait_until("its row", lambda: console.state("snmp").get("system_state") == "up", 60)
            console.type("systemctl restart sonic-system-service-gates.service")
        owner = {"legacy": "local", "kubernetes": "kube"}[mode]
        wait_until("what is so", lambda: console.state("snmp").get("current_owner") == owner, 60)
        wait_until("its state", lambda: console.state("snmp").get("system_state") == "up", 60)
        assert fleet.runner("snmp") == owner
        assert client.lost() == 0
    assert fleet.owners.changes("snmp", mark) == []
    refill(fleet)

    # And it can be moved.
    console.ask("config feature mode snmp kubernetes --timeout 240")
    fleet.seen("snmp", "kube", V1)
    console.ask("config feature mode snmp legacy --timeout 240")
    fleet.seen("snmp", "local")


def refill(fleet: Fleet) -> None:
    """The other features' rows, as their units write them."""
    units = ("database", "swss", "bgp", "lldp")
    for name in units:
        if fleet.console.state(name).get("system_state") != "up":
            fleet.console.type(f"container start {name}")
