"""For how long a pod's container that is on its way to its gate is waited for, where nobody serves."""

from __future__ import annotations

import pytest

from system_service.handover.decide import START_LOCAL, STAY, decide
from system_service.handover.view import STARTING, PodContainer, View


@pytest.mark.parametrize(
    ("young", "grace_over", "same_version", "step"),
    [
        (True, True, False, STAY),
        (False, True, False, START_LOCAL),
        (False, False, False, STAY),  # one has died, and its successor is slow to come
        (True, False, True, START_LOCAL),  # its gate never opens
    ],
)
def test_the_local_container_serves_when_nobody_is_expected_any_more(
    young: bool, grace_over: bool, same_version: bool, step: str
) -> None:
    view, pod = View(), PodContainer("a", gate=STARTING)
    view.wants, view.up, view.pods, view.can_create_local = "kube", True, [pod], True
    pod.young, view.grace_over, view.same_version = young, grace_over, same_version
    assert decide(view).kind == step
