"""Keeping one feature in the right hands: look, decide, do one step under the action lock, look again.

Holds no truth of its own: whoever is interrupted anywhere is followed by another keeper that looks again.
"""

from __future__ import annotations

import fcntl
import os
import time

from system_service.backends import ctrmgrd
from system_service.errors import Failed
from system_service.handover.decide import (
    ANSWER,
    FROZEN,
    RENEW,
    SAME_VERSION,
    START_LOCAL,
    STAY,
    STOP_KUBE,
    STOP_LOCAL,
    WITHDRAW,
    Step,
    decide,
)
from system_service.handover.view import (
    CTRMGRD_GRACE,
    HELD,
    OPEN,
    START_GRACE,
    UNKNOWN,
    WAITING,
    Kube,
    View,
    at_gate,
    judge,
    parse_kube,
)
from system_service.model.clock import number
from system_service.model.naming import RUN_DIR, stop_timeout
from system_service.model.pods import pod_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from system_service.handover.rows import Rows
    from system_service.wire.docker import Docker

_STEPS = 20  # in one go: more means that somebody undoes what we do, and the caller waits for the next event
# The gate looks every 2 s from the moment it announced itself. `ready` is to land just before such a look.
_POLL = 2.0
_MARGIN, _WINDOW = 0.25, 0.2
_USUAL_STOP = 1.0
_MOST_POLLS = 4  # of the gate's; then it is handed over at any moment
# The action lock: seconds that a step may take beyond a stop, and between two tries to get it.
_LONGEST_STEP, _LOCK_POLL = 60.0, 0.05


class Keeper:
    """Custody of the feature `name`, whose local container has the docker name `container`.

    Every method may raise what `Rows` and `Docker` raise. `say` gets a sentence a step. `view`: the last look.
    """

    def __init__(
        self, rows: Rows, docker: Docker, name: str, container: str, say: Callable[[str], None], patient: bool = False
    ) -> None:
        """`patient`: ctrmgrd, where it is, has its turn first: of the unit's `wait`, whose unit it restarts."""
        self.rows = rows
        self.docker = docker
        self.view = View()
        self.due: float | None = None  # Unix time: look again then, whatever happens
        self.stopped_local = False  # it was stopped by us, to hand over: no death
        self._name = name
        self._container = container
        self._say = say
        self._heard: tuple[str, float] = ("", 0.0)  # which container announced itself, and when we saw that first
        self._gated: dict[str, float] = {}  # whose gate program was seen: id -> start
        self._closed_at = 0.0  # Unix time: who starts after it comes back at its gate, for legacy is wanted
        self._since = 0.0  # when everything else was ready for a handover
        self._patient = patient
        self._turn_since = 0.0  # when it was ctrmgrd's turn

    def keep(self) -> Step:
        """Take steps until there is none to take for now; the STAY that says why. `due` says until when."""
        step = decide(self.look())
        for _ in range(_STEPS):
            if step.kind == STAY:
                break
            with held(self._name):
                # Under the lock nobody else of ours acts: what is seen now still holds when it is acted on.
                step = decide(self.look())
                if step.kind != STAY:
                    self._do(step)
            step = decide(self.look())
        if step.why in (SAME_VERSION, FROZEN) and self.rows.own.get("reason") != step.why:
            self.rows.note(time.time(), reason=step.why)
        return step

    def look(self) -> View:
        """See everything anew, and keep the books on what ran."""
        self.rows.read()
        view = View()
        view.wants, view.fallback = self.rows.wants, self.rows.fallback
        view.up = self.rows.state.get("system_state") == "up"
        view.remote = self.rows.state.get("remote_state", "")
        local = self.docker.inspect(self._container)
        view.has_local = local is not None
        view.local = local is not None and bool(local["State"].get("Running"))
        view.kube = self._kube()
        newest = view.kube[-1] if view.kube else None
        view.same_version = newest is not None and newest.version != "" and newest.version == self.rows.local_version
        now = time.time()
        self._book(view, now)
        self.due = judge(view, self.rows.state, self.rows.own, now)
        if view.wants == "kube" or not view.up:
            self._closed_at = 0.0  # from here on a pod may pass its gate again
        for kube in view.kube:
            kube.closed = 0 < self._closed_at <= kube.started
        self._time_it(view, now)
        view.ctrmgrd = ctrmgrd.present()
        view.turn = self._turn(view, now)
        self.view = view
        return view

    def close(self, grace: int | None = None) -> None:
        """Nobody is to run the feature from Kubernetes: close the gate, and see everyone behind it come out again.

        `grace`: seconds until processes are killed (default: the feature's). The first half is done before the lock is
        taken: who holds it sees it, and answers no gate any more.
        """
        self.rows.read()
        self.rows.down(time.time())
        # Whatever a holder that hangs is in the middle of: nothing here starts anybody's processes.
        with held(self._name, say=self._say):
            self.rows.read()
            for kube in self._kube():
                if kube.failed or kube.gate in (OPEN, UNKNOWN):
                    self._renew(kube.id, announce=False, grace=grace)

    def revive(self) -> None:
        """The feature is to run again: whoever froze at its gate meanwhile starts anew."""
        with held(self._name):
            self.rows.read()
            for kube in self._kube():
                # One that has just started may read already that it is wanted.
                if (
                    kube.gate == HELD
                    or kube.failed
                    or (kube.gate == UNKNOWN and time.time() - kube.started > START_GRACE)
                ):
                    self._renew(kube.id)

    def _kube(self) -> list[Kube]:
        found = []
        for id in self.docker.running(pod_labels(self._name)):
            described = self.docker.inspect(id)
            if described is None or not described["State"].get("Running"):
                continue
            kube = parse_kube(described, self.rows.state)
            if kube.gate != OPEN:
                # What the rows say of one container may have been written by another: its gate program has to be seen.
                seen = at_gate(self.docker.processes(id))
                asks = kube.gate == WAITING and not described["State"].get("Paused")  # a paused one reads no answer
                kube.gate = (WAITING if asks else HELD) if seen else UNKNOWN
                kube.left = not seen and self._gated.get(kube.id) == kube.started
            kube.failed = kube.started < number(self.rows.own.get("failed", ""))
            found.append(kube)
        self._gated = {kube.id: kube.started for kube in found if kube.gate in (WAITING, HELD) or kube.left}
        return found

    def _book(self, view: View, now: float) -> None:
        """Remember which pod's container runs the feature; notice that it does no more."""
        served = self.rows.own.get("served", "")
        opened = next((kube for kube in view.kube if kube.gate == OPEN), None)
        mark = f"{opened.id} {opened.started:.3f}" if opened else ""
        if (opened and mark == served) or not (view.up and view.wants == "kube"):
            return
        if opened:
            self.rows.note(now, "failed", "renewed", "answered", "reason", "since", served=mark)
        elif served or view.remote == "running":  # it may have died before anybody wrote down that it served
            self.rows.vanished()
            if self.rows.died(now, "the pod's container ended"):
                self.rows.read()
                self.rows.fell(now, "the pod's container ended twice within 10 minutes")
        else:
            return
        self.rows.read()
        view.remote = self.rows.state.get("remote_state", "")

    def _turn(self, view: View, now: float) -> bool:
        """Whether ctrmgrd, by the rows that it sees, restarts the unit now. It is not waited for any longer."""
        owner = self.rows.state.get("current_owner", "none")
        if view.wants == "kube":
            due = view.local and owner != "none" and bool(view.kube) and view.kube[-1].gate == WAITING
        else:
            due = view.wants == "local" and not view.local and owner != "local"
        if not (due and view.up and view.ctrmgrd and self._patient):
            self._turn_since = 0.0
            return False
        self._turn_since = self._turn_since or now
        over = self._turn_since + CTRMGRD_GRACE
        if now >= over:
            return False
        self.due = over if self.due is None else min(self.due, over)
        return True

    def _time_it(self, view: View, now: float) -> None:
        """Let a handover begin so that `ready` lands just before the gate looks for it."""
        kube = view.kube[-1] if view.kube else None
        if kube is None or kube.gate != WAITING:
            self._heard, self._since = ("", 0.0), 0.0
            return
        if self._heard[0] != kube.id:
            self._heard = (kube.id, now)
        if not (view.settled and view.local and view.up):
            return
        self._since = self._since or now
        if now - self._since > _MOST_POLLS * _POLL:
            return
        usual = number(self.rows.own.get("stop", "")) or _USUAL_STOP
        past = (now + usual + _MARGIN - self._heard[1]) % _POLL
        if past > _WINDOW:
            view.settled = False
            moment = now + _POLL - past
            self.due = moment if self.due is None else min(self.due, moment)

    def _do(self, step: Step) -> None:
        now = time.time()
        self._say(f"{self._name}: {step.kind}" + (f": {step.why}" if step.why else ""))
        if step.kind == STOP_LOCAL:
            self.stopped_local = True
            self.docker.stop(self._container, stop_timeout(self._name))
            self.rows.note(now, stop=f"{time.time() - now:.2f}")
            if self.view.ctrmgrd and all(kube.gate != OPEN for kube in self.view.kube):
                self.rows.stopped()
        elif step.kind == START_LOCAL:
            self._start_local(step, now)
        elif step.kind == ANSWER:
            version = next(kube.version for kube in self.view.kube if kube.id == step.id)
            # Another version is an update, and the end of the old one's container was no failure.
            update = ("deaths",) if self.rows.own.get("version", version) != version else ()
            self.rows.note(now, *update, answered=f"{now:.1f}", version=version)
            self.rows.answer(version)
        elif step.kind == WITHDRAW:
            if self.rows.withdraw(now) and step.id:
                self.rows.fell(now, "the pod's gate did not open")
        elif step.kind == RENEW:
            self.rows.note(now, "served", renewed=f"{now:.1f}")
            view = self.view
            # Nobody else is to be seen to first: the local one starts as soon as the old processes are dead.
            alone = view.wants == "local" and view.has_local and not view.local and len(view.kube) == 1
            self._renew(step.id, between=(lambda: self._start_local(step, now)) if alone else None)
        elif step.kind == STOP_KUBE:
            self.rows.note(now, "served")
            self.docker.stop(step.id, stop_timeout(self._name))

    def _start_local(self, step: Step, now: float) -> None:
        own = self.rows.own
        if self.view.wants == "kube" and (own.get("deaths") or own.get("renewed")) and not self.view.given_up:
            self.rows.fell(now, own.get("reason") or step.why)
        elif self.view.wants == "kube":
            self.rows.note(now, reason=own.get("reason") or step.why)
        if not self.rows.local_up(quiet=self.view.ctrmgrd and self.view.wants == "kube"):
            return
        try:
            self.docker.start(self._container)
        finally:
            self.stopped_local = False

    def _renew(
        self, id: str, announce: bool = True, grace: int | None = None, between: Callable[[], None] | None = None
    ) -> None:
        """Restart a pod's container in place: its processes end, and it comes back at its gate.

        `between`: what is done once they have ended, as of Docker.restart.
        """
        seconds = stop_timeout(self._name) if grace is None else grace
        now = time.time()
        self.rows.filled(up=announce)
        if announce:
            self.rows.unannounced(now)
        self._closed_at = now
        try:
            self.docker.restart(id, seconds, between)
            self._forget_last_words(id)
        except Failed:
            # What cannot be restarted is stopped: its owner makes a new one.
            self.docker.stop(id, seconds)

    def _forget_last_words(self, id: str) -> None:
        """A gate may announce itself while its container is being stopped: the next one would not do so again."""
        self.rows.read()
        found = self.docker.inspect(id)
        if found is None or self.rows.state.get("remote_state") != "pending":
            return
        kube = parse_kube(found, self.rows.state)
        if kube.gate != WAITING:
            self.rows.unannounced(time.time())


class held:  # noqa: N801 - contextlib would stay in the waiter's memory for this
    """The action lock of a feature: held for one step, and for `container stop`'s part; never while waiting for events.

    It goes with the process, however that ends. Without its folder (no tmpfiles, a full disk) things go on without it.
    Raises Failed when somebody has it for `most` seconds (default: longer than any step takes); with `say` that is told
    there, and things go on without it.
    """

    def __init__(self, name: str, say: Callable[[str], None] | None = None, most: float | None = None) -> None:
        self._path = os.path.join(os.environ.get("SYSTEM_SERVICE_RUN_DIR", RUN_DIR), f"{name}.action")
        self._handle = -1
        self._name = name
        self._say = say
        self._most = stop_timeout(name) + _LONGEST_STEP if most is None else most

    def __enter__(self) -> None:
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
            if os.fstat(self._handle).st_uid == os.geteuid():
                os.fchmod(self._handle, 0o660)
            locked = self._lock()
        except OSError:
            self._release()
            return
        if not locked:
            self._release()
            sentence = f"{self._name}: another process has held the action lock for {self._most:.0f} s"
            if self._say is None:
                raise Failed(sentence, f"fuser -v {self._path}")
            self._say(f"{sentence}; going on without it")

    def _lock(self) -> bool:
        """Whether it was got in time: who holds it may hang, or be stopped, and systemd waits for those who wait."""
        deadline = time.monotonic() + self._most
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_LOCK_POLL)

    def __exit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
