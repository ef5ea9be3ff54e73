"""One recorded case put to the product: a real Redis, the fake Docker with the case's containers, the program itself.

What is run is what the host calls: `container` is `system container`, `container_checker` is `system service check`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.fakes.docker_life import FakeContainer
from tests.fakes.docker_server import DockerServer
from tests.recordings.database import Command, Database
from tests.recordings.replay import Case, Unplayable
from tests.support.redis import NUMBERS, write_config, write_global

ASICS: Final = {
    "asic0": {"APPL_DB": 7, "CONFIG_DB": 8, "STATE_DB": 9},
    "asic1": {"APPL_DB": 10, "CONFIG_DB": 11, "STATE_DB": 12},
}
"""Where two ASICs have their databases, on the host's server."""
_MORE: Final = {"CHASSIS_STATE_DB": 13} | {
    f"{asic} {name}": number for asic, numbers in ASICS.items() for name, number in numbers.items()
}
_PLACES: Final = {number: name for name, number in (NUMBERS | _MORE).items()}
NAME_LABEL: Final = "io.kubernetes.container.name"
TYPE_LABEL: Final = "io.kubernetes.docker.type"
NAMESPACE_LABEL: Final = "io.kubernetes.pod.namespace"

Change = tuple[str, ...]


class Played(NamedTuple):
    """What the program did. `exit_code` None: it waited, and was ended.

    `changes`, in their order: ("STATE_DB FEATURE|snmp", "field=value", ...) of a row, ("stop", "snmp", "10") of a
    container. What changed nothing is not among them. `containers`: name -> state, at the end.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    changes: list[Change]
    rows: dict[str, dict[str, dict[str, str]]]
    containers: dict[str, str]


class Docker(DockerServer):
    """Tells what is done to the containers, before it is done."""

    def __init__(self, address: str, told: Callable[[Change], None]) -> None:
        self._told = told
        super().__init__(address)

    def act(self, container: FakeContainer, verb: str, query: dict[str, str]) -> int:
        runs = container.state in ("running", "paused", "restarting")
        if runs is not (verb == "start"):
            self._told((verb, container.name, *([query.get("t", "10")] if verb == "stop" else [])))
        return super().act(container, verb, query)


class Stage(Database):
    """A Redis and the switch's files, in a folder; a context manager. Cases are played one after the other."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="play-", dir="/tmp")
        self.here = Path(self._place.name)
        super().__init__(str(self.here / "redis"))
        single, multi, away = (str(self.here / name / "database_config.json") for name in ("single", "multi", "away"))
        chassis = {**NUMBERS, "CHASSIS_STATE_DB": self.number("CHASSIS_STATE_DB")}
        self.single = write_config(single, self.address)
        self.multi = write_config(multi, self.address, chassis)
        self.away = write_config(away, str(self.here / "nobody.sock"))
        asics = {
            asic: write_config(str(self.here / asic / "database_config.json"), self.address, numbers)
            for asic, numbers in ASICS.items()
        }
        write_global(os.path.dirname(self.multi), **asics)
        for name in ("kubernetes", "legacy", "units"):
            (self.here / name).mkdir()
        (self.here / "kubernetes" / "ctrmgrd.service").write_text("[Service]\n")
        self._log: list[Change] = []
        self._expected: list[Command] = []
        self._rows: dict[str, dict[str, dict[str, str]]] = {}
        self._lock = threading.Lock()

    def __exit__(self, *about: object) -> None:
        super().__exit__(*about)
        self._place.cleanup()

    def number(self, name: str) -> int:
        return _MORE[name] if name in _MORE else super().number(name)

    @contextlib.contextmanager
    def program(
        self, case: Case, argv: Sequence[str], *, asics: bool = False, gates: bool = False
    ) -> Iterator[Program]:
        """`system ARGV` as a process, on what the case says there is; `asics` and `gates` as of `setting`."""
        with self.setting(case, asics=asics, gates=gates) as (docker, environment):
            out = Path(docker.address).parent
            with (out / "out").open("wb") as told, (out / "err").open("wb") as complained:
                child = subprocess.Popen(
                    [sys.executable, "-m", "system_service", *argv],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=told,
                    stderr=complained,
                )
                try:
                    yield Program(self, docker, child, out)
                finally:
                    child.kill()
                    child.wait()

    @contextlib.contextmanager
    def setting(
        self, case: Case, *, asics: bool = False, gates: bool = False
    ) -> Iterator[tuple[Docker, dict[str, str]]]:
        """What the case says there is, and the environment in which a program sees it.

        `asics`: on a switch with two of them, which have the FEATURE rows, too. `gates`: as of `fill`.
        """
        database = dict(case.get("database") or {})
        if "chassis_state_db" in case:
            database["CHASSIS_STATE_DB"] = case["chassis_state_db"]
        if asics:
            database |= {f"{asic} CONFIG_DB": database.get("CONFIG_DB", {}) for asic in ASICS}
        self.put(database)
        self._log, self._expected, self._rows = [], [], self.dump()
        config = self.away if case.get("redis") == "stopped" else self.multi if asics else self.single
        units = "kubernetes" if case.get("kubernetes_image", True) else "legacy"
        folder = tempfile.mkdtemp(dir=self.here, prefix="c")
        (Path(folder) / "platform_env.conf").write_text(case.get("platform", {}).get("platform_env", ""))
        with Docker(os.path.join(folder, "d.sock"), self._told) as docker:
            fill(docker, case, gates)
            address = os.path.join(folder, "nobody") if case.get("docker") == "missing" else docker.address
            yield (
                docker,
                {
                    **os.environ,
                    "SYSTEM_SERVICE_DB_CONFIG": config,
                    "SYSTEM_SERVICE_RUN_DIR": folder,
                    "SYSTEM_SERVICE_UNIT_DIR": str(self.here / "units"),
                    "SYSTEM_SERVICE_PLATFORM_DIR": folder,
                    "SYSTEMD_UNIT_PATH": str(self.here / units),
                    "DOCKER_HOST": f"unix://{address}",
                    "REDIS_SOCKET": self.address,
                    "TZ": "UTC",
                },
            )

    def happens(self, step: dict[str, Any]) -> None:
        """One step of an event. What the program does about it counts from here on, the step itself does not."""
        with self._lock, self._client(self.number(step["database"])) as client:
            self._hear()
            key = step.get("key", "")
            if step["what"] == "hset":
                words = ["HSET", key, *(word for field in step["fields"].items() for word in field)]
            elif step["what"] == "hdel":
                words = ["HDEL", key, *step["fields"]]
            elif step["what"] == "del":
                words = ["DEL", key]
            else:
                raise Unplayable(f"no such step of an event: {step['what']}")
            self._expected.append(Command(step["database"], words))
            client.execute_command(*words)

    def heard(self) -> list[Change]:
        """Everything changed since the program began."""
        with self._lock:
            self._hear()
            return list(self._log)

    def dump(self) -> dict[str, dict[str, dict[str, str]]]:
        return {name: self.rows(name) for name in NUMBERS.keys() | _MORE.keys()}

    def _told(self, change: Change) -> None:
        with self._lock:
            self._hear()
            self._log.append(change)

    def _hear(self) -> None:
        for command in self.overheard():
            database = (
                _PLACES.get(int(command.database), command.database) if command.database.isdigit() else command.database
            )
            command = Command(database, command.words)
            fields = self._apply(command)
            if command in self._expected:
                self._expected.remove(command)
            elif fields:
                self._log.append((f"{database} {command.words[1]}", *fields))

    def _apply(self, command: Command) -> list[str]:
        """What a command changes in the rows as they were: `field=value`, or `field` of one that goes."""
        verb, *words = command.words
        if verb in ("SET", "FLUSHDB", "FLUSHALL", "RENAME", "UNLINK", "HINCRBY", "HSETNX"):
            raise Unplayable(f"the program writes by {verb}, which is not followed here")
        if verb not in ("HSET", "HMSET", "HDEL", "DEL"):
            return []
        row = self._rows.setdefault(command.database, {}).setdefault(words[0], {})
        if verb == "DEL":
            changed, row = sorted(row), {}
            self._rows[command.database][words[0]] = row
            return changed
        if verb == "HDEL":
            return sorted(field for field in words[1:] if row.pop(field, None) is not None)
        fields = dict(zip(words[1::2], words[2::2], strict=True))
        changed = sorted(f"{field}={value}" for field, value in fields.items() if row.get(field) != value)
        row |= fields
        return changed


class Program:
    """The program at work, or ended."""

    def __init__(self, stage: Stage, docker: Docker, child: subprocess.Popen[bytes], out: Path) -> None:
        self.stage = stage
        self.docker = docker
        self._child = child
        self._out = out

    def ended(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        return self._child.poll() is not None

    def asleep(self) -> bool:
        """Whether it waits for something to happen, and for no time to pass: in poll() for ever."""
        try:
            words = Path(f"/proc/{self._child.pid}/syscall").read_text(encoding="ascii").split()
        except OSError:
            return False
        return words[0] == "7" and int(words[3], 16) & 0xFFFFFFFF == 0xFFFFFFFF  # poll on x86-64

    def played(self) -> Played:
        """What it has done until now."""
        return Played(
            self._child.poll(),
            (self._out / "out").read_text(errors="replace"),
            (self._out / "err").read_text(errors="replace"),
            self.stage.heard(),
            self.stage.dump(),
            {container.name: container.state for container in self.docker.containers.values()},
        )


def fill(docker: Docker, case: Case, gates: bool) -> None:
    """The case's containers, running for an hour.

    Its processes are those that its supervisorctl speaks of as alive. Where nothing does, because the recorded program
    looks at none, it runs the feature's program; with `gates`, a pod's only where STATE_DB says that it serves, and its
    gate everywhere else.
    """
    rows = (case.get("database") or {}).get("STATE_DB", {})
    docker.images |= {f"{name}:latest" for name in case.get("images", [])}
    for said in case.get("containers") or []:
        version = said.get("version", "")
        made = docker.create(
            said["name"],
            id=said["id"].ljust(64, "0") if said.get("id") else "",
            labels=said.get("labels", {}),
            env=[f"IMAGE_VERSION={version}"] if version else [],
        )
        made.state = said["state"]
        made.started = 0.0 if made.state == "created" else time.time() - 3600
        made.ended = time.time() - 1800 if made.state in ("exited", "dead") else 0.0
        if "supervisor" in said:
            _supervised(made, said)
            continue
        made.files = {"/etc/supervisor/critical_processes": b"program:main\n"}
        feature = made.labels.get(NAME_LABEL, "")
        row = rows.get(f"FEATURE|{feature}", {})
        serves = not (feature and gates) or (row.get("current_owner"), row.get("remote_state")) == ("kube", "running")
        gate = f"/usr/bin/python3 /usr/bin/container_startup.py -f {feature} -o kube -v {version}"
        made.processes = [
            ["100", "/usr/bin/python3 /usr/bin/supervisord -n"],
            ["101", "/usr/sbin/main SUPERVISOR_PROCESS_NAME=main SUPERVISOR_GROUP_NAME=main" if serves else gate],
        ]
    for failure in case.get("failures", ()):
        body = failure["body"].encode()
        head = (
            f"HTTP/1.1 {failure['status']} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        docker.inject(failure["pattern"], "raw", head.encode() + body)


def supervised(container: Case) -> list[tuple[str, str, str]]:
    """(group, program, state) of each line of a recorded container's `supervisorctl status`."""
    lines = [line.split() for line in container.get("supervisor", "").splitlines()]
    named = [(*line[0].partition(":"), line[1]) for line in lines if len(line) > 1]
    return [(group, name or group, state) for group, _, name, state in named]


def critical(container: Case) -> set[str]:
    """The programs that a recorded container's list calls critical, those of its groups among them."""
    words = [line.partition(":") for line in (container.get("critical") or "").split()]
    of_groups = {
        name for group, name, _ in supervised(container) for kind, _, said in words if (kind, said) == ("group", group)
    }
    return {name for kind, _, name in words if kind == "program"} | of_groups


def _supervised(made: FakeContainer, said: Case) -> None:
    """Its list, its supervisord's groups, and the programs that live."""
    programs = supervised(said)
    groups = {group: [name for of, name, _ in programs if of == group] for group, _, _ in programs}
    configuration = "".join(f"[group:{group}]\nprograms={','.join(names)}\n" for group, names in groups.items())
    made.files = {"/etc/supervisor/conf.d/groups.conf": configuration.encode()}
    if said.get("critical") is not None:
        made.files["/etc/supervisor/critical_processes"] = said["critical"].encode()
    made.processes = [["100", "/usr/bin/python3 /usr/bin/supervisord -n"]] + [
        [str(101 + n), f"/usr/sbin/{name} SUPERVISOR_PROCESS_NAME={name} SUPERVISOR_GROUP_NAME={group}"]
        for n, (group, name, state) in enumerate(programs)
        if state in ("RUNNING", "STARTING")
    ]
