"""Systemd for tests, the fake or a real one in a container: test units, and a folder for PATH with its `systemctl`."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from typing import Any

from tests.fakes import systemctl as fake

UNIT_FOLDER = "/usr/lib/systemd/system"  # below /etc, `mask` finds its place taken
GATE = "/run/{}.gate"


@dataclass(frozen=True)
class Spec:
    """A unit that sleeps. `start_pre`: "", "fail", or "gate" (it lasts until release()). `restart_sec` in seconds.

    `burst`: so many starts an hour, 0 for no limit. `requisite`: the unit that must be active.
    """

    install: bool = False
    start_pre: str = ""
    restart: str = "no"
    restart_sec: float = 0.1
    burst: int = 0
    requisite: str = ""

    def text(self, gate: str) -> str:
        """The unit file."""
        before = {"": "", "fail": "ExecStartPre=/bin/false"}.get(
            self.start_pre, f'ExecStartPre=/bin/sh -c "until [ -e {gate} ]; do sleep 0.05; done"'
        )
        lines = ["[Unit]", f"StartLimitBurst={self.burst}", "StartLimitIntervalSec=" + ("3600" if self.burst else "0")]
        lines += [f"Requisite={self.requisite}", f"After={self.requisite}"] if self.requisite else []
        lines += ["[Service]", "Type=simple", before, "ExecStart=/bin/sleep infinity"]
        lines += [f"Restart={self.restart}", f"RestartSec={self.restart_sec}"]
        lines += ["[Install]", "WantedBy=multi-user.target"] if self.install else []
        return "\n".join(lines) + "\n"


class FakeSystemd:
    """The fake, its state in `folder`; `bin` is the folder for PATH."""

    def __init__(self, folder: str, units: dict[str, Spec], unit_files: str = "") -> None:
        """`unit_files`: a folder that may hold files of more units."""
        self.folder = folder
        self.bin = os.path.join(folder, "bin")
        self.state = os.path.join(folder, "systemd.json")
        os.makedirs(self.bin)
        with open(self.state, "w", encoding="utf-8") as file:
            named = {n: self._unit(n, s) for n, s in units.items()}
            json.dump({"failure": "", "calls": [], "folder": unit_files, "units": named}, file)
        for program in ("systemctl", "busctl"):
            _executable(self.bin, program, [sys.executable, "-I", "-S", fake.__file__, self.state])

    def fail(self, failure: str) -> None:
        """Make every later call fail in one of the fake's ways; "" ends it."""
        with fake.opened(self.state) as state:
            state["failure"] = failure

    def calls(self) -> list[list[str]]:
        """Every call since the last time this was asked: [verb, name, ...]."""
        calls: list[list[str]]
        with fake.opened(self.state) as state:
            calls, state["calls"] = state["calls"], []
        return calls

    def release(self, name: str) -> None:
        """Let a unit's start_pre "gate" end."""
        open(os.path.join(self.folder, name), "w", encoding="utf-8").close()

    def kill(self, name: str) -> None:
        """Kill a unit's main process."""
        self._systemctl("kill", "-s", "KILL", name)

    def close(self) -> None:
        shutil.rmtree(self.folder)

    def _systemctl(self, *arguments: str) -> None:
        subprocess.run([os.path.join(self.bin, "systemctl"), *arguments], check=True, timeout=30)

    def _unit(self, name: str, spec: Spec) -> dict[str, Any]:
        return fake.blank() | vars(spec) | {"file": True, "gate": os.path.join(self.folder, name)}


class ContainerSystemd:
    """systemd as PID 1 of `container`, which the engine at the unix socket `engine` runs.

    `bin` is a folder for PATH, below `folder`, whose `systemctl` and `journalctl` are the container's. close() takes
    the test units away again; the container stays.
    """

    def __init__(self, folder: str, engine: str, container: str, units: dict[str, Spec]) -> None:
        self.folder = folder
        self.bin = os.path.join(folder, "bin")
        self.units = units
        client = shutil.which("docker", path=f"/usr/bin:{os.environ.get('PATH', '')}")
        if client is None:
            raise FileNotFoundError("docker is not installed (Debian package docker.io)")
        # In the words and the time zone that were asked for, not the container's.
        self._exec = [client, "-H", f"unix://{engine}", "exec", "-e", "TZ", "-e", "LC_ALL", "-i", container]
        os.makedirs(self.bin)
        for program in ("systemctl", "busctl", "journalctl"):
            _executable(self.bin, program, [*self._exec, program])
        files = io.BytesIO()
        with tarfile.open(fileobj=files, mode="w") as archive:
            for name, spec in units.items():
                data = spec.text(GATE.format(name)).encode()
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        self.run("tar", "-x", "--no-same-owner", "-C", UNIT_FOLDER, stdin=files.getvalue())
        self.run("systemctl", "daemon-reload")

    def run(self, *argv: str, stdin: bytes = b"", check: bool = True) -> str:
        """Run a program in the container; returns its stdout."""
        done = subprocess.run([*self._exec, *argv], input=stdin, stdout=subprocess.PIPE, check=check, timeout=60)
        return done.stdout.decode()

    def release(self, name: str) -> None:
        """Let a unit's start_pre "gate" end."""
        self.run("touch", GATE.format(name))

    def kill(self, name: str) -> None:
        """Kill a unit's main process."""
        self.run("systemctl", "kill", "-s", "KILL", name)

    def close(self) -> None:
        names = list(self.units)
        self.run("systemctl", "--quiet", "unmask", *names, check=False)
        self.run("systemctl", "--quiet", "disable", *names, check=False)
        self.run("systemctl", "stop", *names, check=False)
        self.run("systemctl", "reset-failed", *names, check=False)
        self.run("rm", "-f", *(f"{UNIT_FOLDER}/{n}" for n in names), *(GATE.format(n) for n in names))
        self.run("systemctl", "daemon-reload")
        shutil.rmtree(self.folder)


def _executable(folder: str, name: str, argv: list[str]) -> None:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
    os.chmod(path, 0o700)
