"""A connection that is opened again whenever it is lost, with a pause that grows. Knows no protocol."""

from __future__ import annotations

import os
import time

from system_service.errors import NotPermitted, SwitchError

FIRST_PAUSE = 0.1
# A connection that held this long (seconds) was a good one: the next pause is short again.
STEADY = 10.0
# A daemon that starts makes its socket first and opens it to its group a moment later.
PERMISSION_GRACE = 1.0


class Reconnecting:
    """`name` is what an operator calls it; `most` is the longest pause between two tries, in seconds.

    `due`: when to try next, in monotonic seconds; None while it is connected.
    """

    def __init__(self, name: str, most: float) -> None:
        self.due: float | None = 0.0
        self._name = name
        self._most = most
        self._pause = FIRST_PAUSE
        self._since: float | None = None  # when it was last connected
        self._refused: float | None = None  # when permission was first denied, before it was ever connected
        self._complained = False

    def connected(self) -> None:
        self.due = None
        self._since = time.monotonic()

    def settled(self) -> None:
        """It answered what it was asked, too: end a complaint that is open."""
        if self._complained:
            say(f"{self._name} is back")
            self._complained = False

    def lost(self, error: SwitchError) -> None:
        """Close it and set the time of the next try. Raises NotPermitted when it can never have been permitted."""
        self.close()
        now = time.monotonic()
        if isinstance(error, NotPermitted) and self._since is None:
            self._refused = now if self._refused is None else self._refused
            if now - self._refused >= PERMISSION_GRACE:
                raise error
        else:
            self._refused = None
            self.complain(error)
        if self.due is None and self._since is not None and now - self._since >= STEADY:
            self._pause = FIRST_PAUSE
        self.due = now + self._pause
        self._pause = min(2 * self._pause, self._most)

    def complain(self, error: SwitchError) -> None:
        """Once, until it is well again."""
        if not self._complained:
            say(f"{error}; waiting on")
            self._complained = True

    def close(self) -> None:
        raise NotImplementedError


def say(sentence: str) -> None:
    """One line for the journal. A journal that is gone is no reason to end a feature."""
    try:  # noqa: SIM105 - contextlib would stay in memory for this line
        os.write(2, f"{sentence}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass
