"""One private Redis for the tests of the command line, and the programs run as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

import pytest
import redis

from tests.support.redis import NUMBERS, RedisServer

MODULES = {"show": "show_kube", "config": "config_kube", "system": "system_service"}


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Switch:
    """A switch that is nothing but its databases."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.environment = {**os.environ, "SYSTEM_SERVICE_DB_CONFIG": server.config, "TZ": "UTC"}
        # The witness: not the product's client. What is no UTF-8 comes back as the product shows it.
        self.databases = {
            name: redis.Redis(
                unix_socket_path=server.address,
                db=NUMBERS[name],
                decode_responses=True,
                encoding_errors="backslashreplace",
            )
            for name in ("CONFIG_DB", "STATE_DB")
        }

    def load(self, content: dict[str, dict[str, dict]]) -> None:
        """Database -> key -> field -> value; what was there before is gone."""
        for name, client in self.databases.items():
            client.flushdb()
            for key, row in content.get(name, {}).items():
                client.hset(key, mapping=row)

    def dump(self) -> dict[str, dict[str, dict[str, str]]]:
        return {
            name: {key: client.hgetall(key) for key in sorted(client.keys("*"))}
            for name, client in self.databases.items()
        }

    def start(self, *argv: str | bytes, **options) -> subprocess.Popen[bytes]:
        module = MODULES[os.fsdecode(argv[0])]
        return subprocess.Popen(
            [sys.executable, "-m", module, *argv[1:]],
            env=self.environment | options.pop("environment", {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=options.pop("stderr", subprocess.PIPE),
            **options,
        )

    def run(self, *argv: str | bytes, **environment: str) -> Ran:
        """`show feature status` and so on, as a process of its own."""
        with self.start(*argv, environment=environment) as process:
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        return Ran(process.returncode, out.decode(), err.decode())


@pytest.fixture(scope="session")
def redis_server():
    # Not tmp_path: a unix socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="cli") as folder, RedisServer(folder) as server:
        yield server


@pytest.fixture
def switch(redis_server):
    switch = Switch(redis_server)
    switch.load({})
    yield switch
    for client in switch.databases.values():
        client.close()
