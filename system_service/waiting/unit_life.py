"""The life of one feature under its unit: begins when its container is seen running, ends when it no longer runs.

In legacy mode that is the local container's life, and Docker alone decides. Where CONFIG_DB wants kubernetes, a
reconciler moves the feature between the local container and a pod's, and the life goes on in either.

All that it may come to need is imported with it: an upgrade replaces the package's files under it.
"""

from __future__ import annotations

import math
import os
import select
import time

from system_service.backends.docker import Docker
from system_service.backends.docker_api import PATIENCE
from system_service.backends.trigger import ask
from system_service.backends.unitfiles import UnitFiles
from system_service.errors import SwitchError
from system_service.handover.view import environment
from system_service.model.pods import pod_labels
from system_service.waiting.events import Events
from system_service.waiting.feature_rows import FeatureRows
from system_service.waiting.kubernetes_wait import RESTART_GRACE, KubernetesWait
from system_service.waiting.reconnecting import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
else:  # the other makes enums of all its numbers, which stay in memory for each feature
    import _signal as signal

# Seconds: between two looks after something that nobody foresaw, and of one poll (it takes no more than 24 days).
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LONGEST_POLL = 3600.0
_POD_POLL = 5.0  # seconds between looks at a pod that runs while no row says what is wanted


class UnitLife:
    """Waits for the end of a feature's container. Redis, there or not, never ends it."""

    def __init__(self, container: str) -> None:
        self._name = container
        self._docker = Docker.from_env(PATIENCE)
        self._events = Events(self._docker, container)
        self._feature_rows = FeatureRows(container)
        self._custody: KubernetesWait | None = None
        self._over = False
        self._id = ""  # of the container whose life this is; "" until it was seen running
        self._version: str | None = None
        self._pending = False  # no container runs here, and a row is awaited all the same
        self._look_at: float | None = None  # monotonic seconds: its death may be over by then

    def wait(self) -> None:
        """Returns when the life has ended. Raises NotPermitted when a socket was never open to this user."""
        pause = _FIRST_PAUSE
        while not self._over:
            begun = time.monotonic()
            try:
                self._turn()
            except SwitchError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, a feature does not end for it
                say(f"{self._name}: {_place(error)}; looking again in {pause:.0f} s")
                time.sleep(pause)
                self._look_at = 0.0
                if self._custody:
                    self._custody.wake()
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE if time.monotonic() - begun > _LONGEST_PAUSE else pause

    def _turn(self) -> None:
        """Do what is due, wait until something happens or is due, and hear what that was."""
        self._reconnect()
        if self._over:
            return
        poller = select.poll()
        for link in (self._events, self._custody, self._feature_rows):
            for fd in link.filenos() if link else ():
                poller.register(fd, select.POLLIN)
        # The one place where it blocks: for ever, as long as all are connected and nothing is due.
        ready = {fd for fd, _ in poller.poll(self._patience())}
        if ready.intersection(self._events.filenos()):
            self._try(self._events, self._hear_docker)
        if self._custody and ready.intersection(self._custody.filenos()):
            self._try(self._custody, self._custody.hear)
        if ready.intersection(self._feature_rows.filenos()):
            self._try(self._feature_rows, self._hear_board)

    def _terminated(self, *_: object) -> None:
        """SIGTERM: open no gate any more, and end by the signal. `container stop` does the rest, if anybody runs it."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            self._feature_rows.down(self._custody.marks() if self._custody else ())
        except SwitchError as error:
            say(f"{self._name}: the gate could not be closed: {error}")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def _reconnect(self) -> None:
        """Do whatever is due by now."""
        now = time.monotonic()
        if self._events.due is not None and self._events.due <= now:
            self._try(self._events, self._begin)
        if self._look_at is not None and self._look_at <= now and self._events.due is None:
            self._try(self._events, self._look)
        if not self._over and self._known and self._feature_rows.due is not None and self._feature_rows.due <= now:
            self._try(self._feature_rows, self._read_board)
        if not self._over and self._custody and self._events.due is None and self._feature_rows.due is None:
            self._keep(self._custody)
        elif not self._over and self._custody and self._events.due is None:
            self._try(self._custody, self._custody.blind)

    def _keep(self, custody: KubernetesWait) -> None:
        """Let the reconciler do what is due; the feature's life is in its hands."""
        try:
            ended = custody.keep()
        except SwitchError as error:
            ended = custody.lost(error)
            if not ended:
                return
        if ended:
            self._end(ended)
        elif custody.released:
            # Legacy again: from here on this is the local container's life and nothing else. The node's label follows.
            ask()
            custody.close()
            self._custody = None
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._id = ""
            self._try(self._events, self._look)

    @property
    def _known(self) -> bool:
        """Docker has told what there is; before that, nothing is written anywhere."""
        return bool(self._id) or self._custody is not None or self._pending

    def _patience(self) -> int | None:
        """Milliseconds until something is due; None: nothing is."""
        dues = [self._events.due, self._look_at if self._events.due is None else None]
        if self._known:
            dues.append(self._feature_rows.due)
        if self._custody and self._events.due is None and self._feature_rows.due is None:
            dues.append(self._custody.due)
        times = [due for due in dues if due is not None]
        if not times:
            return None
        return max(0, math.ceil(min(min(times) - time.monotonic(), _LONGEST_POLL) * 1000))

    def _try(self, link: Events | FeatureRows | KubernetesWait, action: Callable[[], None]) -> None:
        try:
            action()
        except SwitchError as error:
            link.lost(error)

    def _begin(self) -> None:
        # The stream first, then the look: what happens in between is in the stream.
        self._events.open()
        self._look()
        if not self._over:
            self._hear_docker()

    def _hear_docker(self) -> None:
        for action in self._events.read():
            if action in ("die", "stop"):
                self._look_at = time.monotonic() + RESTART_GRACE
            elif not self._over:
                self._look()

    def _hear_board(self) -> None:
        if self._feature_rows.read():
            self._look_at_rows()

    def _read_board(self) -> None:
        self._feature_rows.open()
        self._look_at_rows()

    def _look_at_rows(self) -> None:
        self._feature_rows.look(None if self._custody or not self._id else self._version)
        if self._custody:
            self._custody.wake()
        elif self._feature_rows.kube:
            self._custody = KubernetesWait(self._feature_rows, self._docker, self._name)
            while self._custody.watches:
                self._custody.watch()
                if not os.environ.get("INVOCATION_ID"):
                    self._end("the wait that handed it over has ended")
                    return
                # systemd has started this one: somebody at a terminal was first, and has gone.
                self._custody = KubernetesWait(self._feature_rows, self._docker, self._name)
            ask()  # whoever wrote that kubernetes is wanted, the host's own commands too, may have noted no label
            signal.signal(signal.SIGTERM, self._terminated)
        elif self._pending and self._feature_rows.known:
            self._look_at = 0.0  # legacy is wanted: whoever waited for the row waits no longer

    def _look(self) -> None:
        """Ask Docker whether it runs, and remember which one it is."""
        self._look_at = None
        if self._custody:
            self._events.settled()
            self._custody.wake()
            return
        found = self._events.inspect()
        self._events.settled()
        if found is not None and found["State"].get("Running"):
            if self._id and found.get("Id") != self._id:
                self._end("another container has taken its name")
            elif not self._id:
                self._id = str(found.get("Id"))
                self._version = environment(found, "IMAGE_VERSION")
                say(f"{self._name}: waiting for the end of container {self._id[:12]}")
                # It was pending, and connected: the rows are to be told.
                if self._feature_rows.due is None:
                    self._try(self._feature_rows, self._look_at_rows)
        elif self._id:
            self._end(
                "the container was removed"
                if found is None
                else f"the container ended with exit code {found['State'].get('ExitCode')}"
            )
        elif not self._is_kube():
            self._end("there is no such container" if found is None else "the container is not running")

    def _is_kube(self) -> bool:
        """Whether kubernetes is wanted, so that nothing running here is no end."""
        if self._feature_rows.due is not None:
            self._try(self._feature_rows, self._read_board)
        return self._custody is not None or self._waits_for_rows()

    def _waits_for_rows(self) -> bool:
        """No row wants kubernetes; of a feature that exists in Kubernetes only its unit's file tells.

        Where no row says anything, a pod that runs may be the feature's life: the unit's start has left it to us.
        """
        before, self._pending = self._pending, UnitFiles().read(self._name) is not None
        if not self._pending and not self._feature_rows.known:
            self._pending = bool(self._docker.running(pod_labels(self._name)))
            if self._pending:
                self._look_at = time.monotonic() + _POD_POLL  # its end is no event that is heard here
                if not before:
                    say(f"{self._name}: a pod may run it, and no row says what is wanted")
        return self._pending

    def _end(self, why: str) -> None:
        if not self._over:
            say(f"{self._name}: {why}")
        self._over = True


def _place(error: Exception) -> str:
    """What went wrong, and where; the traceback module would stay in memory for this."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"unforeseen: {type(error).__name__}: {error} ({place})"
