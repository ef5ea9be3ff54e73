"""A real SNMP client that asks all the time, ten times a second, and what it saw: answers, and the longest silence."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

from sandbox.engine import Engine
from sandbox.processes import wait_until

_STEADY = 5

# One shell for all questions: a process each for entering the room as well would be a client that is late itself.
_LOOP = """
while :; do
    if snmpget -v2c -c public -r0 -t0.1 -Oqv 127.0.0.1 1.3.6.1.2.1.1.5.0 > /dev/null 2>&1; then echo y; else echo n; fi
    sleep 0.05
done
"""


class Poller:
    """Asks from creation to `close`, in the engine's room. A context manager."""

    def __init__(self, engine: Engine) -> None:
        self._process = subprocess.Popen(
            engine.room.argv(["sh", "-c", _LOOP]),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=engine.environment(),
            start_new_session=True,
        )
        self._seen: list[tuple[float, bool]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._seen.append((time.monotonic(), line.strip() == b"y"))

    def mark(self) -> int:
        """A moment, for `lost` and `silence`."""
        return len(self._seen)

    def lost(self, since: int = 0) -> int:
        """Questions without an answer."""
        return sum(not answered for _, answered in self._seen[since:])

    def asked(self, since: int = 0) -> int:
        """Questions."""
        return len(self._seen) - since

    def silence(self, since: int = 0) -> float:
        """Seconds of the longest time without an answer, from the answer before it to the one after it; 0.0 when every
        question was answered."""
        longest, last = 0.0, None
        broken = False
        for moment, answered in self._seen[max(0, since - 1) :]:
            if answered:
                if broken and last is not None:
                    longest = max(longest, moment - last)
                last, broken = moment, False
            else:
                broken = True
        return longest

    def steady(self, timeout: float = 30) -> None:
        """Wait for a row of answers. SandboxError when none come."""
        mark = self.mark()

        def answered() -> bool:
            last = self._seen[mark:][-_STEADY:]
            return len(last) == _STEADY and all(answer for _, answer in last)

        wait_until("a row of answers", answered, timeout=timeout)

    def close(self) -> None:
        """End the client."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)

    def __enter__(self) -> Poller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
