"""Which feature a container belongs to. Beside `feature` because the waiter cannot afford that module's imports."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def feature_of_container(container: str, namespaces: Iterable[str]) -> tuple[str, str]:
    """The (feature, namespace) whose container has this name: `swss0` is (swss, asic0) where asic0 exists."""
    for namespace in namespaces:
        index = namespace.removeprefix("asic")
        if index and container.endswith(index) and len(container) > len(index):
            stem = container[: -len(index)]
            if not stem[-1].isdigit():
                return stem, namespace
    return container, ""
