"""Time that nobody can set: seconds since boot, and which boot that is.

Whatever has to last longer than a process is noted in these seconds, beside the boot's id: after a reboot they say
nothing. The wall clock steps and changes its zone, and orders nothing (clock_gettime(2): CLOCK_BOOTTIME).
"""

from __future__ import annotations

import time

_ID = "/proc/sys/kernel/random/boot_id"
_read = ""


def uptime() -> float:
    """Seconds since boot, suspended ones too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """The first eight letters of the kernel's id of this boot; "" where it tells none."""
    global _read
    if not _read:
        try:
            with open(_ID, encoding="ascii") as file:
                _read = file.read(8)
        except (OSError, ValueError):
            return ""
    return _read
