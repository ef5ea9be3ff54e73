"""The next step towards the one owner that a feature is to have. Pure: a function of the View.

Never two owners: the local container starts only when every pod's container is known not to run the feature, and a
gate is answered only when the local container is seen stopped. Each step is safe to repeat, and a crash between any two
leads to a View from which the same rules go on.
"""

from __future__ import annotations

from system_service.handover.view import OPEN, STARTING, UNANNOUNCED, UNKNOWN, WAITING
from system_service.model.handover_reasons import FROZEN, SAME_VERSION, SETTLING, TWO_PODS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from system_service.handover.view import PodContainer, View

STAY = "stay"
START_LOCAL = "start the local container"
CREATE_LOCAL = "leave it to the unit's start script to make the local container"
STOP_LOCAL = "stop the local container"
HAND_OVER = "stop the local container and open the gate"
ANSWER = "open the gate"
WITHDRAW = "take `ready` back"
RESTART_POD = "restart the pod's container at its gate"
STOP_POD = "stop the pod's container"

CTRMGRD = "ctrmgrd is to restart the unit"
NO_LOCAL = "legacy is wanted, and there is no local container"
ON_ITS_WAY = "the pod is on its way to its gate"
_UNGATED = "it may run the feature"
_SHUT = "its gate did not open"


class Step:
    """One action, on the pod's container `id` where it concerns one. `why`: the reason, for the journal and our row.

    STAY: nothing to do until something changes. CREATE_LOCAL is for the caller to do: it ends the unit's process.
    `urgent`: two containers may run the feature until it is done, so no pause after the last one like it is kept. Two
    steps are equal when `kind` and `id` are.
    """

    __slots__ = ("id", "kind", "urgent", "why")

    def __init__(self, kind: str, id: str = "", why: str = "", urgent: bool = False) -> None:
        self.kind = kind
        self.id = id
        self.why = why
        self.urgent = urgent

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
    if view.remote == "ready" and (view.local or view.wants == "local" or len(view.pods) > 1):
        return Step(WITHDRAW, why="not for the one that it was meant for", urgent=True)
    if view.turn:
        return Step(STAY, why=CTRMGRD)
    return _local(view) if view.wants == "local" else _kube(view)


def _local(view: View) -> Step:
    if not view.local and not view.has_local and view.can_create_local is False:
        # Nothing here could take over: whoever serves goes on.
        return Step(STAY, why=NO_LOCAL)
    for pod in view.pods:
        if pod.gate == OPEN or pod.failed:
            return _send_back(pod, "legacy is wanted", view.local)
        if pod.gate == UNKNOWN and not (pod.renewed and pod.young):
            return _send_back(pod, _UNGATED, view.local)
    if view.local:
        return Step(STAY)
    return Step(START_LOCAL, why="legacy is wanted") if view.has_local else Step(CREATE_LOCAL, why=NO_LOCAL)


def _kube(view: View) -> Step:
    if not view.pods:
        return _nobody(view)
    if len(view.pods) > 1:
        return _several(view)
    pod = view.pods[0]
    if pod.gate == OPEN:
        if not view.local:
            return Step(STAY)
        if pod.opening:  # so a row says alone
            return Step(STAY, why=ON_ITS_WAY)
        # Whoever started the local container beside it: nobody wanted it.
        return (
            Step(STOP_LOCAL, why="the pod runs the feature") if pod.recorded_owner else _send_back(pod, _UNGATED, True)
        )
    if view.remote == "ready":
        return Step(WITHDRAW, pod.id, _SHUT) if view.late else Step(STAY, why="its gate opens")
    if pod.failed:
        return _send_back(pod, _SHUT, view.local)
    if pod.gate == WAITING:
        return _waiting(view, pod)
    if pod.gate == STARTING:
        return _starting(view, pod)
    if pod.young and not (view.same_version and pod.gate == UNANNOUNCED):
        return Step(STAY, why=ON_ITS_WAY)
    return _stuck_beside_local(view, pod) if view.local else _stuck(view, pod)


def _waiting(view: View, pod: PodContainer) -> Step:
    if not view.local:
        if view.failed_too_often and (instead := _instead(view, "the pod keeps failing")):
            return instead
        return Step(ANSWER, pod.id)
    return Step(HAND_OVER, pod.id, "a pod is at its gate") if pod.settled else Step(STAY, why=SETTLING)


def _starting(view: View, pod: PodContainer) -> Step:
    """It runs nothing, however long that takes: meanwhile the local container may."""
    coming = pod.young or not view.grace_over  # after a death it has as long as one that has not come yet
    if view.local or (coming and not view.same_version):
        return Step(STAY, why=ON_ITS_WAY)
    why = SAME_VERSION if view.same_version else ON_ITS_WAY
    return _instead(view, why) or Step(STAY, why=why)


def _nobody(view: View) -> Step:
    if view.local:
        return Step(STAY, why="no pod")
    if view.remote == "ready":
        return Step(WITHDRAW, why="the pod has gone", urgent=True)
    return (_instead(view, "no pod") if view.grace_over else None) or Step(STAY, why="no pod")


def _several(view: View) -> Step:
    """More than one container claims the feature: one that serves goes on, and only one is ever let in."""
    serving = view.serving
    if serving is not None:
        for pod in view.pods:
            if pod is not serving and (pod.gate == OPEN or (pod.gate == UNKNOWN and not pod.young)):
                return _send_back(pod, TWO_PODS, True)
        if view.local and serving.opening:
            return Step(STAY, why=ON_ITS_WAY)
        if view.local:
            return (
                Step(STOP_LOCAL, why="the pod runs the feature")
                if serving.recorded_owner
                else _send_back(serving, _UNGATED, True)
            )
        if any(pod.gate == WAITING and pod.may_replace for pod in view.pods):
            return Step(STOP_POD, serving.id, "another pod of it is to take over")
        return Step(STAY, why=TWO_PODS)
    for pod in view.pods:
        if view.local and pod.gate == UNKNOWN and not pod.young:
            return _send_back(pod, _UNGATED, True)
        if pod.failed:
            return _send_back(pod, _SHUT, view.local)
    if view.local and any(pod.young for pod in view.pods):
        return Step(STAY, why=TWO_PODS)
    chosen = _chosen(view)
    if chosen.gate == UNANNOUNCED and not chosen.young:
        # All of them are frozen, or asked before we came: as with one alone, which no surplus may be beside.
        step = _stuck_beside_local(view, chosen) if view.local else _stuck(view, chosen)
        return _without_surplus(view, chosen) if step.kind == ANSWER else step
    if view.local and not (chosen.gate == WAITING and chosen.settled):
        return Step(STAY, why=TWO_PODS)
    if not view.local and chosen.gate == STARTING and not chosen.young and (it := _instead(view, TWO_PODS)):
        return it
    return _without_surplus(view, chosen)


def _without_surplus(view: View, chosen: PodContainer) -> Step:
    return Step(STOP_POD, next(pod for pod in view.pods if pod is not chosen).id, TWO_PODS)


def _chosen(view: View) -> PodContainer:
    """Of several none of which serves: the newest that waits, else the newest."""
    waiting = [pod for pod in view.pods if pod.gate == WAITING]
    return (waiting or view.pods)[-1]


def _stuck_beside_local(view: View, pod: PodContainer) -> Step:
    if pod.gate == UNKNOWN:
        return _send_back(pod, _UNGATED, True)
    if view.same_version or pod.renewed or not pod.settled or view.failed_too_often:
        return Step(STAY, why=SAME_VERSION if view.same_version else FROZEN)
    if view.ctrmgrd and view.remote != "pending":
        # Announced beside an owner it would be a restart of the unit, which its start limit pays.
        return Step(STOP_LOCAL, why="a pod is at its gate")
    return Step(RESTART_POD, pod.id, "it is frozen")


def _stuck(view: View, pod: PodContainer) -> Step:
    same = view.same_version and pod.gate == UNANNOUNCED
    if (
        pod.gate == UNANNOUNCED
        and not same
        and not pod.renewed
        and (view.remote, view.version) == ("pending", pod.version)
    ):
        # Said before we came; unless it froze since then, it still asks.
        return Step(ANSWER, pod.id)
    if not pod.renewed and not same:
        return Step(RESTART_POD, pod.id, "it is frozen" if pod.gate == UNANNOUNCED else _UNGATED)
    why = SAME_VERSION if view.same_version else FROZEN
    if (instead := _instead(view, why)) is not None:
        return instead if pod.gate == UNANNOUNCED else Step(STOP_POD, pod.id, _UNGATED)
    return Step(STAY, why=why)


def _instead(view: View, why: str) -> Step | None:
    """The local container in the place of a pod, where it may serve."""
    if not view.fallback or view.local:
        return None
    if view.has_local:
        return Step(START_LOCAL, why=why)
    return Step(CREATE_LOCAL, why=why) if view.can_create_local else None


def _send_back(pod: PodContainer, why: str, urgent: bool) -> Step:
    """To its gate; a container that was sent there a moment ago is stopped."""
    return Step(STOP_POD if pod.renewed else RESTART_POD, pod.id, why, urgent)
