"""The action lock of a feature, NAME.action, and the presence lock of its unit's `wait`, NAME.wait."""

from __future__ import annotations

import os
import time

from system_service.backends.flock import Flock, holder
from system_service.errors import Failed
from system_service.handover.own_row import seconds
from system_service.model.boot import uptime
from system_service.model.naming import run_dir, stop_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_STEP = 60.0  # seconds that a step may take beyond a stop
_PASSING = 1.0  # seconds: who watched has the presence lock for a moment as it ends


class ActionLock:
    """The action lock of a feature: held for one step, and for `container stop`'s part; never while waiting for events.

    Without its folder (no tmpfiles, a full disk) things go on without it. Raises Failed when somebody has it for `most`
    seconds (default: longer than any step takes); with `say` that is told there, and things go on without it.
    """

    def __init__(self, name: str, say: Callable[[str], None] | None = None, most: float | None = None) -> None:
        self._lock = Flock(_action(run_dir(), name))
        self._name = name
        self._say = say
        self._most = stop_timeout(name) + _LONGEST_STEP if most is None else most

    def __enter__(self) -> None:
        try:
            # In time: who holds it may hang, or be stopped, and systemd waits for those who wait.
            taken = self._lock.take(time.monotonic() + self._most)
        except OSError:
            self._lock.close()
            return
        if taken:
            # Since when: who looks takes a step that is under way for an excuse, and one that hangs for none.
            self._lock.note(f"{uptime():<20.2f}")
            return
        self._lock.close()
        sentence = f"{self._name}: another process has held the action lock for {self._most:.0f} s"
        if self._say is None:
            raise Failed(sentence, f"fuser -v {self._lock.path}")
        self._say(f"{sentence}; going on without it")

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def acting_since(folder: str, name: str) -> float | None:
    """Since when (seconds since boot; 0.0: unknown) somebody has had a feature's action lock; None: nobody has it."""
    note = holder(_action(folder, name))
    return None if note is None else seconds(note)


class Presence:
    """That one `wait` hands the feature over, and no other: the first keeps the lock for as long as it lives."""

    def __init__(self, name: str) -> None:
        self._lock = Flock(os.path.join(run_dir(), f"{name}.wait"))

    def first(self) -> bool:
        """Whether it is this process; without a lock file nobody is told apart."""
        try:
            return self._lock.take(time.monotonic() + _PASSING)
        except OSError:  # no folder: as without a lock
            return True

    def watch(self) -> None:
        """Block until the one that hands over has ended."""
        self._lock.follow()
        self._lock.close()

    def close(self) -> None:
        self._lock.close()


def _action(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.action")
