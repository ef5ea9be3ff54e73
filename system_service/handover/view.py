"""One feature's custody at one moment: what is wanted, what the rows say, what Docker shows. No I/O, no clock."""

from __future__ import annotations

from system_service.model.clock import docker_time, host_seconds, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Row = Mapping[str, str]

# Where a running kube container is, as far as can be told.
OPEN = "open"  # past its gate by the rows: it runs the feature
WAITING = "waiting"  # at its gate, has announced itself, and will take `ready`
HELD = "held"  # at its gate for certain: its gate program runs. It may be frozen, or about to announce itself
UNKNOWN = "unknown"  # it may be anywhere, past its gate too

# Seconds.
ANNOUNCE_GRACE = 5.0  # from a container's start until one that is held should have announced itself
START_GRACE = 10.0  # from `ready`, or from a start, until the gate should be open
ENTRY_GRACE = 2.0  # from a start beside the local container until the gate program should be seen
DEATH_GRACE = 20.0  # until a kube container that died is replaced by the local one
DEATH_WINDOW = 600.0  # two deaths within it are too many
CTRMGRD_GRACE = 15.0  # until we do what ctrmgrd should have done
RENEW_PAUSE = 60.0  # between two restarts of a container at its gate
FIRST_SETTLE, LONGEST_SETTLE = 60.0, 3600.0

GATE_PROGRAM = "container_startup"


class Kube:
    """One running container that Kubernetes made for the feature. `started` is Unix time; `gate` one of the above.

    `young`: its gate may still be on its way to what it will be. `renewed`: it was restarted at its gate and nothing
    came of it. `failed`: `ready` was taken back, and it may have read it before. `closed`: it was started
    anew by the one who looks, or after that, to come back at its gate. `left`: its gate program was seen since it
    started, and is there no more.
    """

    __slots__ = ("closed", "failed", "gate", "id", "left", "renewed", "started", "version", "young")

    def __init__(self, id: str, started: float = 0.0, version: str = "", gate: str = UNKNOWN) -> None:
        self.id = id
        self.started = started
        self.version = version
        self.gate = gate
        self.young = False
        self.renewed = False
        self.failed = False
        self.closed = False
        self.left = False


class View:
    """Everything that deciding needs.

    `wants`: "kube", "local", or "" when CONFIG_DB has no row for the moment. `up`: the feature is to run. `remote`:
    remote_state. `local`, `has_local`: the local container runs, exists. `kube`: oldest first. `same_version`: the gate
    of the newest kube container can never open, because the local image has its version. `settled`: a waiting pod has
    waited long enough. `given_up`: the local container was put in its place not long ago. `grace_over`: nobody is
    expected back from a death. `late`: `ready` should have been taken. `ctrmgrd`: it restarts the unit for a pod that
    announces itself beside an owner; `turn`: it is about to.
    """

    __slots__ = (
        "ctrmgrd",
        "fallback",
        "given_up",
        "grace_over",
        "has_local",
        "kube",
        "late",
        "local",
        "remote",
        "same_version",
        "settled",
        "turn",
        "up",
        "wants",
    )

    def __init__(self) -> None:
        self.wants = ""
        self.fallback = True
        self.up = False
        self.remote = ""
        self.local = False
        self.has_local = True
        self.kube: list[Kube] = []
        self.same_version = False
        self.settled = True
        self.given_up = False
        self.grace_over = True
        self.late = False
        self.ctrmgrd = False
        self.turn = False


def parse_kube(found: Mapping[str, Any], state: Row) -> Kube:
    """A kube container from Docker's description and the feature's STATE_DB row; `gate` is never HELD here."""
    described, config = found["State"], found.get("Config")
    kube = Kube(str(found.get("Id")), docker_time(str(described.get("StartedAt"))))
    for variable in (config.get("Env") if isinstance(config, dict) else None) or []:
        name, _, value = str(variable).partition("=")
        if name == "IMAGE_VERSION":
            kube.version = value
    # update_time has whole seconds: what was written in the second of the start was written after it.
    written = host_seconds(state.get("update_time", "")) + 1.0
    remote, named = state.get("remote_state", ""), state.get("container_id", "")
    if remote == "running" and named in ("", kube.id[:12]) and written > kube.started:
        kube.gate = OPEN
    elif remote == "pending" and state.get("container_version") == kube.version and written > kube.started:
        kube.gate = WAITING
    return kube


def at_gate(processes: Sequence[str]) -> bool:
    """Whether one of these command lines is the start-up gate's."""
    return any(GATE_PROGRAM in line for line in processes)


def judge(view: View, state: Row, own: Row, now: float) -> float | None:
    """Set what depends on the time; when (Unix time) to look again because it will have changed. None: never."""
    times: list[float] = []

    def over(moment: float) -> bool:
        if moment > now:
            times.append(moment)
        return moment <= now

    renewed = number(own.get("renewed", ""))
    settle = number(own.get("settle", ""))
    for kube in view.kube:
        kube.renewed = bool(renewed) and not over(renewed + max(settle, RENEW_PAUSE))
        grace = ANNOUNCE_GRACE if kube.gate == HELD else START_GRACE
        if kube.gate == UNKNOWN and view.local and not kube.renewed:
            # Its processes may have started without a gate. One that we restarted found its rows, and may be slow.
            grace = ENTRY_GRACE
        kube.young = kube.gate in (HELD, UNKNOWN) and not (view.local and kube.left) and not over(kube.started + grace)
    since = host_seconds(state.get("update_time", ""))
    view.given_up = bool(settle) and not over(number(own.get("fell", "")) + settle)
    waiting = bool(view.kube) and view.kube[-1].gate == WAITING
    view.settled = over(max(since, view.kube[-1].started) + settle) if waiting else not view.given_up
    deaths = [moment for moment in map(number, own.get("deaths", "").split()) if now - moment < DEATH_WINDOW]
    view.grace_over = len(deaths) != 1 or over(deaths[0] + DEATH_GRACE)
    view.late = view.remote == "ready" and over(number(own.get("answered", "")) + START_GRACE)
    return min(times) if times else None
