"""Two containers claim one feature: the one that serves stays, and the other serves nobody."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import wait_until

WATCHED = float(os.environ.get("SANDBOX_WATCH_SECONDS", "45"))
"""Seconds: the kubelet's first back-offs are over by then."""
SECOND = "snmp-again"


def another(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """The same DaemonSet under another name: its pods have a container of the same name."""
    made = copy.deepcopy(manifest)
    made["metadata"] |= {"name": name, "labels": {"app": name}}
    made["spec"]["selector"]["matchLabels"] = {"app": name}
    made["spec"]["template"]["metadata"]["labels"] = {"app": name}
    return made


@pytest.fixture
def claimed(fleet: Fleet) -> Iterator[Fleet]:
    """snmp runs from Kubernetes, and a second DaemonSet has pods with a container snmp as well."""
    fleet.away("snmp")
    fleet.cluster.apply(another(fleet.manifest("snmp", V2), SECOND))
    yield fleet
    fleet.cluster.delete(SECOND)
    wait_until("the end of its pods", lambda: not fleet.cluster.pods(SECOND), 90)


def test_two_daemonsets_for_one_feature(claimed: Fleet) -> None:
    fleet, console = claimed, claimed.console
    mark = len(fleet.owners.history)
    wait_until("the second pod", lambda: fleet.cluster.pods(SECOND), 60)
    begun = time.monotonic()
    wait_until("the word for it", lambda: "two pods" in fleet.own("snmp").get("reason", ""), 90)
    (shown,) = console.ask("show feature mode snmp")["features"]
    assert "two pods" in str(shown["detail"])
    wait_until("the time that is watched", lambda: time.monotonic() - begun > WATCHED, WATCHED + 60)
    assert len(fleet.owners.changes("snmp", mark)) <= 1
    assert fleet.runner("snmp") in ("local", "kube")

    fleet.cluster.delete(SECOND)
    fleet.await_version("snmp", V1)
    wait_until("no word any more", lambda: "two pods" not in fleet.own("snmp").get("reason", ""), 60)


def test_an_update_that_brings_the_new_pod_before_the_old_one_ends(fleet: Fleet) -> None:
    fleet.away("snmp")
    surge = fleet.manifest("snmp", V2)
    surge["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    try:
        fleet.cluster.apply(surge)
        fleet.await_version("snmp", V2)
        wait_until("one pod", lambda: len(fleet.pods("snmp")) == 1, 60)
        fleet.seen("snmp", "kube", V2)
    finally:
        fleet.cluster.delete("snmp")  # a patch would keep both numbers


def test_a_local_container_that_is_started_by_hand_has_to_go(fleet: Fleet) -> None:
    """`docker start`: nobody wanted it; the pod is what is wanted, and it serves."""
    pod = fleet.away("snmp")
    for _ in range(2):
        mark = len(fleet.owners.history)
        before = fleet.console.witness.container("snmp")
        fleet.switch.docker("start", "snmp")
        wait_until("its end", lambda: fleet.console.life("snmp") is None, 30)
        after = fleet.console.witness.container("snmp")
        assert before is not None
        assert after is not None
        assert after["State"]["StartedAt"] != before["State"]["StartedAt"]
        assert fleet.same("snmp", pod)
        assert fleet.owners.changes("snmp", mark) == []
    wait_until("its row", lambda: fleet.console.state("snmp").get("current_owner") == "kube")
    fleet.seen("snmp", "kube", V1)
    assert not fleet.own("snmp").get("deaths")
