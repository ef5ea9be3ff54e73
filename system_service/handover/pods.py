"""Which containers of Kubernetes a feature has, and how far the start of each is, as its processes tell."""

from __future__ import annotations

from system_service.errors import Failed
from system_service.handover.view import (
    OPEN,
    START_GRACE,
    STARTING,
    UNANNOUNCED,
    UNKNOWN,
    WAITING,
    PodContainer,
    at_gate,
    parse_pod,
)
from system_service.model.critical import COLUMNS, FOLDER, LIST, missing, parse_list, processes
from system_service.model.pods import pod_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from system_service.backends.docker import Docker
    from system_service.handover.rows import Rows

_MOST_LISTS = 16


class Pods:
    """Remembers, from look to look, what changed since each container started.

    A gate announces itself in STATE_DB with its version and `pending`, and with no time. Whether the row's words are
    this container's is told by a change: what the row said before the container was there, and what it says now.
    Methods raise Unreachable, NotPermitted and Failed, as Docker does.
    """

    def __init__(self, docker: Docker, name: str) -> None:
        self._docker = docker
        self._name = name
        self._said: tuple[str, str] | None = None  # remote_state and container_version, as of the last look
        self._before: dict[str, tuple[str, str]] = {}  # mark -> the same, before that container was there
        self._stages: dict[str, tuple[str, float]] = {}  # mark -> how far it is, and since when
        self._gated: set[str] = set()  # marks of those whose gate's program was seen
        self._opening: dict[str, float] = {}  # mark -> since when its gate is said to be open, and its program is there
        self._critical: dict[str, tuple[str, ...]] = {}  # mark -> its critical processes

    def look(self, rows: Rows, now: float) -> list[PodContainer]:
        """Those that run, oldest first, each with `gate`, `since` and `recorded_owner`. `now`: seconds since boot."""
        said = (rows.state.get("remote_state", ""), rows.state.get("container_version", ""))
        found = []
        for id in self._docker.running(pod_labels(self._name)):
            described = self._docker.inspect(id)
            if described is None or not described["State"].get("Running"):
                continue
            pod = parse_pod(described)
            self._before.setdefault(pod.mark, said if self._said is None else self._said)
            pod.recorded_owner = self._entitled(pod, rows)
            gate = self._gate(pod, rows, said, now)
            if not gate:
                continue
            pod.gate = gate
            stage = self._stages.get(pod.mark)
            pod.since = stage[1] if stage and stage[0] == pod.gate else now
            found.append(pod)
        self._said = said
        marks = {pod.mark for pod in found}
        self._before = {mark: before for mark, before in self._before.items() if mark in marks}
        self._gated &= marks
        self._opening = {mark: since for mark, since in self._opening.items() if mark in marks}
        self._stages = {pod.mark: (pod.gate, pod.since) for pod in found}
        return found

    def rewritten(self, remote: str, version: str) -> None:
        """The row says this now because we wrote it: no gate has."""
        self._said = (remote, version)
        self._before = dict.fromkeys(self._before, self._said)

    def _entitled(self, pod: PodContainer, rows: Rows) -> bool:
        state, named = rows.state, rows.state.get("container_id", "")
        says = state.get("remote_state") == "running" and state.get("container_version") == pod.version
        return pod.mark in (rows.own.served, rows.own.answered) or (says and named in _names(pod.id))

    def _gate(self, pod: PodContainer, rows: Rows, said: tuple[str, str], now: float) -> str:
        """How far its start is, as view.py names it; "" when it has ended meanwhile."""
        if pod.mark == rows.own.served:  # nobody comes back to a gate without a start
            return OPEN
        try:
            shown = self._docker.top(pod.id, COLUMNS)
        except Failed:  # it ended while Docker looked into it: each version has words of its own for that
            shown = None
        if shown is None:
            return ""
        if at_gate([row[-1] for row in shown]):
            self._gated.add(pod.mark)
            if (
                said[0] == "running"
                and pod.recorded_owner
                and now - self._opening.setdefault(pod.mark, now) < START_GRACE
            ):
                # It has read `ready` and said so; its program takes a moment to end.
                pod.opening = True
                return OPEN
            asks = said == ("pending", pod.version)
            heard = rows.own.heard == pod.mark or self._before[pod.mark] != said
            return WAITING if asks and heard and not pod.paused else UNANNOUNCED
        if pod.mark in self._gated or pod.mark == rows.own.answered:
            return OPEN
        critical, programs = self._listed(pod), processes(shown)
        if not critical:
            # What the row says of one that has long been there is the best that can be had.
            old = programs is not None and programs.age >= START_GRACE
            return OPEN if pod.recorded_owner and old else UNKNOWN
        running = programs is not None and len(missing(critical, programs.programs)) < len(critical)
        return OPEN if running else STARTING

    def _listed(self, pod: PodContainer) -> Sequence[str]:
        """Its critical processes: read once in its life, for the file is the image's."""
        if pod.mark not in self._critical:
            text = self._docker.read(pod.id, f"{FOLDER}/{LIST}")
            self._critical[pod.mark] = parse_list((text or b"").decode("utf-8", "replace"))
            if len(self._critical) > _MOST_LISTS:
                del self._critical[next(iter(self._critical))]
        return self._critical[pod.mark]


def _names(id: str) -> tuple[str, ...]:
    """What a gate may take for its container's id: nothing with cgroup v2, its beginning with v1's systemd driver."""
    return ("", id[:12], f"docker-{id[:5]}")
