"""The action lock of a feature, NAME.action, and the presence lock of its unit's `wait`, NAME.wait."""

from __future__ import annotations

import fcntl
import os
import stat
import time

from system_service.errors import Failed
from system_service.model.boot import uptime
from system_service.model.naming import RUN_DIR, stop_timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a step may take beyond a stop, and between two tries to get the lock.
_LONGEST_STEP, _LOCK_POLL = 60.0, 0.05
_PASSING = 1.0  # seconds: who watched has the presence lock for a moment as it ends


class held:  # noqa: N801 - contextlib would stay in the waiter's memory for this
    """The action lock of a feature: held for one step, and for `container stop`'s part; never while waiting for events.

    It goes with the process, however that ends. Without its folder (no tmpfiles, a full disk) things go on without it.
    Raises Failed when somebody has it for `most` seconds (default: longer than any step takes); with `say` that is told
    there, and things go on without it.
    """

    def __init__(self, name: str, say: Callable[[str], None] | None = None, most: float | None = None) -> None:
        self._path = _path(name, "action")
        self._handle = -1
        self._name = name
        self._say = say
        self._most = stop_timeout(name) + _LONGEST_STEP if most is None else most

    def __enter__(self) -> None:
        locked, deadline = False, time.monotonic() + self._most
        try:
            while not locked and time.monotonic() < deadline:
                self._handle = _open(self._path)
                locked = self._lock(deadline)
                if locked and not _is_still(self._handle, self._path):
                    # Unlinked under its holder: whoever comes next makes a file of its own, and would share nothing.
                    self._release()
                    locked = False
        except OSError:
            self._release()
            return
        if not locked:
            self._release()
            sentence = f"{self._name}: another process has held the action lock for {self._most:.0f} s"
            if self._say is None:
                raise Failed(sentence, f"fuser -v {self._path}")
            self._say(f"{sentence}; going on without it")
            return
        try:  # noqa: SIM105 - as above
            # Since when: who looks takes a step that is under way for an excuse, and one that hangs for none.
            os.pwrite(self._handle, f"{uptime():<20.2f}".encode(), 0)
        except OSError:  # a full disk
            pass

    def _lock(self, deadline: float) -> bool:
        """Whether it was got in time: who holds it may hang, or be stopped, and systemd waits for those who wait."""
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


class Presence:
    """That one `wait` hands the feature over, and no other: the first keeps the lock for as long as it lives."""

    def __init__(self, name: str) -> None:
        self._handle = -1
        try:
            self._handle = _open(_path(name, "wait"))
        except OSError:  # no folder: as without a lock
            return

    def first(self) -> bool:
        """Whether it is this process; without a lock file nobody is told apart."""
        if self._handle < 0:
            return True
        deadline = time.monotonic() + _PASSING
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_LOCK_POLL)

    def watch(self) -> None:
        """Block until the one that hands over has ended."""
        fcntl.flock(self._handle, fcntl.LOCK_SH)
        self.close()

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _path(name: str, kind: str) -> str:
    return os.path.join(os.environ.get("SYSTEM_SERVICE_RUN_DIR") or RUN_DIR, f"{name}.{kind}")


def _open(path: str) -> int:
    """A lock file, made where there is none. Raises OSError, also for what is no plain file."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o660)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise OSError(f"{path} is no plain file")
    if found.st_uid == os.geteuid():
        os.fchmod(handle, 0o660)
    return handle


def _is_still(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except OSError:
        return False
