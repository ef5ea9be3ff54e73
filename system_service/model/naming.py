"""Names of the switch that several need: whose a container is, its stop timeout, where locks are.

Beside `feature` because the waiter cannot afford that module's imports.
"""

from __future__ import annotations

import os

RUN_DIR = "/run/sonic-system-service"
"""Made by tmpfiles.d on a switch."""

# teamd cleans up its port channels; killed before that, they stay behind.
_STOP_TIMEOUTS = {"teamd": 60}

_LABEL = "_enabled"
LONGEST_LABEL = 63
"""Letters of a label's name, to the API server."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def run_dir() -> str:
    """The folder of lock files: $SYSTEM_SERVICE_RUN_DIR, else the switch's own."""
    return os.environ.get("SYSTEM_SERVICE_RUN_DIR") or RUN_DIR


def feature_of_container(container: str, namespaces: Iterable[str]) -> tuple[str, str]:
    """The (feature, namespace) whose container has this name: `swss0` is (swss, asic0) where asic0 exists."""
    for namespace in namespaces:
        index = namespace.removeprefix("asic")
        if index and container.endswith(index) and len(container) > len(index):
            stem = container[: -len(index)]
            if not stem[-1].isdigit():
                return stem, namespace
    return container, ""


def stop_timeout(feature: str) -> int:
    """Seconds the feature's container may take to end before it is killed."""
    return _STOP_TIMEOUTS.get(feature, 10)


def word(text: object) -> str:
    """A word of somebody else's as it goes into a field of ours: printable, without spaces, at most 64 letters."""
    return "".join(letter for letter in str(text or "") if letter.isprintable() and not letter.isspace())[:64]


def label(feature: str) -> str:
    """The node's label that says whether a pod of the feature may be here."""
    return f"{feature}{_LABEL}"


def feature_of_label(name: str) -> str:
    """The feature that a label of ours is of."""
    return name.removesuffix(_LABEL)
