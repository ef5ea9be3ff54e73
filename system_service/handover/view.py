"""Who runs a feature at one moment: what is wanted, what the rows say, what Docker shows. No I/O, no clock.

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
UNANNOUNCED = "held"  # at its gate, and not heard: it may be frozen, or about to announce itself
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
    """One running container that Kubernetes made for the feature; `gate` (one of the above) is how far its start is.

    `mark`: its id and StartedAt, which tell a restart of it from its life before. `uid`: of its pod; `maker`: the pod's
    name without its last part, the same for all pods of a DaemonSet. `since`: since when (seconds since boot) it has
    been that far. `young`: for less than the grace it has. `recorded_owner`: our row has it as the one that runs the
    feature, so that it is no intruder. `opening`: remote_state says `running`, and the gate's program has not ended
    yet. `renewed`: it was restarted at its gate, and the pause before the next restart is not over. `failed`: it may
    have read a `ready` that was taken back, and is not to serve. `settled`: it has waited long enough at its gate to
    take over; `may_replace`: even from another pod that serves.
    """

    __slots__ = (
        "failed",
        "gate",
        "id",
        "maker",
        "mark",
        "may_replace",
        "opening",
        "paused",
        "recorded_owner",
        "renewed",
        "settled",
        "since",
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
        self.recorded_owner = False
        self.opening = False
        self.renewed = False
        self.failed = False
        self.settled = True
        self.may_replace = False


class View:
    """Everything that deciding needs.

    `wants`: "kube", "local", or "" when CONFIG_DB has no row for the moment. `up`: the feature is to run. `remote`:
    remote_state; `version`: container_version. `local`, `has_local`: the local container runs, exists;
    `can_create_local`: whether the unit's start script could make one, None where nobody can tell. `pods`: the running
    containers that Kubernetes made for it, oldest first. `same_version`: the gate of the newest can never open, because
    the local image has its version. `failed_too_often`: a pod failed, and the local container serves for a time
    that is not over. `grace_over`: the time in which a container that ended may come back is. `late`: `ready` was
    given, and the gate should have opened by now. `ctrmgrd`: it is installed, and restarts the unit for a pod that
    announces itself beside an owner; `turn`: that restart is expected at any moment.
    """

    __slots__ = (
        "can_create_local",
        "ctrmgrd",
        "failed_too_often",
        "fallback",
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
        self.can_create_local: bool | None = None
        self.pods: list[PodContainer] = []
        self.same_version = False
        self.failed_too_often = False
        self.grace_over = True
        self.late = False
        self.ctrmgrd = False
        self.turn = False

    @property
    def serving(self) -> PodContainer | None:
        """The pod's container that runs the feature: one that is recorded_owner to, before any other."""
        running = [pod for pod in self.pods if pod.gate == OPEN]
        return next((pod for pod in running if pod.recorded_owner), running[0] if running else None)


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
        grace = {UNANNOUNCED: ANNOUNCE_GRACE, STARTING: START_GRACE, UNKNOWN: START_GRACE}.get(pod.gate, 0.0)
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
                pod.may_replace = over(heard + max(own.settle, SURGE_SETTLE))
    view.failed_too_often = bool(own.settles_at) and not over(own.settles_at)
    died = len(own.deaths) != 1 or over(own.deaths[0] + DEATH_GRACE)
    view.grace_over = died and (not own.ended_at or over(own.ended_at + ENDED_GRACE))
    view.late = view.remote == "ready" and over(own.answered_at + START_GRACE)
    return min(times) if times else None
