"""A feature's life while CONFIG_DB wants kubernetes: what wakes the reconciler, and what counts as the end."""

from __future__ import annotations

import time

from system_service.errors import SwitchError
from system_service.handover.action_lock import ActionLock, Presence
from system_service.handover.decide import CREATE_LOCAL, STAY, Step
from system_service.handover.own_row import LONGEST_PAUSE
from system_service.handover.reconciler import Reconciler
from system_service.handover.view import OPEN, UNANNOUNCED, UNKNOWN, View
from system_service.model.boot import uptime
from system_service.model.pods import pod_labels
from system_service.model.state_row import emptied
from system_service.waiting.events import Events
from system_service.waiting.reconnecting import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from system_service.backends.docker import Docker
    from system_service.waiting.feature_rows import FeatureRows

# Seconds between a container's death and the start that makes it a restart.
RESTART_GRACE = 1.0
_FIRST_RETRY = 1.0  # seconds after a look or a step that failed; doubled each time
_MOST_ENDED = 100
_MADE = 600.0  # seconds: a script that has not made the container will not do so this time
_STUCK = 180.0  # seconds for which the local container may refuse to start: then the unit's own rules apply


class KubernetesWait:
    """Made once rows are connected. `due`: monotonic seconds of the next look, None: when something happens.

    `released`: legacy is wanted again, and the local container runs. `watches`: another `wait` hands the feature over.
    """

    def __init__(self, board: FeatureRows, docker: Docker, container: str) -> None:
        self.due: float | None = 0.0
        self.released = False
        self._feature_rows = board
        self._docker = docker
        self._container = container
        self._events = Events(docker, labels=pod_labels(board.feature))
        self._presence = Presence(board.feature)
        self.watches = not self._presence.first()
        self._reconciler: Reconciler | None = None
        self._served_local = False  # the local container was seen running, and not stopped by us
        self._gone_at: float | None = None
        self._death: float | None = None  # the newest, as of the last look; None: not looked yet
        self._said = ""
        self._complained = False
        self._retry = _FIRST_RETRY

    def wake(self) -> None:
        self.due = 0.0

    def watch(self) -> None:
        """Wait for the end of the `wait` that hands over."""
        say(f"{self._container}: another wait hands it over; watching")
        self._presence.watch()

    def hear(self) -> None:
        """Something happened to a pod's container."""
        try:
            if self._events.read():
                self.wake()
        except SwitchError as error:
            # A stream that has ended is ready to be read for ever.
            self._events.lost(error)
            self._reopen()

    def keep(self) -> str:
        """Look, and act, if that is due. Why the life has ended; "" while it goes on. Raises SwitchError."""
        now = time.monotonic()
        if self._events.due is not None and self._events.due <= now:
            self._events.open()
            self.wake()
        if self.due is None or self.due > now:
            return ""
        reconciler = self._fresh()
        self._restore(reconciler)
        # First whether this life is over: what is started after that is another one's to start.
        if ended := self._ended(reconciler, reconciler.look(), now):
            return ended
        if self._gone_at is not None:
            # The local container has just died: a start that follows makes it a restart.
            self.due = self._gone_at + RESTART_GRACE
            return ""
        step = reconciler.reconcile()
        view = reconciler.view
        self._events.settled()
        self._retry = _FIRST_RETRY
        if self._complained:
            say(f"{self._container}: all backends answer again")
            self._complained = False
        self.due = None if reconciler.due is None else now + max(0.0, reconciler.due - uptime()) + 0.01
        self._reopen()
        if ended := self._ended(reconciler, view, now) or self._unmade(reconciler, step):
            return ended
        # Not while one of its pods may still come up without a gate: nobody would see it.
        quiet = step.kind == STAY and not step.id and all(pod.gate == UNANNOUNCED for pod in view.pods)
        self.released = view.wants == "local" and view.local and quiet and view.up
        self._tell(view, step.why)
        return ""

    def blind(self) -> None:
        """Redis is away, and a gate that cannot ask it lets its container's processes start: not beside another's."""
        if self._events.due is not None and self._events.due <= time.monotonic():
            self._events.open()
        with ActionLock(self._feature_rows.feature, say=say):
            local = self._docker.inspect(self._container)
            served = local is not None and bool(local["State"].get("Running"))
            found = self._docker.running(pod_labels(self._feature_rows.feature))
            serving = self._reconciler.view.serving if self._reconciler else None
            spared = serving.id if serving and serving.id in found else "".join(found[:1])
            for id in found if served else [id for id in found if id != spared]:
                say(f"{self._container}: stop the pod's container: its gate cannot be held without the database")
                self._docker.stop(id, 0)

    def lost(self, error: SwitchError) -> str:
        """A look or a step failed: try again in a moment. Why the life has ended all the same; "" while it goes on."""
        if not self._complained:
            say(f"{error}; waiting on")
            self._complained = True
        if (
            self._reconciler
            and self._reconciler.stuck_since is not None
            and uptime() - self._reconciler.stuck_since >= _STUCK
        ):
            return f"the local container cannot be started: {error}"
        self.due = time.monotonic() + self._retry
        self._retry = min(2 * self._retry, LONGEST_PAUSE)
        if self._events.due is not None:
            self._events.lost(error)
        return ""

    def marks(self) -> list[str]:
        """Of those who may have read a `ready`, as of the last look."""
        return self._reconciler.marks() if self._reconciler else []

    def _reopen(self) -> None:
        """Be due when the stream of events is."""
        if self._events.due is not None:
            self.due = self._events.due if self.due is None else min(self.due, self._events.due)

    def filenos(self) -> list[int]:
        return self._events.filenos()

    def close(self) -> None:
        self._events.close()
        self._presence.close()

    def _fresh(self) -> Reconciler:
        """The reconciler, on the rows of the connection that there is now."""
        rows = self._feature_rows.rows()
        if self._reconciler is None:
            self._reconciler = Reconciler(
                rows, self._docker, self._feature_rows.feature, self._container, say, patient=True
            )
            self._reconciler.listen = self._listen
        self._reconciler.use(rows)
        self._listen()
        return self._reconciler

    def _listen(self) -> None:
        """Who was told to end, up to this moment; whatever else is heard is due after it."""
        self.hear()
        if self._reconciler:
            kept = self._reconciler.ended if len(self._reconciler.ended) < _MOST_ENDED else set()
            self._reconciler.ended = kept | self._events.ended
            self._events.ended.clear()

    def _restore(self, reconciler: Reconciler) -> None:
        """Redis has come back empty: say again what is so, before a gate opens because nothing is said."""
        before, rows = reconciler.view, reconciler.rows
        rows.read()
        if not emptied(rows.state) or not (before.up or not before.wants):
            return
        served = before.serving
        if served and any(id == served.id for id in self._docker.running(pod_labels(self._feature_rows.feature))):
            rows.kube_up(served.id, served.version)
            rows.note(served=served.mark)
            return
        rows.up(lost=True)
        if before.local:
            rows.local_up()

    def _ended(self, reconciler: Reconciler, view: View, now: float) -> str:
        serves = view.serving is not None
        if view.local:
            self._served_local, self._gone_at = True, None
        elif reconciler.stopped_local or serves:
            self._served_local, self._gone_at = False, None
        elif self._served_local:
            # A death followed by a start is none.
            self._gone_at = self._gone_at or now
            if now - self._gone_at >= RESTART_GRACE:
                return "the local container ended"
        if not view.up and not view.local and not any(pod.gate in (OPEN, UNKNOWN) for pod in view.pods):
            return "the feature is to be down"
        newest = max(reconciler.rows.own.deaths, default=0.0)
        # What is there at the first look was an earlier life's.
        died = self._death is not None and newest not in (0.0, self._death)
        self._death = newest
        if died and not reconciler.rows.auto_restart:
            return "the pod's container ended, and auto_restart is disabled"
        return ""

    def _unmade(self, reconciler: Reconciler, step: Step) -> str:
        """Why the unit is to be started anew: its script makes what is missing here. Not twice in a short time."""
        if step.kind != CREATE_LOCAL or reconciler.view.turn:
            return ""
        made = reconciler.rows.own.made
        if made and uptime() - made < _MADE:
            return ""
        reconciler.rows.note(made=f"{uptime():.1f}")
        return f"the local container is not here: the unit's start makes it anew ({step.why})"

    def _tell(self, view: View, why: str) -> None:
        """Each state once, for the journal."""
        because = f": {why}" if why else ""
        if view.serving:
            what = "a pod runs it" + because
        elif view.local:
            what = "the local container runs it" + because
        else:
            what = ("nobody runs it" if view.pods else "pending deployment") + because
        if what != self._said:
            say(f"{self._container}: {what}")
            self._said = what
