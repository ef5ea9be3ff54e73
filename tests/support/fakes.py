"""A switch made of the wire fakes: Redis, Docker, systemctl; the programs run against it as an operator runs them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from system_service.backends.docker import Docker
from system_service.backends.switchdb import SwitchDB
from system_service.backends.units import Units
from system_service.domain.switch import Switch
from system_service.model.boot import boot_id
from tests.fakes import unit_scripts
from tests.fakes.docker_life import FakeContainer, described
from tests.fakes.docker_server import DockerServer
from tests.fakes.redis_server import WRITES, FakeRedis
from tests.support.json_schema import COMMON, check
from tests.support.redis import NUMBERS, write_config, write_global
from tests.support.systemd import FakeSystemd, Spec

PROGRAMS = {"show": "show_kube", "config": "config_kube", "system": "system_service"}
ENABLED = {"state": "enabled", "auto_restart": "enabled", "set_owner": "local"}


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The envelope; what every one of them promises is checked on the way."""
        envelope: dict[str, Any] = json.loads(self.out)
        check(envelope)
        if set(envelope) == COMMON:
            assert envelope["changed"] is any(f["changed"] for f in envelope["features"])
        error = envelope["error"]
        assert (error["exit_code"] if error else 0) == self.code
        assert error is None or list(error) == ["kind", "message", "resolution", "exit_code"]
        assert self.err == "" or error, self.err
        return envelope


class FakeSwitch:
    """One switch in `folder` (a short path), from creation to close().

    `environment` makes the programs see it. systemd is not PID 1 as far as the programs can tell, unless
    `systemd(...)` was called: then `switch()` sees it (in this process; the programs look at /run/systemd/system).
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.redis = FakeRedis(os.path.join(folder, "redis.sock"))
        self.docker = DockerServer(os.path.join(folder, "docker.sock"))
        self.config = write_config(os.path.join(folder, "sonic-db", "database_config.json"), self.redis.address)
        self.asics: dict[str, FakeRedis] = {}
        self.run_dir = os.path.join(folder, "run")
        self.unit_dir, self.admin_dir = os.path.join(folder, "units"), os.path.join(folder, "etc")
        self.units = FakeSystemd(os.path.join(folder, "systemd"), {})
        self.bin = self.units.bin
        self.program("journalctl", ["true"])
        self.booted = os.path.join(folder, "booted")  # the stand-in for /run/systemd/system
        self.environment = {
            **os.environ,
            "SYSTEM_SERVICE_DB_CONFIG": self.config,
            "SYSTEM_SERVICE_RUN_DIR": self.run_dir,
            "SYSTEM_SERVICE_UNIT_DIR": self.unit_dir,
            "DOCKER_HOST": f"unix://{self.docker.address}",
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "TZ": "UTC",
        }

    def close(self) -> None:
        servers: list[FakeRedis | DockerServer] = [self.redis, self.docker, *self.asics.values()]
        for server in servers:
            server.stop()

    def serves(self, pod: FakeContainer, name: str = "snmp", ago: float = 30.0, **fields: str) -> None:
        """Note in our own row that this start of the pod's container runs the feature, since so many seconds."""
        mark = f"{pod.id[:12]}@{described(pod)['State']['StartedAt']}"
        took = {"took": f"kube {time.time() - ago:.0f}"}
        self.put("STATE_DB", f"SYSTEM_SERVICE|{name}", {"boot": boot_id(), "served": mark} | took | fields)

    def program(self, name: str, argv: list[str]) -> None:
        """A program of this name that runs another, first in PATH."""
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
        os.chmod(path, 0o700)

    def asic(self, *namespaces: str) -> None:
        """Make it a multi-ASIC switch: a Redis and a configuration for each namespace."""
        paths = {}
        for name in namespaces:
            self.asics[name] = FakeRedis(os.path.join(self.folder, f"{name}.sock"))
            place = os.path.join(self.folder, name, "sonic-db", "database_config.json")
            paths[name] = write_config(place, self.asics[name].address)
        write_global(os.path.dirname(self.config), **paths)

    def systemd(self, **specs: Spec) -> None:
        """Boot systemd with these units (`snmp` is snmp.service); their scripts start and stop the containers."""
        os.mkdir(self.booted)
        self.units.close()
        units = {name if "." in name else f"{name}.service": spec for name, spec in specs.items()}
        self.units = FakeSystemd(self.units.folder, units, self.unit_dir)
        self.program("journalctl", ["true"])
        script = [sys.executable, "-I", "-S", unit_scripts.__file__, self.units.state, self.docker.address]
        for name in ("systemctl", "busctl"):
            self.program(name, script)

    def put(self, database: str, key: str, row: dict[str, str], namespace: str = "") -> None:
        (self.asics[namespace] if namespace else self.redis).put(NUMBERS[database], key, row)

    def row(self, name: str, database: str = "CONFIG_DB", namespace: str = "") -> dict[str, str] | None:
        return (self.asics[namespace] if namespace else self.redis).row(NUMBERS[database], f"FEATURE|{name}")

    def feature(self, name: str, container: str = "running", **fields: str) -> FakeContainer | None:
        """A feature with the usual row (a field given as "" is left out), and its container in this state ("": none).

        `has_...` and all the other fields of a row are given as keywords.
        """
        row = {k: v for k, v in {**ENABLED, **fields}.items() if v}
        self.put("CONFIG_DB", f"FEATURE|{name}", row)
        return self.container(name, container) if container else None

    def container(self, name: str, state: str = "running", **settings: Any) -> FakeContainer:
        made = self.docker.create(name, image=f"docker-{name}:v1", **settings)
        made.state = state
        return made

    def switch(self, *, docker_timeout: float = 5.0, systemctl_timeout: float = 10.0) -> Switch:
        """The product's own view of it, in this process."""
        return Switch(
            SwitchDB.from_config(self.config),
            Docker(self.docker.address, docker_timeout),
            Units(systemctl_timeout, self.booted),
            self.run_dir,
            (self.unit_dir, self.admin_dir),
        )

    def start(self, *argv: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
        """`system service stop snmp` and so on, as a process of its own, not waited for.

        `unprivileged`: root, too, must heed the permissions of files.
        """
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if options.pop("unprivileged", 0) else []
        return subprocess.Popen(
            [*(prefix if os.geteuid() == 0 else []), sys.executable, "-m", PROGRAMS[os.fsdecode(argv[0])], *argv[1:]],
            env=self.environment | options.pop("environment", {}),
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            **options,
        )

    def run(self, *argv: str | bytes, **environment: str) -> Ran:
        return ended(self.start(*argv, environment=environment))

    def run_all(self, *commands: tuple[str | bytes, ...], **environment: str) -> list[Ran]:
        """Several commands side by side: for those that sit out a time limit."""
        processes = [self.start(*argv, environment=environment) for argv in commands]
        return [ended(process) for process in processes]

    def writes(self) -> list[tuple[str, ...]]:
        """What has been changed since the last reset: Redis' writes, then Docker's calls other than GET."""
        servers = (self.redis, *self.asics.values())
        found = [tuple(words) for server in servers for words in server.commands if words[0].upper() in WRITES]
        return found + [call for call in self.docker.calls if call[0] != "GET"]

    def reset(self) -> None:
        for server in (self.redis, *self.asics.values()):
            server.reset_counters()
        self.docker.calls.clear()


def ended(process: subprocess.Popen[bytes]) -> Ran:
    """Its end, within a minute; nobody ever sees a traceback or a raw control character."""
    with process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    ran = Ran(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in ran.err, ran.err
    assert all(c.isprintable() or c in "\n\t" for c in ran.out + ran.err), ran
    return ran


@pytest.fixture
def fakes() -> Iterator[FakeSwitch]:
    """A switch of wire fakes, empty."""
    # Not tmp_path: a unix socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="fakes") as folder:
        switch = FakeSwitch(folder)
        try:
            yield switch
        finally:
            switch.close()
