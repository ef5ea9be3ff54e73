"""The sandbox switch: a container with systemd as PID 1, its features as siblings on a private engine.

with Switch() as switch:
    switch.exec(["system", "service", "list"]).stdout
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sandbox import features, images, layers, wheel
from sandbox.engine import CLIENT, Engine
from sandbox.kube.cluster import Cluster
from sandbox.processes import SandboxError, run, undisturbed, wait_until

HOSTNAME = "sonic"
KUBECONFIG = "/etc/sonic/kube_admin.conf"
NAME = "switch"
"""The virtual switch's own container."""

T = TypeVar("T")
SYSNAME = "1.3.6.1.2.1.1.5.0"


class Switch:
    """One virtual switch. `up` and `down`, or a `with` statement, from a thread that lives as long as the switch."""

    def __init__(
        self,
        profile: str = "kubernetes",
        restart_sec: int | None = None,
        say: Callable[[str], None] = lambda text: None,
        engine_options: Sequence[str] = (),
        zone: str = "",
    ) -> None:
        """`profile`: one of features.PROFILES. `restart_sec`: seconds instead of the switch's 30. `say`: progress.

        `zone`: the switch's time zone, as Asia/Tokyo (default: $SANDBOX_ZONE, else UTC); containers are in UTC.
        """
        self.profile = profile
        self.zone = zone or os.environ.get("SANDBOX_ZONE") or "UTC"
        self.restart_sec = restart_sec
        self.durations: dict[str, float] = {}
        """Stage of `up` -> seconds; stages overlap."""
        self.engine = Engine(engine_options)
        self.cluster: Cluster | None = None
        self._say = say

    @property
    def base(self) -> Path:
        """The one temporary folder."""
        return self.engine.base

    @property
    def redis_socket(self) -> Path:
        """Redis' unix socket, usable from outside."""
        return self.base / "redis" / "redis.sock"

    def up(self) -> None:
        """Bring everything up: at the end systemd is up, snmp and lldp run. SandboxError says what failed."""
        restored = self._timed("layers", lambda: layers.restore(self.base))
        self._timed("engine", self.engine.open)
        with ThreadPoolExecutor(1) as pool:
            try:
                self._make_images(pool, restored)
            except BaseException:
                # Without an engine the builds that still run or wait fail at once; nobody has to wait for them.
                self.engine.room.close()
                raise
        self._timed("boot", self._boot)
        self._timed("services", self._start_features)

    def join(self) -> Cluster:
        """Bring up a Kubernetes of which this switch is the node, and give the switch its kubeconfig. Once.

        SandboxError when that fails, or this machine has none (sandbox.kube.binaries.missing).
        """
        if self.cluster is None:
            cluster = Cluster(self.engine, HOSTNAME)
            self._timed("cluster", cluster.open)
            self.write_file(KUBECONFIG, cluster.kubeconfig())
            self.cluster = cluster
        return self.cluster

    def write_file(self, path: str, text: str, mode: str = "600") -> None:
        """Write a file on the switch. SandboxError when it cannot be written."""
        command = 'umask 077; cat > "$0" && chmod "$1" "$0"'
        done = self.exec(["sh", "-c", command, path, mode], stdin=text)
        if done.returncode:
            raise SandboxError(f"{path}: {done.stderr}")

    def _make_images(self, pool: ThreadPoolExecutor, restored: bool) -> None:
        wheels = pool.submit(self._timed, "wheel", lambda: wheel.build(self.base))
        if not restored:
            self._timed("images", lambda: layers.make(self.engine))
        rows = json.dumps(features.config_db(self.profile), indent=2)
        folder = wheels.result()
        self._timed("install", lambda: images.build_switch(self.engine, folder, rows, self.restart_sec, self.zone))

    def _timed(self, stage: str, step: Callable[[], T]) -> T:
        self._say(stage)
        begun = time.monotonic()
        try:
            return step()
        finally:
            self.durations[stage] = time.monotonic() - begun

    def _boot(self) -> None:
        without_unit = features.WITHOUT_UNIT
        self.engine.docker(
            *("run", "-d", "--name", without_unit, "--net", "host", "-e", "RUNTIME_OWNER=local"),
            *("-v", "/run/redis:/run/redis", images.feature_image(without_unit)),
        )
        self.engine.docker(
            *(
                "run",
                "-d",
                "-t",
                "--name",
                NAME,
                "--hostname",
                HOSTNAME,
                "--net",
                "host",
                "--stop-signal",
                "SIGRTMIN+3",
            ),
            *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE"),
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *(
                "--tmpfs",
                "/run",
                "--tmpfs",
                "/run/lock",
                "--cgroupns=private",
                "-v",
                "/sys/fs/cgroup:/sys/fs/cgroup:rw",
            ),
            *("-v", "/run/redis:/run/redis", "-v", f"{self.engine.socket.parent}:/run/engine"),
            *("-v", f"{CLIENT}:{CLIENT}:ro", images.SWITCH),
        )
        self.wait_booted()

    def wait_booted(self, timeout: float = 90) -> None:
        """Wait until systemd has finished its first transaction. SandboxError with the failed units."""
        state = ""

        def settled() -> bool:
            nonlocal state
            state = self.exec(["systemctl", "is-system-running"]).stdout.strip()
            return state in ("running", "degraded")

        try:
            wait_until("boot", settled, timeout=timeout, pause=0.2)
        except SandboxError as error:
            raise SandboxError(f"{error}\n{self.exec(['systemctl', 'list-jobs']).stdout}{self.journal()}") from error
        # A unit that systemd will try again is not failed, and yet it is not there.
        active = self.exec(["systemctl", "is-active", *features.BOOTED])
        if state != "running" or active.returncode:
            raise SandboxError(f"systemd says {state}:\n{self.journal()}")

    def journal(self) -> str:
        """Failed units and the journal's last lines."""
        failed = self.exec(["systemctl", "--failed", "--no-pager", "--plain"]).stdout
        return failed + self.exec(["journalctl", "--no-pager", "-n", "60"]).stdout

    def _start_features(self) -> None:
        done = self.exec(["systemctl", "start", *features.STARTED_LATER])
        if done.returncode:
            raise SandboxError(f"{done.stderr}{self.journal()}")
        wait_until("an answer of snmpd", lambda: self.snmp_get() is not None, timeout=60)
        ask = ["docker", "exec", "lldp", "lldpcli", "show", "chassis"]
        wait_until("an answer of lldpd", lambda: self.exec(ask).returncode == 0, timeout=60)

    def exec(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 60, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run on the switch, as root or `user`; exit code and output are the command's own (text).

        subprocess.TimeoutExpired after `timeout` seconds; the command on the switch is then left running.
        """
        options = ["--user", user] if user else []
        return subprocess.run(
            [CLIENT, "exec", "-i", *options, NAME, *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=self.engine.environment(),
        )

    def shell(self) -> int:
        """A shell on the switch, on the caller's terminal, or for what the caller pipes into it; its exit code."""
        how = "-it" if sys.stdin.isatty() else "-i"
        command = [CLIENT, "exec", how, NAME, "bash", "-l"]
        return subprocess.run(command, check=False, env=self.engine.environment()).returncode

    def set_zone(self, zone: str) -> None:
        """The switch's time zone from now on, as `config clock timezone` sets it. SandboxError: it knows no such."""
        command = 'test -f "/usr/share/zoneinfo/$0" && ln -sfn "/usr/share/zoneinfo/$0" /etc/localtime'
        if self.exec(["sh", "-c", command, zone]).returncode:
            raise SandboxError(f"no such time zone: {zone}")

    def docker(self, *arguments: str) -> str:
        """Docker's client on the private engine; standard output. SandboxError when it fails."""
        return self.engine.docker(*arguments)

    def snmp_get(self, oid: str = SYSNAME, timeout: float = 0.3) -> str | None:
        """What a real SNMP client gets from the switch's loopback; None when nobody answers in `timeout` seconds."""
        command = ["snmpget", "-v2c", "-c", "public", "-r0", f"-t{timeout:g}", "-Oqv", "127.0.0.1", oid]
        with contextlib.suppress(SandboxError):
            return run(self.engine.room.argv(command), timeout=10, env=self.engine.environment()).stdout.strip()
        return None

    def down(self) -> None:
        """Remove everything. Safe at any moment, and twice."""
        with undisturbed():
            self.engine.close()

    def __enter__(self) -> Switch:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()
