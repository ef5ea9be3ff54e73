"""Time since the boot, as our own rows have it: nobody can set it, and every container on the machine shares it."""

from __future__ import annotations

import time


def boot_time() -> float:
    """Seconds since the boot, which nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """As it stands in our own rows: the kernel's, cut short."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read(8)
