"""One command per feature at a time: NAME.lock in the run directory, held for intent and actions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from system_service.backends.files import NoFile
from system_service.backends.flock import Flock
from system_service.errors import Busy, Failed, NotPermitted


@contextmanager
def command_lock(run_dir: str, feature: str, deadline: float, check: Callable[[], None]) -> Iterator[int]:
    """Hold the feature's lock for the body, which gets its descriptor: whoever inherits that holds the lock as well.

    `deadline` is of `time.monotonic()`; `check` may raise to give up.

    Raises:
        Busy: another command held it until the deadline.
        NotPermitted: the lock file may not be opened.
        Failed: it cannot be made (disk full), or its folder was removed while it was waited for.
    """
    lock = Flock(os.path.join(run_dir, f"{feature}.lock"))
    try:
        try:
            # Once: with its folder the package has been taken back, and there is nothing left to lock, or to write.
            os.makedirs(run_dir, mode=0o770, exist_ok=True)
            taken = lock.take(deadline, check)
        except OSError as error:
            raise _lock_error(error, lock.path) from error
        if not taken:
            note = lock.noted().strip()
            by = f" ({note})" if note.isprintable() and note else ""
            name = feature.lstrip(".")
            raise Busy(f"another command is working on {name}{by}", "wait for it, or give --timeout")
        lock.note(f"pid {os.getpid()}\n")
        yield lock.handle
    finally:
        lock.close()


def _lock_error(error: OSError, path: str) -> NotPermitted | Failed:
    if isinstance(error, PermissionError):
        return NotPermitted(f"{path}: {error.strerror}", "run it as root (sudo)")
    if isinstance(error, NoFile):
        return Failed(f"cannot lock the feature: {path} is no plain file", f"rm {path}")
    return Failed(f"cannot lock the feature: {path}: {error.strerror}", f"ls -ld {os.path.dirname(path)}")
