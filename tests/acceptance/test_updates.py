"""Pods that end because somebody wanted it: an update, a rollout, a label. Nothing has failed, so nothing settles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import images
from sandbox.kube.registry import ADDRESS
from sandbox.poller import PATIENT, Poller
from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import wait_until

PATCH = "application/strategic-merge-patch+json"


@pytest.fixture
def stopped_registry(fleet: Fleet) -> Iterator[Fleet]:
    """What is not here yet cannot be pulled: the registry takes connections, and says nothing."""
    registry = fleet.cluster.processes["registry"]
    registry.signal("STOP")
    yield fleet
    registry.signal("CONT")


def nothing_failed(fleet: Fleet) -> None:
    own = fleet.own("snmp")
    assert not own.get("deaths"), own
    assert not own.get("fell"), own


def test_an_update_whose_image_takes_long_to_pull(fleet: Fleet, request: pytest.FixtureRequest) -> None:
    """The local image serves until it is here."""
    fleet.away("snmp")
    forget(fleet, V2)
    with Poller(fleet.switch.engine, PATIENT) as client:
        client.steady()
        request.getfixturevalue("stopped_registry")
        fleet.deploy("snmp", V2)
        fleet.await_runner("snmp", "local", 60)
        client.steady()
        mark = client.mark()
        wait_until("a while", lambda: client.asked(mark) > 50, 60)
        assert fleet.runner("snmp") == "local"
        assert client.lost(mark) == 0
        (shown,) = fleet.console.ask("show feature mode snmp")["features"]
        assert (shown["owner"], shown["status"]) == ("local", "fallback")
        nothing_failed(fleet)
        fleet.cluster.processes["registry"].signal("CONT")
        fleet.await_version("snmp", V2, 180)
        client.steady()
    nothing_failed(fleet)
    fleet.seen("snmp", "kube", V2)


def forget(fleet: Fleet, version: str) -> None:
    """The switch has no longer the image, as if it had never pulled it."""
    named = fleet.switch.docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    for line in named:
        name, id = line.split()
        if name.startswith(f"{ADDRESS}/docker-snmp") and name.endswith(version):
            fleet.switch.docker("rmi", "--force", id)


def test_rollouts_are_no_deaths(fleet: Fleet) -> None:
    fleet.away("snmp")
    for number in ("1", "2"):
        (pod,) = fleet.pods("snmp")
        again = fleet.manifest("snmp", V1)
        again["spec"]["template"]["metadata"]["annotations"] = {"restarted": number}
        fleet.cluster.apply(again)
        wait_until("another pod", lambda: fleet.pods("snmp") and not fleet.same("snmp", pod), 60)  # noqa: B023
        fleet.await_version("snmp", V1)
        nothing_failed(fleet)
    fleet.seen("snmp", "kube", V1)


def test_an_image_that_is_patched_in_place_forwards_and_backwards(fleet: Fleet) -> None:
    """The pod stays, its container is another: nobody's DaemonSet has rolled anything out."""
    still = fleet.manifest("snmp", V1)
    still["spec"]["updateStrategy"] = {"type": "OnDelete", "rollingUpdate": None}
    fleet.cluster.apply(still)
    fleet.console.ask("config feature mode snmp kubernetes --timeout 240")
    (pod,) = fleet.cluster.pods("snmp")
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
    for version in (V2, V1):
        image = {"name": "snmp", "image": f"{ADDRESS}/{images.published('snmp', version)}"}
        fleet.cluster.request("PATCH", path, {"spec": {"containers": [image]}}, PATCH)
        fleet.await_version("snmp", version)
        nothing_failed(fleet)
    (after,) = fleet.cluster.pods("snmp")
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_label_that_is_removed_by_hand(fleet: Fleet) -> None:
    fleet.away("snmp")
    fleet.cluster.label(snmp_enabled=None)
    wait_until("the end of its pod", lambda: not fleet.pods("snmp"), 60)
    fleet.await_runner("snmp", "local", 60)
    nothing_failed(fleet)
    fleet.cluster.label(snmp_enabled="true")
    fleet.await_version("snmp", V1)
    fleet.seen("snmp", "kube", V1)
