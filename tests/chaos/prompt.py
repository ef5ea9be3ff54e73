"""A prompt on the switch that dockerd does not carry: what is typed here goes on while dockerd is away."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from tests.acceptance.console import Console

CODES = frozenset({0, 1, 4, 5, 6, 7, 9})
"""docs/exit-codes.md, without those of a wrong line, of somebody who may not, and of a signal that nobody sent."""
KILLED = 137
LIMIT = 100.0  # seconds: each command has its own time limit, and some to end
_HERE = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]


class Command:
    """A command that is at work. `line`: what was typed; `kill`: seconds after which it is killed; 0: it is not."""

    def __init__(self, line: str, kill: float, argv: Sequence[str]) -> None:
        self.line, self.kill = line, kill
        self.code: int | None = None
        self.said = ""
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for who settles, not for the commands
        )

    def end(self) -> int:
        """Wait for its end; its exit code as a shell gives it. subprocess.TimeoutExpired: it cannot even be killed."""
        if self.code is None:
            self.said = self._process.communicate(timeout=LIMIT + 20)[0]
            self.code = self._process.returncode if self._process.returncode >= 0 else 128 - self._process.returncode
        return self.code

    def faults(self) -> list[str]:
        """What a command must not do, whatever is done to the switch meanwhile."""
        code, found = self.end(), []
        if "Traceback" in self.said:
            found.append("a traceback")
        if code == KILLED and not self.kill:
            found.append(f"not at its end after {LIMIT:g} s")
        elif code not in CODES | {KILLED}:
            found.append(f"exit {code}")
        elif code not in (0, KILLED) and not ("Error: " in self.said and "Try: " in self.said):
            found.append(f"exit {code} without a sentence and a next step")
        return [f"`{self.line}`: {fault}: {self.said.strip()}" for fault in found]


class Prompt:
    """Types on the switch as root."""

    def __init__(self, console: Console) -> None:
        self._room = console.switch.engine.room
        self._into = ["nsenter", "--all", "--target", console.first_process("switch"), *_HERE]

    def begin(self, line: str, kill: float = 0.0) -> Command:
        """Type a command line, and do not wait for its end."""
        limit = ["timeout", "--signal=KILL", f"{kill or LIMIT:g}"]
        return Command(line, kill, self._room.argv([*self._into, *limit, *shlex.split(line)]))

    def run(self, line: str) -> Command:
        """Type a command line; it has ended."""
        command = self.begin(line)
        command.end()
        return command
