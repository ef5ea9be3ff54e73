"""A real SNMP client that asks all the time, some ten times a second: what it got, and its longest silence."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence

from sandbox.engine import Engine
from sandbox.processes import wait_until

_STEADY = 5

QUICK, PATIENT = 0.1, 5.0
"""Seconds until a question is lost: to tell how long a silence is; and where nobody listens, not who is late."""
# One shell for all questions: a process each for entering the room as well would be a client that is late itself.
_LOOP = """
while :; do
    if snmpget -v2c -c public -r0 -t$0 -Oqv 127.0.0.1 1.3.6.1.2.1.1.5.0 > /dev/null 2>&1; then echo y; else echo n; fi
    sleep 0.05
done
"""


class Record:
    """What a client saw: of each question the moment it was over (seconds) and whether it was answered. Pure."""

    def __init__(self, seen: Sequence[tuple[float, bool]], before: float | None = None) -> None:
        """`before`: the moment of the answer just before the first question, when there was one."""
        self._seen = seen
        self._before = before

    def part(self, since: int, until: int | None = None) -> Record:
        """The questions from number `since` up to, not including, `until`."""
        before = self._before
        if since > 0:
            moment, answered = self._seen[since - 1]
            before = moment if answered else None
        return Record(self._seen[since:until], before)

    def lost(self) -> int:
        """Questions without an answer."""
        return sum(not answered for _, answered in self._seen)

    def asked(self) -> int:
        """Questions."""
        return len(self._seen)

    def silence(self) -> float:
        """Seconds of the longest time without an answer, from the answer before it to the one after it, or to the last
        question where none came since; 0.0 when every question was answered."""
        return max((end - begin for begin, end, _ in self._spans()), default=0.0)

    def silences(self) -> list[tuple[float, float]]:
        """Each time without an answer: the moments of the answers before and after it. One still open is not among
        them."""
        return [(begin, end) for begin, end, whole in self._spans() if whole]

    def _spans(self) -> Iterator[tuple[float, float, bool]]:
        """The beginning and the end of each time without an answer, and whether an answer was at both."""
        begin, known, lost, end = self._before, self._before is not None, False, 0.0
        for end, answered in self._seen:
            begin = end if begin is None else begin
            lost = lost or not answered
            if answered:
                if lost:
                    yield begin, end, known
                begin, known, lost = end, True, False
        if lost and begin is not None:
            yield begin, end, False

    def steady(self) -> bool:
        """Whether it ends with a row of answers."""
        last = self._seen[-_STEADY:]
        return len(last) == _STEADY and all(answered for _, answered in last)


class Poller:
    """Asks from creation to `close`, in the engine's room, and waits `patience` seconds for each answer. A context
    manager."""

    def __init__(self, engine: Engine, patience: float = QUICK) -> None:
        self._process = subprocess.Popen(
            engine.room.argv(["sh", "-c", _LOOP, f"{patience:g}"]),
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
        """A moment, for `record`, `lost`, `asked` and `silence`."""
        return len(self._seen)

    def record(self, since: int = 0, until: int | None = None) -> Record:
        """What it saw between two marks."""
        return Record(list(self._seen)).part(since, until)

    def lost(self, since: int = 0) -> int:
        """Questions without an answer since a mark."""
        return self.record(since).lost()

    def asked(self, since: int = 0) -> int:
        """Questions since a mark."""
        return self.record(since).asked()

    def silence(self, since: int = 0) -> float:
        """Seconds of the longest silence since a mark, one that is still open as well."""
        return self.record(since).silence()

    def steady(self, timeout: float = 30) -> None:
        """Wait for a row of answers, from now on. SandboxError when none come."""
        mark = self.mark()
        wait_until("a row of answers", lambda: self.record(mark).steady(), timeout=timeout)

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
