"""The switch is in another time zone than its pods, and changes it while one serves: nothing is told by local time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.poller import PATIENT, Poller
from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import wait_until

ZONES = ["Asia/Tokyo", "America/New_York"]


@pytest.fixture
def zone(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """The switch is there from the beginning of the test on, and at its end where it was."""
    fleet.switch.set_zone(request.param)
    yield request.param
    fleet.switch.set_zone(fleet.switch.zone)


@pytest.mark.parametrize("zone", ZONES, indirect=True)
def test_there_and_to_a_new_version_and_back(fleet: Fleet, zone: str) -> None:
    console = fleet.console
    assert console.type("date +%Z").strip() in ("JST", "EST", "EDT")
    before = fleet.unit("snmp")
    fleet.away("snmp")
    console.type("system service check snmp")
    fleet.deploy("snmp", V2)
    fleet.await_version("snmp", V2)
    fleet.seen("snmp", "kube", V2)
    assert console.ask("config feature mode snmp legacy")["changed"] is True
    fleet.seen("snmp", "local")
    assert fleet.unit("snmp") == before


@pytest.mark.parametrize("there", ZONES)
def test_the_zone_changes_while_a_pod_serves(fleet: Fleet, there: str) -> None:
    console = fleet.console
    pod = fleet.away("snmp")
    try:
        with Poller(fleet.switch.engine, PATIENT) as client:
            client.steady()
            fleet.switch.set_zone(there)
            mark = client.mark()
            for value in ("disabled", "enabled"):  # `wait` looks again
                console.witness.write(4, "FEATURE|snmp", {**console.intent("snmp"), "high_mem_alert": value})
                console.type("system service status snmp")
                console.type("system service check snmp")
            wait_until("a while", lambda: client.asked(mark) > 50, 60)
            assert client.lost(mark) == 0
        assert fleet.same("snmp", pod)
        fleet.seen("snmp", "kube", V1)
        assert not fleet.own("snmp").get("deaths")
        console.ask("config feature mode snmp legacy --timeout 240")
        fleet.seen("snmp", "local")
        console.ask("config feature mode snmp kubernetes --timeout 240")
        fleet.seen("snmp", "kube", V1)
    finally:
        fleet.switch.set_zone(fleet.switch.zone)
    console.type("system service status snmp")
    console.ask("config feature mode snmp legacy --timeout 240")
    fleet.seen("snmp", "local")
