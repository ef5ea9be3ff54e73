"""SIGINT and SIGTERM while a command acts: the action at hand is finished first, then the command ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from system_service.errors import Interrupted


class Interrupts:
    """Remembers the first signal; `check()` between two actions raises Interrupted."""

    def __init__(self) -> None:
        self.number = 0

    def remember(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number

    def check(self) -> None:
        if self.number:
            name = signal.Signals(self.number).name
            raise Interrupted(
                self.number, f"interrupted by {name} between two steps", "the same command again completes it"
            )


@contextmanager
def deferred() -> Iterator[Interrupts]:
    """Signals are remembered, not obeyed, within the body; the former handlers come back after it."""
    interrupts = Interrupts()
    former = {number: signal.signal(number, interrupts.remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
