"""A private, real redis-server for tests: on a unix socket in a folder of its own, gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time

NUMBERS = {"APPL_DB": 0, "CONFIG_DB": 4, "STATE_DB": 6}


def write_config(path: str, address: str | tuple[str, int], databases: dict[str, int] | None = None) -> str:
    """A database_config.json like the switch's, every database on one instance. Returns its path."""
    instance: dict[str, object] = {"persistence_for_warm_boot": "yes"}
    if isinstance(address, str):
        instance |= {"hostname": "127.0.0.1", "port": 6379, "unix_socket_path": address}
    else:
        instance |= {"hostname": address[0], "port": address[1]}
    content = {
        "INSTANCES": {"redis": instance},
        "DATABASES": {
            name: {"id": number, "separator": "|", "instance": "redis"}
            for name, number in (databases or NUMBERS).items()
        },
        "VERSION": "1.0",
    }
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path


def write_global(folder: str, **namespaces: str) -> str:
    """A database_global.json in `folder`, which names the configuration of each namespace relative to itself."""
    includes: list[dict[str, str]] = [{"include": "../../redis/sonic-db/database_config.json"}]
    includes += [{"namespace": n, "include": os.path.relpath(path, folder)} for n, path in namespaces.items()]
    path = os.path.join(folder, "database_global.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"INCLUDES": includes, "VERSION": "1.0"}, file)
    return path


class RedisServer:
    """Runs `redis-server` in `folder` from creation to stop(); a context manager. `config` is its database_config.json.

    The folder's path must be short: a unix socket's name has at most 107 bytes.
    """

    def __init__(self, folder: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise FileNotFoundError("redis-server is not installed (Debian package redis-server)")
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.address = os.path.join(folder, "redis.sock")
        self.log = os.path.join(folder, "redis.log")
        self.config = write_config(os.path.join(folder, "sonic-db", "database_config.json"), self.address)
        self._command = [
            program,
            *("--port", "0", "--unixsocket", self.address, "--unixsocketperm", "700", "--dir", folder),
            *("--save", "", "--appendonly", "no", "--notify-keyspace-events", "AKE", "--logfile", self.log),
        ]
        self.start()

    def start(self, timeout: float = 10.0) -> None:
        """Start it; returns once it answers. Also after stop(): the data is gone then."""
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while not self._answers():
            try:
                code = self.process.wait(timeout=0.02)  # the tick of this wait; an early death ends it
            except subprocess.TimeoutExpired:
                code = None
            if code is not None or time.monotonic() > deadline:
                self.stop()
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"redis-server did not start (exit code {code}): {log.read()}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            try:
                connection.connect(self.address)
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
            except OSError:
                return False
