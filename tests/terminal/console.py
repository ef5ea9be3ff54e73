"""A command at a terminal of its own, and the screen as a person sees it: words, colours, and what is typed."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyte

from tests.support.fakes import PROGRAMS

_PATIENCE = 20.0  # seconds for a shell and the programs that it starts, on a busy machine


class Terminal:
    """`argv` with a new terminal as its controlling one; end it by `with`.

    `environment` is all the command gets. `options` are of Popen: `stdout`, `stderr` may be files instead.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 50,
        **options: Any,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs} | options
        self._process = subprocess.Popen(["setsid", "--ctty", *argv], env=environment, **ends)
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    @property
    def lines(self) -> list[str]:
        """The screen's lines, without what is empty at their ends and at its end."""
        return self.text.splitlines()

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def colour(self, words: str) -> str:
        """The colour of these words, which are on the screen once, in one colour: `default` is none."""
        found = [(row, line.index(words)) for row, line in enumerate(self._screen.display) if words in line]
        assert len(found) == 1, self.text
        row, column = found[0]
        (colour,) = {self._screen.buffer[row][column + i].fg for i in range(len(words))}
        return str(colour)

    @property
    def colours(self) -> set[str]:
        """All colours on the screen."""
        return {cell.fg for row in self._screen.buffer.values() for cell in row.values()} - {"default"}

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def expect(self, words: str) -> None:
        """Wait until these words are on the screen."""
        self._read_until(lambda: words in self.text, words)

    def settle(self, words: str) -> None:
        """Wait until the screen ends with these words."""
        self._read_until(lambda: self.text.endswith(words), words)

    def end(self) -> int:
        """Wait for the end of the command; its exit code. The screen is complete then."""
        self._read_until(lambda: False, "the end", ends=True)
        return self._process.wait(_PATIENCE)

    def until(self, seen: Callable[[], bool], what: str) -> None:
        """Wait until `seen` is true; it is called when there is something new on the screen."""
        self._read_until(seen, what)

    def _read_until(self, seen: Callable[[], bool], what: str, *, ends: bool = False) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not seen():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._ours], [], [], left)[0]:
                raise AssertionError(f"{what!r} did not come:\n{self.text}")
            try:
                self._stream.feed(os.read(self._ours, 65536))
            except OSError as error:  # EIO: nobody has the terminal open any more
                if ends:
                    return
                raise AssertionError(f"it ended before {what!r} came:\n{self.text}") from error


def typed(line: str) -> list[str]:
    """The argv of a line, for `system`, `show` and `config`."""
    program, *words = line.split()
    return [sys.executable, "-m", PROGRAMS[program], *words]


def seen(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """The environment as at a terminal that takes everything, whatever the tests were started from."""
    plain = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    return {**plain, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", **more}


def shown(argv: Sequence[str], environment: Mapping[str, str], **options: Any) -> tuple[Terminal, int]:
    """Run a command to its end: its terminal, and its exit code."""
    with Terminal(argv, environment, **options) as terminal:
        return terminal, terminal.end()
