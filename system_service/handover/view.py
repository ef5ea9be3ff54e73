"""One feature's custody at one moment: what is wanted, what the rows say, what Docker shows. No I/O, no clock.

Where a pod's container is, its processes tell. No time in a row and no wall clock has a say in it: `update_time` is the
local time of whoever wrote it.
"""

from __future__ import annotations

from system_service.model.naming import word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from system_service.handover.own_row import OwnRow

# Where a running container of a pod is.
STARTING = "starting"  # on its way to its gate: it runs neither the gate's program nor the feature
HELD = "held"  # at its gate, and not heard: it may be frozen, or about to announce itself
WAITING = "waiting"  # at its gate, has announced itself, and will take `ready`
OPEN = "open"  # past its gate, or without one: it runs the feature
UNKNOWN = "unknown"  # it may be anywhere, for its image names no critical processes

# Seconds.
ANNOUNCE_GRACE = 5.0  # from its gate's program until it should have announced itself
START_GRACE = 10.0  # from `ready` until its gate should be open; from a start until the local one serves meanwhile
ENTRY_GRACE = 2.0  # for a container that may be anywhere, beside the local one
DEATH_GRACE = 20.0  # until a container of a pod's that died is replaced by the local one
ENDED_GRACE = 4.0  # until one that was told to end is
SURGE_SETTLE = 10.0  # until a second pod of a DaemonSet, at its gate, takes over from the first, which serves
CTRMGRD_GRACE = 15.0  # until we do what ctrmgrd should have done
_POLL = (0.5, 5.0)  # between two looks at the processes of one on its way, from its start to much later

_GATE_PROGRAM = "container_startup.py"
_VERSION = "IMAGE_VERSION"
_POD_UID, _POD_NAME = "io.kubernetes.pod.uid", "io.kubernetes.pod.name"


class PodContainer:
    """One running container that Kubernetes made for the feature; `gate` is one of the above.

    `mark` tells this start of it from any other. `uid`: of its pod; `maker`: that pod's name without its last
    part, the same for all pods of a DaemonSet. `since`: when (seconds since boot) it was first
    seen where it is now. `young`: it may still be on its way from there. `entitled`: that it runs the feature is as it
    should be. `opening`: the row alone says so, and its gate's program is still there. `renewed`: it was restarted at
    its gate a moment ago, and nothing came of it. `failed`: its gate opens, or may do so, and it is not to. `settled`:
    it has waited long enough at its gate to take over; `surged`: even from another pod that serves.
    """

    __slots__ = (
        "entitled",
        "failed",
        "gate",
        "id",
        "maker",
        "mark",
        "opening",
        "paused",
        "renewed",
        "settled",
        "since",
        "surged",
        "uid",
        "version",
        "young",
    )

    def __init__(self, id: str, mark: str = "", version: str = "", gate: str = UNKNOWN) -> None:
        self.id = id
        self.mark = mark or id
        self.version = version
        self.gate = gate
        self.uid = ""
        self.maker = ""
        self.since = 0.0
        self.paused = False
        self.young = False
        self.entitled = False
        self.opening = False
        self.renewed = False
        self.failed = False
        self.settled = True
        self.surged = False


class View:
    """Everything that deciding needs.

    `wants`: "kube", "local", or "" when CONFIG_DB has no row for the moment. `up`: the feature is to run. `remote`:
    remote_state; `version`: container_version. `local`, `has_local`: the local container runs, exists; `can_make`:
    whether the unit's start script could make one, None where nobody can tell. `pods`: the feature's running containers
    of Kubernetes, oldest first. `same_version`: the gate of the newest can never open, because the local image has its
    version. `given_up`: the local container was put in a pod's place not long ago. `grace_over`: nobody is expected
    back from an end. `late`: `ready` should have been taken. `ctrmgrd`: it restarts the unit for a pod that announces
    itself beside an owner; `turn`: it is about to.
    """

    __slots__ = (
        "can_make",
        "ctrmgrd",
        "fallback",
        "given_up",
        "grace_over",
        "has_local",
        "late",
        "local",
        "pods",
        "remote",
        "same_version",
        "turn",
        "up",
        "version",
        "wants",
    )

    def __init__(self) -> None:
        self.wants = ""
        self.fallback = True
        self.up = False
        self.remote = ""
        self.version = ""
        self.local = False
        self.has_local = True
        self.can_make: bool | None = None
        self.pods: list[PodContainer] = []
        self.same_version = False
        self.given_up = False
        self.grace_over = True
        self.late = False
        self.ctrmgrd = False
        self.turn = False

    @property
    def serving(self) -> PodContainer | None:
        """The pod's container that runs the feature: one that is entitled to, before any other."""
        running = [pod for pod in self.pods if pod.gate == OPEN]
        return next((pod for pod in running if pod.entitled), running[0] if running else None)


def parse_pod(described: Mapping[str, Any]) -> PodContainer:
    """A pod's container from Docker's description; where it is, is not told by that."""
    config = described.get("Config")
    config = config if isinstance(config, dict) else {}
    labels = config.get("Labels")
    labels = labels if isinstance(labels, dict) else {}
    pod = PodContainer(str(described.get("Id")), mark(described), environment(described, _VERSION))
    pod.uid, pod.maker = word(labels.get(_POD_UID)), word(labels.get(_POD_NAME)).rpartition("-")[0]
    pod.paused = bool(described["State"].get("Paused"))
    return pod


def mark(described: Mapping[str, Any]) -> str:
    """What tells this start of a container from any other of this or another one: one word, to be compared."""
    state = described.get("State")
    started = state.get("StartedAt") if isinstance(state, dict) else ""
    return f"{word(described.get('Id'))[:12]}@{word(started)}"


def environment(described: Mapping[str, Any], variable: str) -> str:
    """A variable of a container's environment; "" when it has none."""
    config = described.get("Config")
    settings = config.get("Env") if isinstance(config, dict) else None
    for setting in settings if isinstance(settings, list) else ():
        name, _, value = str(setting).partition("=")
        if name == variable:
            return value
    return ""


def at_gate(command_lines: list[str]) -> bool:
    """Whether one of these is the start-up gate's: the program itself, or what runs it by its first line."""
    return any(_runs_gate(line.split()) for line in command_lines)


def _runs_gate(words: list[str]) -> bool:
    words = words[1:] if words[:1] == ["/usr/bin/env"] else words
    program = next((w for w in words[1:] if not w.startswith("-")), "") if _is_python(words) else "".join(words[:1])
    return program.rpartition("/")[2] == _GATE_PROGRAM


def _is_python(words: list[str]) -> bool:
    return bool(words) and words[0].rpartition("/")[2].startswith("python")


def judge(view: View, own: OwnRow, now: float) -> float | None:
    """Set what depends on time; when (seconds since boot) to look again because it will have changed. None: never."""
    times: list[float] = []

    def over(moment: float) -> bool:
        if moment > now:
            times.append(moment)
        return moment <= now

    serving = view.serving
    for pod in view.pods:
        pod.failed = pod.mark in own.failed
        pod.renewed = pod.mark == own.renewed and not over(own.renewed_at + own.pause)
        grace = {HELD: ANNOUNCE_GRACE, STARTING: START_GRACE, UNKNOWN: START_GRACE}.get(pod.gate, 0.0)
        if pod.gate == UNKNOWN and view.local and not pod.renewed:
            grace = ENTRY_GRACE
        pod.young = bool(grace) and not over(pod.since + grace)
        if pod.opening:
            times.append(now + _POLL[0])
        if pod.gate in (STARTING, UNKNOWN):
            # Nothing tells of a process that begins in it.
            times.append(now + min(max((now - pod.since) / 10, _POLL[0]), _POLL[1]))
        if pod.gate == WAITING:
            heard = own.heard_at if own.heard == pod.mark else pod.since
            pod.settled = over(heard + own.settle)
            if serving and pod.maker and pod.maker == serving.maker and pod.uid not in (serving.uid, own.displaced):
                pod.surged = over(heard + max(own.settle, SURGE_SETTLE))
    view.given_up = bool(own.settles_at) and not over(own.settles_at)
    died = len(own.deaths) != 1 or over(own.deaths[0] + DEATH_GRACE)
    view.grace_over = died and (not own.ended_at or over(own.ended_at + ENDED_GRACE))
    view.late = view.remote == "ready" and over(own.answered_at + START_GRACE)
    return min(times) if times else None
