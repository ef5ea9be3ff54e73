"""Brings one feature to the owner that CONFIG_DB wants: look, decide, do one step under the action lock, look again.

"Gate" is the start-up gate of a pod's container: `container_startup.py`, which runs before the feature's programs,
writes `pending` to STATE_DB and waits until it reads `ready` there.

Holds no truth of its own: whoever is interrupted anywhere is followed by another reconciler that looks again.
"""

from __future__ import annotations

from system_service.backends import ctrmgrd
from system_service.backends.unit_script import image
from system_service.backends.unitfiles import UnitFiles
from system_service.errors import SwitchError
from system_service.handover.action_lock import ActionLock
from system_service.handover.decide import CREATE_LOCAL, START_LOCAL, STAY, Step, decide
from system_service.handover.own_row import marks
from system_service.handover.pace import Pace
from system_service.handover.pods import Pods
from system_service.handover.steps import Steps, read_by, since
from system_service.handover.view import (
    CTRMGRD_GRACE,
    OPEN,
    STARTING,
    UNANNOUNCED,
    UNKNOWN,
    WAITING,
    View,
    judge,
)
from system_service.model.boot import uptime
from system_service.model.handover_reasons import OF_A_POD, SETTLING, TWO_PODS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from system_service.backends.docker import Docker
    from system_service.handover.rows import Rows
    from system_service.handover.view import PodContainer

_STEPS = 20  # in one go: more means that somebody undoes what we do, and the caller waits for the next event
# `container_startup.py` reads STATE_DB every 2 s, from its announcement on. `ready` is to land just before such a look.
_POLL = 2.0
_MARGIN, _WINDOW = 0.25, 0.2
_USUAL_STOP = 1.0
_MOST_ENDS = 2  # that were announced, within ten minutes: the next one counts as a death
_MOST_POLLS = 4  # of the gate's; then it is handed over at any moment


class Reconciler:
    """Of the feature `name`, whose local container has the docker name `container`.

    Every method may raise Unreachable, NotPermitted and Failed: Redis or Docker cannot be asked, or refuses. `say` gets
    a sentence a step. `view`: the last look. `due`: seconds since boot; look again then, whatever happens. `ended`: ids
    (12 letters) of containers that were sent their stop signal, as of the last call of `listen`. `stuck_since`: since
    when (seconds since boot) the local container cannot be started.
    """

    def __init__(
        self, rows: Rows, docker: Docker, name: str, container: str, say: Callable[[str], None], patient: bool = False
    ) -> None:
        """`patient`: leave ctrmgrd, where it is installed, CTRMGRD_GRACE seconds to restart the unit by itself."""
        self.rows = rows
        self.docker = docker
        self.view = View()
        self.due: float | None = None
        self.ended: set[str] = set()
        self.listen: Callable[[], None] = lambda: None
        self.stuck_since: float | None = None
        self._name = name
        self._container = container
        self._say = say
        self._pods = Pods(docker, name)
        self._steps = Steps(rows, docker, self._pods, name, container)
        self._pace = Pace()
        self._meant: tuple[str, bool] | None = None  # what was wanted as of the last look
        self._ready_since = 0.0  # when everything else was ready for a handover
        self._patient = patient
        self._turn_since = 0.0  # when it was ctrmgrd's turn

    def reconcile(self) -> Step:
        """Take steps until there is none to take for now.

        Returns the last one: STAY, with why, or CREATE_LOCAL, which is the caller's to do. `due`: when to look again.
        """
        step = self._next(self.look())
        for _ in range(_STEPS):
            if step.kind in (STAY, CREATE_LOCAL):
                break
            with ActionLock(self._name):
                # Under the lock nobody else of ours acts: what is seen now still holds when it is acted on.
                step = self._next(self.look())
                if step.kind not in (STAY, CREATE_LOCAL):
                    self._take(step)
            step = self._next(self.look())
        own = self.rows.own
        # That a handover is timed to the gate's next look is no reason for anybody to hear of.
        noteworthy = step.why in OF_A_POD and (step.why != SETTLING or own.settle)
        if noteworthy and own.reason != step.why:
            self.rows.note(reason=step.why)
        return step

    def _next(self, view: View) -> Step:
        """The step to take now; one that was tried a moment ago is put off."""
        step, now = decide(view), uptime()
        if step.kind != START_LOCAL:
            self.stuck_since = None
        if step.kind in (STAY, CREATE_LOCAL) or (due := self._pace.due(step, now)) <= now:
            return step
        self._due_by(due)
        return Step(STAY, step.id, step.why)

    def _take(self, step: Step) -> None:
        try:
            self._do(step)
        except SwitchError:
            self._pace.failed(step, uptime())
            if step.kind == START_LOCAL and self.stuck_since is None:
                self.stuck_since = uptime()
            raise
        if step.kind == START_LOCAL:
            self.stuck_since = None
        self._pace.took(step, uptime())

    def look(self) -> View:
        """See everything anew, and note what has changed hands."""
        view = self._see()
        if self._book(view):
            view = self._see()
        self.view = view
        return view

    def _see(self) -> View:
        self.rows.read()
        now, state, own = uptime(), self.rows.state, self.rows.own
        view = View()
        view.wants, view.fallback = self.rows.wants, self.rows.fallback
        view.up = state.get("system_state") == "up"
        view.remote, view.version = state.get("remote_state", ""), state.get("container_version", "")
        local = self.docker.inspect(self._container)
        view.has_local = local is not None
        view.local = local is not None and bool(local["State"].get("Running"))
        view.can_create_local = view.has_local or self._can_make()
        view.pods = self._pods.look(self.rows, now)
        view.same_version = bool(view.pods) and self._same_version(view.pods[-1])
        if (meant := (view.wants, view.up)) != self._meant:
            self._meant = meant
            self._pace.begin_anew()
        self.due = judge(view, own, now)
        self._time_it(view, now)
        view.ctrmgrd = ctrmgrd.present()
        view.turn = self._turn(view, now)
        return view

    def marks(self) -> list[str]:
        """Of those that may have read a `ready`, as of the last look."""
        return read_by(self.view)

    @property
    def stopped_local(self) -> bool:
        """Whether the local container was stopped by us, to hand over: no death."""
        return self._steps.stopped_local

    def use(self, rows: Rows) -> None:
        """Go on with these rows: the connection is another one."""
        self.rows = self._steps.rows = rows

    def close(self, grace: int | None = None) -> None:
        """Nobody is to run the feature from Kubernetes: close the gate, and see everyone behind it come out again.

        `grace`: seconds until processes are killed (default: the feature's). The first half is done before the lock is
        taken: who holds it sees it, and answers no gate any more.
        """
        self._look_at_pods()
        self.rows.down(self.marks())
        # Whatever a holder that hangs is in the middle of: nothing here starts anybody's processes.
        with ActionLock(self._name, say=self._say):
            for pod in self._look_at_pods():
                if pod.mark in self.rows.own.failed or pod.gate in (OPEN, UNKNOWN):
                    self._steps.renew(pod.id, announce=False, grace=grace)

    def revive(self) -> None:
        """The feature is to run again: whoever froze at its gate meanwhile starts anew."""
        with ActionLock(self._name):
            for pod in self._look_at_pods():
                never = self._same_version(pod)  # a gate that cannot open is not started anew for it
                silent = pod.gate == UNANNOUNCED and pod.mark != self.rows.own.heard and not never
                if pod.mark in self.rows.own.failed or silent:
                    self._steps.renew(pod.id)

    def may_start_local(self) -> bool:
        """Whether `container start` starts the local container, by the last look: no pod runs the feature, nor will."""
        view = self.view
        if view.pods and (view.remote == "ready" or any(pod.failed for pod in view.pods)):
            return view.wants == "local" and view.local
        if view.wants == "kube":
            never = view.same_version and all(pod.gate in (UNANNOUNCED, STARTING) for pod in view.pods)
            return view.fallback and view.has_local and (not view.pods or never)
        return view.wants == "local" and (view.local or all(pod.gate not in (OPEN, UNKNOWN) for pod in view.pods))

    def _same_version(self, pod: PodContainer) -> bool:
        """Whether its gate never opens. It compares without regard to case."""
        return pod.version != "" and pod.version.lower() == self.rows.local_version.lower()

    def _look_at_pods(self) -> list[PodContainer]:
        self.rows.read()
        self.view.pods = self._pods.look(self.rows, uptime())
        self._steps.view = self.view
        return self.view.pods

    def _can_make(self) -> bool | None:
        """Whether the unit's start script could make a local container; None where nobody can tell."""
        if UnitFiles().read(self._name) is not None:
            return False  # it exists in Kubernetes only
        if name := image(self._name):
            return self.docker.has_image(name)
        return True if self.rows.local_version else None

    def _book(self, view: View) -> bool:
        """Note which pod's container runs the feature, and that it does no more. Whether the rows were changed."""
        if not view.up:
            return False
        if view.wants != "kube":
            if view.wants == "local" and view.local and view.remote == "pending":
                self.rows.homed()
            return False
        rows, own, serving = self.rows, self.rows.own, view.serving
        # Of several the newest: it is the one to be let in, and it is heard once.
        newest = next((pod for pod in reversed(view.pods) if pod.gate == WAITING), None)
        if newest and newest.mark != own.heard:
            rows.note(heard=f"{newest.mark} {uptime():.1f}")
        coming = len(view.pods) == 1 and view.pods[0].gate == STARTING
        left = view.remote == "pending" and view.version.lower() not in ("", rows.local_version.lower())
        if left and (coming or not view.pods):
            # Left behind by a predecessor: what the next one writes is to be a change.
            rows.unheard(view.version)
            self._pods.rewritten("pending", "")
        if serving and serving.opening:
            return False  # until its program has ended
        if serving and not (view.local and not serving.recorded_owner):
            if serving.mark == own.served:
                alone = len(view.pods) == 1
                said = rows.state.get("current_owner") == "kube" and view.remote == "running"
                if not view.local and not said and (alone or view.remote != "pending"):
                    rows.kube_up(serving.id, serving.version)  # another said otherwise, and has gone
                if alone and own.reason == TWO_PODS:
                    rows.note("reason", "since")
                return False
            drop = ("renewed", "ended", "answered", "reason", "since")
            failed = marks(found for found in own.failed if found != serving.mark)
            rows.note(*drop, served=serving.mark, took=since("kube"), failed=failed)
            self.ended.discard(serving.id[:12])
            if not serving.recorded_owner or view.remote not in ("running", "pending"):
                rows.kube_up(serving.id, serving.version)
        elif own.served or view.remote == "running":  # it may have died before anybody wrote down that it served
            rows.vanished()
            self.listen()
            if own.served.partition("@")[0] in self.ended and len(own.ends) < _MOST_ENDS:
                # Told to end: an update, a roll-out, a label that was dropped. That is no failure; but a kubelet does
                # so, again and again, where a probe fails.
                ends = " ".join(f"{moment:.1f}" for moment in (*own.ends, uptime()))
                rows.note("served", ended=ends, reason="the pod was told to end")
            elif rows.died("the pod's container ended"):
                rows.read()
                rows.fell("the pod's container ended twice within 10 minutes")
        else:
            return False
        self.ended.clear()
        self._pace.begin_anew()
        return True

    def _turn(self, view: View, now: float) -> bool:
        """Whether ctrmgrd, by the rows that it sees, restarts the unit now. It is not waited for any longer."""
        owner = self.rows.state.get("current_owner", "none")
        if view.wants == "kube":
            waits = bool(view.pods) and view.pods[-1].gate == WAITING and view.serving is None
            due = view.local and owner != "none" and waits
        else:  # one that is owned by nobody is not restarted
            due = view.wants == "local" and not view.local and owner.lower() not in ("local", "none")
        if not (due and view.up and view.ctrmgrd and self._patient):
            self._turn_since = 0.0
            return False
        self._turn_since = self._turn_since or now
        over = self._turn_since + CTRMGRD_GRACE
        if now >= over:
            return False
        self._due_by(over)
        return True

    def _time_it(self, view: View, now: float) -> None:
        """Let a handover begin so that `ready` lands just before the gate looks for it."""
        pod = view.pods[-1] if view.pods else None
        if pod is None or pod.gate != WAITING:
            self._ready_since = 0.0
            return
        if not (pod.settled and view.local and view.up):
            return
        self._ready_since = self._ready_since or now
        if now - self._ready_since > _MOST_POLLS * _POLL:
            return
        past = (now + (self.rows.own.stop or _USUAL_STOP) + _MARGIN - pod.since) % _POLL
        if past > _WINDOW:
            pod.settled = False
            self._due_by(now + _POLL - past)

    def _due_by(self, moment: float) -> None:
        self.due = moment if self.due is None else min(self.due, moment)

    def _do(self, step: Step) -> None:
        self._say(f"{self._name}: {step.kind}" + (f": {step.why}" if step.why else ""))
        self._steps.do(step, self.view)
