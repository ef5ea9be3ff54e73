"""Ten features handed over by one command: one patch of the node, and hardly longer than for one."""

from __future__ import annotations

import time
from collections.abc import Iterator

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
    console = ten.console

    def took(*names: str, mode: str = "kubernetes") -> float:
        begun = time.monotonic()
        told = console.ask(f"config feature mode {' '.join(names)} {mode} --timeout 80")
        assert [(f["changed"], f["owner"]) for f in told["features"]] == [
            (True, "kube" if mode == "kubernetes" else "local")
        ] * len(names)
        return time.monotonic() - begun

    def patched(*names: str, mode: str = "kubernetes") -> float:
        before = patches(ten)
        seconds = took(*names, mode=mode)
        assert patches(ten) - before == 1
        return seconds

    def home(*names: str) -> None:
        patched(*names, mode="legacy")
        wait_until("the end of the pods", lambda: not any(map(ten.pods, names)), 60)

    patched("stand1")  # the image comes
    home("stand1")
    measured = []
    while not measured or measured[-1][1] > 1.5 * measured[-1][0] + 5:
        assert len(measured) < 3, measured  # others on this machine may have been in the way once, and twice
        one = patched("stand1")
        home("stand1")
        every = patched(*NAMES)
        home(*NAMES)
        measured.append((one, every))
