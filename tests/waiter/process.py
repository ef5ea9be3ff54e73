"""The waiter as a process: started as `system container wait` starts it, watched through /proc."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from system_service.container.wait import waiter_argv


class Waiter:
    """Runs from creation to stop(); a context manager. What it says goes to the file `said`, in `folder`."""

    def __init__(
        self,
        name: str,
        folder: str,
        environment: Mapping[str, str],
        prefix: Sequence[str] = (),
        argv: Sequence[str] = (),
    ) -> None:
        """`argv`: another command line than `system container wait` makes of the name."""
        self._log = os.path.join(folder, "waiter.log")
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [*prefix, *(argv or waiter_argv(name))],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **environment},
            )

    def __enter__(self) -> Waiter:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def said(self) -> list[str]:
        with open(self._log, encoding="utf-8") as log:
            return log.read().splitlines()

    def ended(self, timeout: float = 60) -> int:
        """Its exit code; fails the test after `timeout` seconds."""
        return self.process.wait(timeout)

    def blocks_on(self) -> tuple[int, bool] | None:
        """(how many sockets, for ever) while it blocks in poll(); None while it does something else."""
        words = self._proc("syscall").split()
        if words[0] != "7":  # poll on x86-64
            return None
        return int(words[2], 16), int(words[3], 16) & 0xFFFFFFFF == 0xFFFFFFFF

    def idle(self, sockets: int = 2) -> None:
        """Returns once it blocks on `sockets` sockets without a time limit."""
        until(lambda: self.blocks_on() == (sockets, True) or self.process.poll() is not None)
        assert self.process.poll() is None, self.said

    def idle_or_due(self) -> None:
        """Returns once it blocks, for ever or for a while."""
        until(lambda: self.blocks_on() is not None or self.process.poll() is not None)
        assert self.process.poll() is None, self.said

    def switches(self) -> int:
        """Context switches since it began, voluntary and involuntary."""
        lines = self._proc("status").splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

    def private_dirty(self) -> float:
        """MiB that are this process's alone."""
        lines = self._proc("smaps_rollup").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")) / 1024

    def _proc(self, name: str) -> str:
        with open(f"/proc/{self.process.pid}/{name}", encoding="utf-8") as file:
            return file.read()


def until(ready: Callable[[], object], timeout: float = 60) -> None:
    """Returns once `ready` is true; fails the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not ready():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)  # the tick of this wait
