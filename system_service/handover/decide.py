"""The next step in one feature's custody. Pure: a function of the View, checked over all of its states.

Never two owners: the local container starts only when every kube container is known to be at its gate, and a gate is
answered only when the local container is seen stopped. Each step is safe to repeat, and a crash between any two leads
to a View from which the same rules go on.
"""

from __future__ import annotations

from system_service.handover.view import HELD, OPEN, UNKNOWN, WAITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from system_service.handover.view import View

STAY = "stay"
SAME_VERSION = "the pod has the version of the local image, for which its gate never opens"
FROZEN = "the pod is frozen at its gate"
CTRMGRD = "ctrmgrd is to restart the unit"
NO_LOCAL = "legacy is wanted, and there is no local container"
START_LOCAL = "start the local container"
STOP_LOCAL = "stop the local container"
ANSWER = "open the gate"
WITHDRAW = "take `ready` back"
RENEW = "restart the pod's container at its gate"
STOP_KUBE = "stop the pod's container"


class Step:
    """One action, on the kube container `id` where there is one. STAY: nothing to do until something changes."""

    __slots__ = ("id", "kind", "why")

    def __init__(self, kind: str, id: str = "", why: str = "") -> None:
        self.kind = kind
        self.id = id
        self.why = why

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and (self.kind, self.id) == (other.kind, other.id)

    def __hash__(self) -> int:
        return hash((self.kind, self.id))

    def __repr__(self) -> str:
        return f"Step({self.kind!r}, {self.id!r})"


def decide(view: View) -> Step:
    """What to do next, for a feature that is to run here. A feature that is to be down is `container stop`'s."""
    if not view.up or not view.wants:
        return Step(STAY)
    if view.remote == "ready" and (view.local or view.wants == "local" or len(view.kube) > 1):
        return Step(WITHDRAW, why="not for the one that it was meant for")
    if view.turn:
        return Step(STAY, why=CTRMGRD)
    return _local(view) if view.wants == "local" else _kube(view)


def _local(view: View) -> Step:
    for kube in view.kube:
        if kube.gate == OPEN or kube.failed:
            return Step(RENEW, kube.id, "legacy is wanted")
        if kube.gate == UNKNOWN and not (kube.closed and kube.young):
            return Step(STOP_KUBE if kube.renewed else RENEW, kube.id, "it may run the feature")
    if view.local:
        return Step(STAY)
    return Step(START_LOCAL, why="legacy is wanted") if view.has_local else Step(STAY, why=NO_LOCAL)


def _kube(view: View) -> Step:
    if len(view.kube) > 1:
        return Step(STOP_KUBE, view.kube[0].id, "there is a newer one")
    if not view.kube:
        return _nobody(view)
    kube = view.kube[0]
    if kube.gate == OPEN:
        return Step(STOP_LOCAL, why="the pod runs the feature") if view.local else Step(STAY)
    if view.remote == "ready":
        return Step(WITHDRAW, kube.id, "its gate did not open") if view.late else Step(STAY)
    if kube.failed:
        return Step(STOP_KUBE if kube.renewed else RENEW, kube.id, "its gate did not open")
    if kube.gate == WAITING:
        if not view.local:
            falls = view.given_up and view.fallback and view.has_local
            return Step(START_LOCAL, why="the pod keeps failing") if falls else Step(ANSWER, kube.id)
        return Step(STOP_LOCAL, why="a pod is at its gate") if view.settled else Step(STAY, why="settling")
    if kube.young:
        return Step(STAY, why="on its way to its gate")
    return _stuck_beside_local(view) if view.local else _stuck(view)


def _nobody(view: View) -> Step:
    if view.local:
        return Step(STAY, why="no pod")
    if view.remote == "ready":
        return Step(WITHDRAW, why="the pod has gone")
    if view.fallback and view.has_local and view.grace_over:
        return Step(START_LOCAL, why="no pod")
    return Step(STAY, why="no pod")


def _stuck_beside_local(view: View) -> Step:
    kube = view.kube[0]
    if kube.gate == UNKNOWN:
        return Step(STOP_KUBE if kube.renewed else RENEW, kube.id, "it may run the feature")
    if view.same_version or kube.renewed or not view.settled:
        return Step(STAY, why=SAME_VERSION if view.same_version else FROZEN)
    if view.ctrmgrd:
        # Announced beside an owner it would be a restart of the unit, which its start limit pays.
        return Step(STOP_LOCAL, why="a pod is at its gate")
    return Step(RENEW, kube.id, "it is frozen")


def _stuck(view: View) -> Step:
    kube = view.kube[0]
    if not kube.renewed and not (view.same_version and kube.gate == HELD):
        return Step(RENEW, kube.id, "it is frozen" if kube.gate == HELD else "it may run the feature")
    if view.fallback and view.has_local:
        if kube.gate == HELD:
            return Step(START_LOCAL, why=SAME_VERSION if view.same_version else FROZEN)
        return Step(STOP_KUBE, kube.id, "it may run the feature")
    return Step(STAY, why=SAME_VERSION if view.same_version else FROZEN)
