"""Lists of critical processes, kept in the run directory: one small file a container, good for one of its lives.

The list is made when a container starts, and asking for it each minute would be one call more. A file that is stale,
cut off or somebody else's is as good as none, and so is a folder that cannot be written.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from system_service.backends.files import plain_file

_PREFIX = "critical."
_LENGTH = 12  # of an id, as Docker itself cuts it
_OURS = re.compile(r"critical\.[0-9a-f]{12}(\.[0-9]+)?")  # a lock's file may begin as these do
_MOST = 1 << 16
# Seconds by which two looks may see the same start apart: ps counts whole ones.
_APART = 2.0


class Kept:
    """The lists in `run_dir`. A life is a container's id, its first process and that one's age (seconds)."""

    def __init__(self, run_dir: str) -> None:
        self._folder = run_dir

    def get(self, id: str, pid: str, age: float) -> tuple[str, ...] | None:
        """The list of this life, if it is kept."""
        try:
            with open(plain_file(self._path(id)), "rb") as file:
                content = json.loads(file.read(_MOST))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(content, dict) or content.get("id") != id or content.get("pid") != pid:
            return None
        born, listed = content.get("born"), content.get("critical")
        if not isinstance(born, float) or abs(born - _born(age)) > _APART or not isinstance(listed, list):
            return None
        return tuple(listed) if all(isinstance(word, str) for word in listed) else None

    def put(self, id: str, pid: str, age: float, critical: Sequence[str]) -> None:
        """Keep it, whole or not at all; for its owner's eyes."""
        path = self._path(id)
        scratch = f"{path}.{os.getpid()}"
        content = {"id": id, "pid": pid, "born": _born(age), "critical": list(critical)}
        try:
            handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(content, file)
            os.replace(scratch, path)
        except OSError:
            with suppress(OSError):
                os.unlink(scratch)

    def sweep(self, ids: Iterable[str]) -> None:
        """Remove what is left of containers that are gone; `ids` are those that are there."""
        short = {id[:_LENGTH] for id in ids}
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        for name in names:
            if _OURS.fullmatch(name) and name.removeprefix(_PREFIX)[:_LENGTH] not in short:
                with suppress(OSError):
                    os.unlink(os.path.join(self._folder, name))

    def _path(self, id: str) -> str:
        return os.path.join(self._folder, f"{_PREFIX}{id[:_LENGTH]}")


def _born(age: float) -> float:
    """Seconds of the clock that ps counts by: since boot, suspended or not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - age
