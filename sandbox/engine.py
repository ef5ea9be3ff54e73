"""A private Docker engine in a room of its own. Knows nothing of features and switches."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sandbox.processes import SandboxError, run, start_time, wait_until
from sandbox.room import Room, remove_groups

DOCKERD = "/usr/sbin/dockerd"
CLIENT = "/usr/bin/docker"
CLAMP = Path(__file__).with_name("kube") / "runc-clamp"
PREFIX = "sonic-switch-"
GROUP_ID = 990
"""Group of the engine's socket: `docker` inside the virtual switch, whatever the number means outside."""


class Engine:
    """One dockerd; everything it writes is below `base`, and `close` leaves nothing of it."""

    def __init__(self, extra: Sequence[str] = ()) -> None:
        sweep()
        # Short on purpose: unix socket paths end at 107 bytes.
        self.base = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
        (self.base / "owner").write_text(f"{os.getpid()} {start_time(os.getpid())}")
        self.room = Room(self.base)
        self.socket = self.base / "engine" / "docker.sock"
        self._extra = tuple(extra)
        self._client: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Value for DOCKER_HOST."""
        return f"unix://{self.socket}"

    def open(self) -> None:
        """Make the room and start dockerd in it. SandboxError with the end of its log when it does not answer."""
        self.base.chmod(0o755)
        self.socket.parent.mkdir()
        self.room.open()
        self.start()

    def start(self) -> None:
        """Start dockerd; a second start after `kill` finds the containers alive."""
        arguments = [
            *("--live-restore", "--iptables=false", "--ip-masq=false", "--bridge=none"),
            *("--data-root", str(self.base / "data"), "--exec-root", str(self.base / "exec")),
            *("-H", self.host, "-G", str(GROUP_ID), "--pidfile", str(self.base / "pid")),
            *("--exec-opt", "native.cgroupdriver=cgroupfs"),
            *("--add-runtime", f"clamp={CLAMP}", "--default-runtime", "clamp"),
        ]
        with (self.base / "dockerd.log").open("ab") as log:
            self._client = subprocess.Popen(
                self.room.argv([DOCKERD, *arguments, *self._extra]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        client = self._client
        wait_until("dockerd", lambda: self.answers() or client.poll() is not None, timeout=60)
        if client.poll() is not None:
            raise SandboxError("dockerd ended:\n" + "\n".join(self.log_tail()))

    def answers(self) -> bool:
        """Whether the socket accepts and the daemon answers a ping."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(self.socket))
            link.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in link.recv(64)
        return False

    def log_tail(self) -> list[str]:
        """The last lines of dockerd's log."""
        return (self.base / "dockerd.log").read_text(errors="replace").splitlines()[-20:]

    def stop(self, signal: str = "TERM") -> None:
        """End dockerd alone (containers live on) and wait for its end; `signal` KILL is a crash."""
        if self._client is None:
            return
        with contextlib.suppress(FileNotFoundError, SandboxError):  # it may have ended by itself
            self.room.run(["kill", f"-{signal}", (self.base / "pid").read_text().strip()])
        self._client.wait(timeout=30)
        self._client = None
        if signal == "KILL":
            (self.base / "pid").unlink(missing_ok=True)

    def docker(self, *arguments: str, timeout: float = 60, stdin: IO[bytes] | None = None) -> str:
        """Run the docker client; its standard output, stripped. SandboxError when it fails."""
        command = [CLIENT, "-H", self.host, *arguments]
        return run(command, timeout=timeout, env=self.environment(), stdin=stdin).stdout.strip()

    def environment(self) -> dict[str, str]:
        """Environment for clients: this engine, and no file in the caller's home."""
        return {
            **os.environ,
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.base / "client"),
            "DOCKER_BUILDKIT": "0",
            "SNMP_PERSISTENT_DIR": str(self.base / "client"),
            "MIBS": "",
        }

    def close(self) -> None:
        """End the room with all containers in it, delete the folder. Safe at any moment, and twice."""
        self.room.close()
        if self._client is not None:
            self._client.wait(timeout=10)
        remove_folder(self.base)


def remove_folder(base: Path) -> None:
    """Delete a sandbox's folder; its mounts have ended with the room that held them."""
    shutil.rmtree(base, ignore_errors=False) if base.exists() else None


def sweep() -> None:
    """Remove folders and control groups of sandboxes whose owner was killed before it could."""
    for base in Path("/tmp").glob(PREFIX + "*"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid, begun = (base / "owner").read_text().split()
            if start_time(int(pid)) != begun:
                remove_groups(base.name)
                remove_folder(base)
