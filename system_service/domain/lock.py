"""One command per feature at a time: an flock on a file in the run directory, held for intent and actions.

The lock is the kernel's: it goes with the process, however that ends. The file's text only names the holder.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from system_service.errors import Busy, Failed, NotPermitted

_PAUSE = 0.1  # seconds between two tries


@contextmanager
def held(run_dir: str, feature: str, deadline: float, check: Callable[[], None]) -> Iterator[int]:
    """Hold the feature's lock for the body, which gets its descriptor: whoever inherits that holds the lock as well.

    `deadline` is of `time.monotonic()`; `check` may raise to give up.

    Raises:
        Busy: another command held it until the deadline.
        NotPermitted: the lock file may not be opened.
        Failed: it cannot be made (disk full), or its folder was removed while it was waited for.
    """
    path = os.path.join(run_dir, f"{feature}.lock")
    handle = _open(run_dir, path)
    try:
        _take(handle, feature, deadline, check)
        while not _at(path, handle):
            # It was removed while it was waited for, and guards nothing. With its folder, the package has been taken
            # back: then there is nothing left to lock, and nothing to write.
            fresh = _open(run_dir, path, make=False)
            os.dup2(fresh, handle, inheritable=False)
            os.close(fresh)
            _take(handle, feature, deadline, check)
        yield handle
    finally:
        os.close(handle)


def _at(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(handle))
    except FileNotFoundError:
        return False


def _open(run_dir: str, path: str, make: bool = True) -> int:
    try:
        if make:
            os.makedirs(run_dir, mode=0o770, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        handle = os.open(path, flags, 0o660)
    except PermissionError as error:
        raise NotPermitted(f"{path}: {error.strerror}", "run it as root (sudo)") from error
    except OSError as error:
        raise Failed(f"cannot lock the feature: {path}: {error.strerror}", f"see to {run_dir}") from error
    seen = os.fstat(handle)
    if not stat.S_ISREG(seen.st_mode):  # members of a group may put whatever they like there
        os.close(handle)
        raise Failed(f"cannot lock the feature: {path} is no plain file", f"rm {path}")
    if seen.st_uid == os.geteuid():
        # Whatever the umask took away: the next command may be that of another member of the group.
        os.fchmod(handle, 0o660)
    return handle


def _take(handle: int, feature: str, deadline: float, check: Callable[[], None]) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            check()
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
                by = f" ({holder})" if holder.isprintable() and holder else ""
                raise Busy(
                    f"another command is working on {feature.lstrip('.')}{by}", "wait for it, or give --timeout"
                ) from None
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
            continue
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"pid {os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # a full disk: the lock holds all the same, only its holder stays unnamed
        return
