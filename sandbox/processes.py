"""Running programs and waiting for them, with deadlines. Knows nothing of engines and switches."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO


class SandboxError(Exception):
    """The sandbox could not be brought up or taken down; the text says what failed and what it printed."""


def run(
    argv: Sequence[str],
    *,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    stdin: IO[bytes] | None = None,
    umask: int = -1,
) -> subprocess.CompletedProcess[str]:
    """Run and return what it printed (text). SandboxError when it fails or takes more than `timeout` seconds.

    `env`, `stdin`, `umask`: as subprocess has them, by default the caller's.
    """
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, check=False, env=env, stdin=stdin, umask=umask
        )
    except subprocess.TimeoutExpired as late:
        raise SandboxError(f"{' '.join(argv)}: not done after {timeout:g} s") from late
    if done.returncode:
        raise SandboxError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(what: str, ready: Callable[[], object], *, timeout: float, pause: float = 0.05) -> None:
    """Ask `ready` until it is true. SandboxError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            raise SandboxError(f"{what}: not after {timeout:g} s")
        time.sleep(pause)


def start_time(pid: int) -> str | None:
    """Kernel's start time of a process that lives; None when it is gone or only waits to be collected.

    A process id alone is no proof of life: where PID 1 collects zombies late, signal 0 still reaches them.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def children(pid: int) -> list[int]:
    """Process ids of the direct children; empty when there are none or the process is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold off Ctrl-C and SIGTERM: a second one must not keep a sandbox from being removed to its end."""
    if threading.current_thread() is not threading.main_thread():  # no other thread may set handlers, or gets signals
        yield
        return
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
