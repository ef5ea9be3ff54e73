"""Which containers Kubernetes made for a feature: by their labels, exactly; docker names are mangled and tell nothing.

A container of the feature's name counts in whatever namespace of Kubernetes its pod is: any of them would be a second
owner. Which namespace is ours, where its DaemonSet goes and is asked for, is a setting.

Also imported by the waiter: nothing heavy here.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from system_service.model.snapshot import Container

NAMESPACE = "sonic"
"""The one that the host's own tools know, unless $SYSTEM_SERVICE_POD_NAMESPACE names another."""


def namespace() -> str:
    """The namespace of Kubernetes that our DaemonSets are in."""
    return os.environ.get("SYSTEM_SERVICE_POD_NAMESPACE") or NAMESPACE


def pod_labels(feature: str) -> tuple[str, ...]:
    """The labels, as NAME=VALUE, of a container of this feature's pod; the pod's sandbox has another type."""
    return (f"io.kubernetes.container.name={feature}", "io.kubernetes.docker.type=container")


def pods_of(feature: str, containers: Iterable[Container]) -> tuple[Container, ...]:
    """Those of Docker's list that run, in its order: the newest first."""
    pairs = [label.split("=", 1) for label in pod_labels(feature)]
    return tuple(c for c in containers if c.run.live and all(c.labels.get(name) == value for name, value in pairs))
