"""A private, real dockerd for tests: everything of it under one folder, gone afterwards."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import signal
import socket
import subprocess
import tarfile
import time

import docker

IMAGE = "tiny:1"
# busybox is a process 1 that ends on SIGTERM with 3.
STEADY = ("sh", "-c", "trap 'exit 3' TERM; sleep 1000 & wait")
# A process 1 without a handler does not even notice SIGTERM.
DEAF = ("sleep", "1000")


def missing() -> str:
    """Why no engine can run here, or ""."""
    if os.geteuid() != 0:
        return "dockerd needs root"
    if shutil.which("dockerd") is None:
        return "dockerd is not installed (Debian package docker.io)"
    if not os.path.exists("/bin/busybox"):
        return "/bin/busybox is missing (Debian package busybox-static)"
    return ""


class RealDocker:
    """Runs `dockerd` in `folder` from creation to stop(); a context manager.

    The folder's path must be short (a unix socket's name has at most 107 bytes); stop() deletes it.
    """

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.address = os.path.join(folder, "s")
        self.log = os.path.join(folder, "log")
        self._command = [
            *("dockerd", "--live-restore", "--data-root", os.path.join(folder, "d")),
            *("--exec-root", os.path.join(folder, "e"), "-H", f"unix://{self.address}"),
            *("--pidfile", os.path.join(folder, "p"), "--iptables=false", "--ip-masq=false", "--bridge=none"),
            *("--exec-opt", "native.cgroupdriver=cgroupfs"),
        ]
        self.start()
        self.client = docker.APIClient(base_url=f"unix://{self.address}", version="1.41", timeout=60)

    def start(self, timeout: float = 60.0) -> None:
        """Start it; returns once it answers. Also after kill(): containers are still there, and run."""
        with open(self.log, "ab") as log:
            # Its own session: Ctrl-C is for pytest, which stops it in order.
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            code = _ended(self.process, 0.05)
            if code is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    told = log.read()[-4000:]
                self._end()
                raise RuntimeError(f"dockerd did not start (exit code {code}): {told}")

    def kill(self) -> None:
        """kill -9 the daemon, not its containers; start() brings it back."""
        pidfile = os.path.join(self.folder, "e", "containerd", "containerd.pid")
        with open(pidfile, encoding="ascii") as file:
            containerd = os.pidfd_open(int(file.read()))
        try:
            self.process.kill()
            self.process.wait()
            # Its containerd dies with it. Until an init has reaped that, a new daemon would take it for alive and wait
            # for its socket in vain.
            poll = select.poll()
            poll.register(containerd, select.POLLIN)
            if not poll.poll(10_000):
                raise RuntimeError("containerd outlived its dockerd")
        finally:
            os.close(containerd)
        os.unlink(pidfile)

    def create(self, name: str, *command: str, tty: bool = False, labels: dict[str, str] | None = None) -> str:
        """A container of the tiny image; `command` are busybox's words. Its id."""
        made = self.client.create_container(
            IMAGE,
            list(command or STEADY),
            name=name,
            tty=tty,
            labels=labels,
            entrypoint=["/bin/busybox"],
            host_config=self.client.create_host_config(network_mode="host"),
        )
        return str(made["Id"])

    def import_tiny(self) -> None:
        """Make the image IMAGE of Debian's static busybox."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
        name, tag = IMAGE.split(":")
        self.client.import_image_from_data(archive.getvalue(), repository=name, tag=tag)

    def remove_containers(self) -> None:
        for row in self.client.containers(all=True):
            try:
                self.client.remove_container(row["Id"], force=True, v=True)
            except docker.errors.NotFound:
                continue

    def stop(self) -> None:
        """Remove all containers, end the daemon and what it left behind, delete the folder."""
        if self.process.poll() is not None:
            self.start()
        self.remove_containers()
        self.client.close()
        self._end()

    def __enter__(self) -> RealDocker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            if _ended(self.process, 20) is None:
                self.process.kill()
                self.process.wait()
        self._end_leftovers()
        for mount in _mounts_under(self.folder):
            subprocess.run(["umount", "--lazy", mount], check=False, stdin=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_leftovers(self) -> None:
        """containerd and its shims with their containers, where the daemon died or did not take them along."""
        address = os.path.join(self.folder, "e", "containerd").encode()
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if address not in file.read() or pid == os.getpid():
                        continue
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    children = [int(child) for child in file.read().split()]
            except OSError:
                continue
            for one in [*children, pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            try:
                connection.connect(self.address)
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return connection.recv(64).startswith(b"HTTP/1.0 200")
            except OSError:
                return False


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None


def _mounts_under(folder: str) -> list[str]:
    """The deepest first."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    return sorted((p for p in points if p.startswith(folder + "/")), key=len, reverse=True)
