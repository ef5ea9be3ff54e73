"""Every failure a command can end with: its kind, its exit code, its sentence, its next step.

Raised by the domain and the backends, turned into output in `terminal/command.py` alone. Also imported by the waiter:
no dataclasses here.
"""

from __future__ import annotations


class SwitchError(Exception):
    """A failure that an operator can read. `str()` is the sentence; `resolution` is the next step.

    `kind` and `exit_code` are part of the command contract (docs/exit-codes.md).
    """

    kind = "failed"
    exit_code = 1

    def __init__(self, message: str, resolution: str) -> None:
        super().__init__(message)
        self.resolution = resolution


class Failed(SwitchError):
    """It was tried and did not work, for a reason that no other class names."""


class NotRunning(SwitchError):
    """An answer rather than a fault: what was asked about is not running."""

    exit_code = 3


class UnknownFeature(SwitchError):
    """No FEATURE row has this name (or, below the commands: no container has it)."""

    kind = "unknown_feature"
    exit_code = 4


class UnknownImage(Failed):
    """Docker has no image of this name."""


class UnknownNode(Failed):
    """The API server has no node of this switch's name."""


class Refused(SwitchError):
    """A rule of the switch forbids it: always_enabled, disabled, no gate, per-ASIC."""

    kind = "refused"
    exit_code = 5


class TimedOut(SwitchError):
    """It did not happen within the time limit; what was begun goes on."""

    kind = "timeout"
    exit_code = 6


class Unreachable(SwitchError):
    """A backend cannot be reached, refused to answer, or answered nonsense."""

    kind = "unreachable"
    exit_code = 7

    def __init__(self, message: str, resolution: str, after: float = 0.0) -> None:
        """`after`: seconds for which it asks to be left alone."""
        super().__init__(message, resolution)
        self.after = after


class NotPermitted(SwitchError):
    """A socket or file may not be opened, or the action needs root."""

    kind = "not_permitted"
    exit_code = 8


class Busy(SwitchError):
    """Another command is working on this feature."""

    kind = "busy"
    exit_code = 9


class Interrupted(SwitchError):
    """A signal ended the command after the action at hand. Its code is 128 + the signal's number."""

    def __init__(self, signal_number: int, message: str, resolution: str) -> None:
        super().__init__(message, resolution)
        self.exit_code = 128 + signal_number


def plain(found: object) -> str:
    """A string of somebody else's as one line that a terminal can show; "" for anything else."""
    words = " ".join(found.split()) if isinstance(found, str) else ""
    return "".join(letter if letter.isprintable() else "?" for letter in words)
