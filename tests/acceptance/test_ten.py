"""Ten features handed over by one command: one patch of the node, and none waits for another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.fleet import Fleet
from tests.acceptance.stand import standing
from tests.support.switch import wait_until

NAMES = [f"stand{number}" for number in range(1, 11)]


@pytest.fixture
def ten(fleet: Fleet) -> Iterator[Fleet]:
    """Ten features with units, gates and DaemonSets, in legacy mode."""
    with standing(fleet, NAMES):
        yield fleet


def patches(fleet: Fleet) -> int:
    """How often the API server was asked to patch a node itself (and not its status, as the kubelet does)."""
    found = 0
    for line in fleet.cluster.get("/metrics")["text"].splitlines():
        words = ('resource="nodes"', 'subresource=""', 'verb="PATCH"')
        if line.startswith("apiserver_request_total{") and all(word in line for word in words):
            found += int(float(line.split()[-1]))
    return found


def test_ten_features_are_one_patch_and_move_side_by_side(ten: Fleet) -> None:
    """One of them has no pod to move to: the others do not wait for it."""
    console, (first, *others) = ten.console, NAMES
    daemonset = ten.cluster.daemonsets(first)[0]
    ten.cluster.delete(first)
    before = patches(ten)
    away = console.begin(f"config feature mode {' '.join(NAMES)} kubernetes --timeout 600")
    for name in others:
        wait_until(f"{name} in a pod", lambda: console.state(name).get("current_owner") == "kube", 180)  # noqa: B023
    assert away.alive()
    assert console.state(first)["current_owner"] == "local"
    kind = {"apiVersion": "apps/v1", "kind": "DaemonSet"}  # items of a list do not say
    ten.cluster.apply(kind | {"spec": daemonset["spec"], "metadata": named(daemonset)})
    away.end(0, 600)
    assert [console.state(name)["current_owner"] for name in NAMES] == ["kube"] * len(NAMES)
    assert patches(ten) - before == 1

    before = patches(ten)
    told = console.ask(f"config feature mode {' '.join(NAMES)} legacy --timeout 240")
    assert [(f["changed"], f["owner"]) for f in told["features"]] == [(True, "local")] * len(NAMES)
    assert patches(ten) - before == 1


def named(daemonset: dict[str, Any]) -> dict[str, Any]:
    """What whoever applies a manifest says of the object itself."""
    return {key: daemonset["metadata"][key] for key in ("name", "namespace", "labels")}
