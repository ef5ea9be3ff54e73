"""A clock of the switch that can be set while a waiter runs: libfaketime shifts the time of day, and nothing else.

What counts from the boot (CLOCK_BOOTTIME, CLOCK_MONOTONIC) stays true, as where somebody sets a real clock.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from tests.waiter.scene import Scene

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def missing() -> str:
    """Why no clock can be set here, or ""."""
    return "" if os.path.exists(LIBRARY) else "libfaketime is not installed (Debian package faketime)"


class Clock:
    """The clock of a scene's switch, that is of its waiters (started from now on) and of its dockerd."""

    def __init__(self, scene: Scene, zone: str = "UTC") -> None:
        self._scene = scene
        self._file = f"{scene.folder}/clock"
        scene.environment |= {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": self._file,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": zone,
        }
        self.offset = 0.0
        self.step(0)

    def step(self, seconds: float) -> None:
        """Set it forward, or back."""
        self.offset += seconds
        with open(f"{self._file}.new", "w", encoding="ascii") as file:
            file.write(f"{self.offset:+.3f}\n")
        os.replace(f"{self._file}.new", self._file)  # whoever reads it meanwhile reads one or the other
        with self._scene.docker.changed:
            self._scene.docker.shift = self.offset

    def set(self, moment: str) -> None:
        """Set it to a moment in UTC, as 2026-10-25T00:59:58."""
        self.step(datetime.fromisoformat(f"{moment}+00:00").timestamp() - time.time() - self.offset)

    def now(self) -> str:
        """The moment that it shows, in UTC, as for `set`."""
        return datetime.fromtimestamp(time.time() + self.offset, UTC).strftime("%Y-%m-%dT%H:%M:%S")
