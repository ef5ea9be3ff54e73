"""Which pod's container runs a feature: the one that our row names by this very start of it, else by its processes.

Nobody comes back to a gate without a start, so what was once seen past it stays so. No time is compared with another.
"""

from __future__ import annotations

from collections.abc import Sequence

from system_service.domain.switch import Switch
from system_service.errors import Failed, UnknownFeature
from system_service.model.snapshot import Container, Notes, Run

_UNKNOWN_GRACE = (
    10.0  # seconds after which a container without a gate and without a list of critical processes counts as serving
)


def serving_container(switch: Switch, pods: Sequence[Container], own: Notes) -> Container | None:
    """The container that runs the feature, or None. `pods`: its running containers of Kubernetes, newest first.

    It is the one that our row names, if it has not been started anew since; else the first that is past its gate.
    Raises Unreachable, NotPermitted, TimedOut.
    """
    for pod in pods:
        if own.served.startswith(f"{pod.id[:12]}@") and _mark(switch, pod) == own.served:
            return pod
    return next((pod for pod in pods if _runs(switch, pod)), None)


def _mark(switch: Switch, pod: Container) -> str:
    from system_service.handover.view import mark  # a switch in legacy mode never comes here

    described = switch.docker.inspect(pod.id)
    return "" if described is None else mark(described)  # it has ended meanwhile


def _runs(switch: Switch, pod: Container) -> bool:
    """Whether its processes say so: not the gate's, and one at least of those that matter."""
    if pod.run is not Run.RUNNING:
        return False
    from system_service.domain.status.processes import listed
    from system_service.handover.view import at_gate
    from system_service.model.critical import COLUMNS, missing, processes

    rows = switch.docker.top(pod.id, COLUMNS)
    shown = processes(rows or [])
    if rows is None or shown is None or at_gate([row[-1] for row in rows]):
        return False
    try:
        critical: tuple[str, ...] = listed(switch, pod, shown)
    except UnknownFeature:
        return False
    except Failed:  # a file of one container that cannot be read keeps nobody from looking at all the others
        critical = ()
    if not critical:
        return shown.age >= _UNKNOWN_GRACE
    return len(missing(critical, shown.programs)) < len(critical)
