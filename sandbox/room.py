"""A room for one engine: namespaces and control groups of its own (room.sh), and their removal."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.processes import SandboxError, children, run, wait_until

SCRIPT = Path(__file__).with_name("room.sh")
_CLONE_NEWNET = 0x40000000


class Room:
    """Where an engine and everything it starts live. Create it from a thread that lives as long as the room.

    The room dies with the thread that made it (the kernel sends the signal), so that even SIGKILL of the maker
    leaves no process behind.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self._maker: subprocess.Popen[bytes] | None = None
        self.pid = 0
        """Process id, seen from outside, of the room's first process."""

    def open(self) -> None:
        """Make the namespaces. SandboxError when the machine does not allow it; the text is the kernel's answer."""
        with (self.base / "room.log").open("wb") as log:
            self._maker = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", str(SCRIPT), "make", str(self.base)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        maker = self._maker
        wait_until("room", lambda: (self.base / "room.ready").exists() or maker.poll() is not None, timeout=10)
        if maker.poll() is not None:
            raise SandboxError(f"no room: {(self.base / 'room.log').read_text()}")
        (self.pid,) = children(maker.pid)

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` inside."""
        return [str(SCRIPT), "enter", str(self.base), str(self.pid), *command]

    def run(self, command: Sequence[str], timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """Run inside; SandboxError when it fails."""
        return run(self.argv(command), timeout=timeout)

    def connect(self, port: int, timeout: float = 10) -> socket.socket:
        """A connection to a port of the room's loopback. OSError when nobody listens there."""

        def inside() -> socket.socket:
            self.enter_network()
            return socket.create_connection(("127.0.0.1", port), timeout=timeout)

        # A thread of its own: only it enters the room's network, and a socket stays in the one it was made in.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(inside).result()

    def enter_network(self) -> None:
        """From now on this thread, and whatever threads it starts, have the room's loopback. OSError: not permitted."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/proc/{self.pid}/ns/net").open() as network:
            if libc.setns(network.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def close(self) -> None:
        """End every process inside and remove the control groups. Safe to call at any moment, and twice."""
        if self._maker is not None:
            # The first process, and the kernel ends the others; its maker then collects it and ends.
            os.kill(self.pid, signal.SIGKILL) if self.pid else self._maker.kill()
            # Its end waits for theirs, and who entered from outside and was stopped collects nobody.
            end_processes(self.base.name)
            self._maker.wait(timeout=20)
            self._maker = None
        remove_groups(self.base.name)


def end_processes(name: str) -> None:
    """Kill (-9) all that is in a room's control groups, those too who entered from outside."""
    for top in _groups(name):
        for folder, _, _ in os.walk(top):
            with contextlib.suppress(OSError):
                pids = Path(folder, "cgroup.procs").read_text().split()
                for pid in filter(None, map(int, pids)):  # 0 is one that cannot be seen from here
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


def remove_groups(name: str) -> None:
    """Remove the control groups of a room that has ended. SandboxError when some cannot be removed."""
    tops = _groups(name)

    def gone() -> bool:
        end_processes(name)
        for top in tops:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):  # busy until the kernel has let go of its last process
                    os.rmdir(folder)
        return not any(top.exists() for top in tops)

    wait_until(f"control groups {name}", gone, timeout=10)


def _groups(name: str) -> list[Path]:
    return [*Path("/sys/fs/cgroup").glob(f"*/{name}"), *Path("/sys/fs/cgroup").glob(name)]
