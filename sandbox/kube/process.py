"""One program kept running in a room: start, signal, crash, and the end of its log when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.processes import SandboxError, children, start_time, wait_until
from sandbox.room import Room


class Process:
    """`argv` runs inside `room`; what it prints goes to `log`. It dies with the room."""

    def __init__(self, room: Room, argv: Sequence[str], log: Path) -> None:
        self.argv = argv
        self.log = log
        self._room = room
        self._entered: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._entered = subprocess.Popen(
                self._room.argv(self.argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._entered is not None and self._entered.poll() is None

    def await_(self, ready: Callable[[], object], timeout: float) -> None:
        """Wait until `ready()`. SandboxError with the end of the log when it ends first, or takes too long."""
        name = self.log.name
        try:
            wait_until(name, lambda: not self.running or ready(), timeout=timeout, pause=0.1)
            if not self.running:
                raise SandboxError(f"{name} ended")
        except SandboxError as error:
            raise SandboxError("\n".join([str(error), *self.said().splitlines()[-15:]])) from error

    def said(self) -> str:
        """All it printed."""
        return self.log.read_text(errors="replace")

    def pid(self) -> int:
        """Its process id, seen from outside. SandboxError when it does not run."""
        if self._entered is not None and self.running and (found := children(self._entered.pid)):
            return found[0]
        raise SandboxError(f"{self.log.name} does not run")

    def signal(self, word: str) -> None:
        """Send it a signal: KILL, STOP, CONT, TERM."""
        os.kill(self.pid(), signal.Signals[f"SIG{word}"])
        if word == "CONT" and self._entered is not None:
            # Who entered the room with it stops when it is stopped, and would never collect it.
            self._entered.send_signal(signal.SIGCONT)

    def kill(self, word: str = "KILL") -> None:
        """End it at once, as a crash does, and see it gone; nothing when it does not run."""
        if self._entered is None or not self.running:
            return
        pid = self.pid()
        begun = start_time(pid)
        self.signal(word)
        wait_until(f"the end of {self.log.name}", lambda: start_time(pid) != begun, timeout=30)
        self._entered.wait(timeout=10)
