"""Locks between processes: an flock on a file of the run directory.

The lock is the kernel's: it goes with the process, however that ends. The file's text only tells of its holder. The
waiter lives on this: no typing at run time, no contextlib.
"""

from __future__ import annotations

import fcntl
import os
import time

from system_service.backends.files import plain_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE = 0.05  # seconds between two tries
_LONGEST_NOTE = 200


class Flock:
    """The lock of the file `path`, which is made where there is none; its folder is not.

    `handle`: the file's descriptor, -1 while it is not open; whoever inherits it holds the lock as well.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.handle = -1

    def take(self, deadline: float, check: Callable[[], None] | None = None) -> bool:
        """Whether it was got by `deadline` (of `time.monotonic()`); it is tried once in any case.

        `check`, called between two tries, may raise to give up. Raises OSError when the file cannot be opened.
        """
        if self.handle < 0:
            self._open()
        while True:
            if not self._try():
                if check:
                    check()
            elif self._in_place():
                return True
            else:
                # Unlinked under its holder: whoever comes next makes a file of its own, and would share nothing.
                self._open()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_PAUSE, left))

    def follow(self) -> None:
        """Once it was tried: block until nobody has it, however long that takes."""
        fcntl.flock(self.handle, fcntl.LOCK_SH)

    def note(self, text: str) -> None:
        """Say who holds it, or since when. A full disk is no reason not to hold it."""
        try:
            os.pwrite(self.handle, text.encode(), 0)
            os.ftruncate(self.handle, len(text))
        except OSError:
            pass

    def noted(self) -> str:
        """Once it was tried in vain: what its holder says."""
        return os.pread(self.handle, _LONGEST_NOTE, 0).decode("utf-8", "replace")

    def close(self) -> None:
        """Let go of it."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def _open(self) -> None:
        fresh = plain_file(self.path, os.O_RDWR | os.O_CREAT)
        self.close()
        self.handle = fresh

    def _try(self) -> bool:
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.handle), os.stat(self.path, follow_symlinks=False))
        except FileNotFoundError:
            return False


def holder(path: str) -> str | None:
    """What the holder of this lock has noted; None where nobody has it, or it is not ours to see.

    It is tried, shared and for an instant: nobody waits for us.
    """
    lock = Flock(path)
    try:
        lock.handle = plain_file(path)
    except OSError:  # never taken yet, or not to be read
        return None
    try:
        fcntl.flock(lock.handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return lock.noted()
    finally:
        lock.close()
    return None
