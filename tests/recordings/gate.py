"""The start-up gate of the sandbox's images, played as it is: a process, a real Redis, and a clock that is ours."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from sandbox.images import FOLDER
from tests.recordings.database import Command, Database, written
from tests.recordings.replay import Case, Difference, Replayer, Unplayable, compare

PROGRAM: Final = FOLDER / "gate" / "container_startup.py"
PACED: Final = Path(__file__).with_name("paced.py")
ID: Final = "4f6c1d0ab27e" + "59" * 26
"""Of the container in which a case's gates run."""

CGROUP: Final = {
    "v1": f"12:cpuset:/docker/{ID}\n4:memory:/docker/{ID}\n",
    "v1-kubepods": f"12:cpuset:/kubepods/besteffort/pod1-2/{ID}\n4:memory:/kubepods/besteffort/pod1-2/{ID}\n",
    "v1-systemd": f"4:memory:/kubepods.slice/kubepods-pod1_2.slice/docker-{ID}.scope\n",
    "v1-memory-shared-line": f"4:cpu,memory:/docker/{ID}\n",
    "v1-root": "12:cpuset:/\n4:memory:/\n",
    "v2": "0::/\n",
    "v2-host-namespace": f"0::/kubepods.slice/kubepods-pod1_2.slice/docker-{ID}.scope\n",
}
"""Form of /proc/self/cgroup -> such a file."""

REASONS: Final = {
    "set_owner is local": "msg:bail out as set_owner",
    "system_state is not up": "msg:bail out as system state",
    "the local image has the same version": "msg:This version is marked",
    "container_version was changed by another": "msg:bail out as current deploy version",
}
"""What the stand-in says that it freezes for -> what the recorded program's message for that has in it."""

BETWEEN: Final = "seconds_between_freeze_messages"
SILENCE: Final = 10
"""Seconds for which a frozen gate is watched, and must not read."""


class Process:
    """One gate at work. `wakes`: when its sleep ends; None once it has ended, with `code`."""

    def __init__(self, argv: list[str], environment: dict[str, str], now: float) -> None:
        self._link, other = socket.socketpair()
        self._link.settimeout(60)
        command = [sys.executable, "-I", "-S", str(PACED), str(other.fileno()), str(PROGRAM), *argv]
        self.said: list[tuple[float, str]] = []
        self.wakes: float | None = now
        self.blocked = False
        self.code: int | None = None
        self._child = subprocess.Popen(
            command,
            env=environment,
            pass_fds=[other.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        other.close()

    def wake(self) -> None:
        self._link.sendall(b"w")

    def asks(self) -> bool:
        """Wait until it ends, sleeps, or waits for an answer of Redis; whether it is the last."""
        stat = Path(f"/proc/{self._child.pid}/stat")
        while not select.select([self._link], [], [], 0.01)[0]:
            if stat.read_text().rpartition(")")[2].split()[0] == "S":
                return not select.select([self._link], [], [], 0)[0]
        return False

    def settle(self, now: float) -> None:
        """Wait until it sleeps or has ended. Unplayable: it does neither."""
        line = b""
        while not line.endswith(b"\n"):
            try:
                got = self._link.recv(1)
            except ConnectionResetError:
                got = b""
            except TimeoutError as error:
                raise Unplayable("a gate neither sleeps nor ends") from error
            if not got:
                self._ended(now)
                return
            line += got
        self._listen(now)
        self.wakes = now + float(line)

    def end(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        for stream in (self._link, self._child.stdout, self._child.stderr):
            assert stream is not None
            stream.close()

    @property
    def ends(self) -> str:
        if self.code is not None:
            return "dies" if self.code else "opens"
        return "freezes" if any(line.startswith("frozen: ") for _, line in self.said) else "waits"

    def _listen(self, now: float) -> None:
        assert self._child.stdout is not None
        while select.select([self._child.stdout], [], [], 0)[0] and (got := os.read(self._child.stdout.fileno(), 4096)):
            self.said += [(now, line) for line in got.decode().splitlines()]

    def _ended(self, now: float) -> None:
        self.code = self._child.wait(60)
        self.wakes = None
        self._listen(now)


class Play:
    """One case on its way. Time is what the case and the gates' sleeps make of it, from the first gate's start on."""

    def __init__(self, case: Case, database: Database, folder: Path) -> None:
        self.case, self.database = case, database
        self.now = 0.0
        self.gates: list[Process] = []
        self.reads: list[str] = []
        self.writes: list[dict[str, Any]] = []
        self.writes_at: list[float] = []
        self.polls_at: list[float] = []
        cgroup = folder / "cgroup"
        cgroup.write_text(form(case.get("cgroup", "v1")))
        config = "/nowhere/database_config.json" if case.get("no_database_config") else database.config
        self.environment = {"DATABASE_CONFIG": config, "CGROUP": str(cgroup), "PATH": os.environ["PATH"]}
        argv = case["argv"]
        self.row = f"FEATURE|{argv[argv.index('-f') + 1]}" if "-f" in argv[:-1] else ""

    def run(self, until: float) -> None:
        """Do everything that is to happen until then, in its order: at one time, what the case says comes first."""
        coming = [(event["at_s"], event["do"]) for event in self.case.get("events", [])]
        if second := self.case.get("second"):
            coming.append((second["after_s"], second["argv"]))
        coming.sort(key=lambda one: one[0])
        self._begin(self.case["argv"])
        while True:
            sleeping = [gate for gate in self.gates if gate.wakes is not None and not gate.blocked]
            first = min(sleeping, key=lambda gate: gate.wakes or 0.0, default=None)
            at = first.wakes if first is not None and first.wakes is not None else until + 1
            if coming and coming[0][0] <= at:
                self.now, what = coming.pop(0)
                if isinstance(what[0], str):
                    self._begin(what)
                else:
                    self._happens(what)
            elif first is None or at > until:
                return
            else:
                self.now = at
                first.wake()
                self._let(first)

    def _begin(self, argv: list[str]) -> None:
        self.gates.append(Process(argv, self.environment, self.now))
        self._let(self.gates[-1])

    def _let(self, gate: Process) -> None:
        """Let a gate do what it does now. While Redis is silent it asks, and that is all."""
        if self.database.paused:
            gate.blocked = gate.asks()
        if not gate.blocked:
            gate.settle(self.now)
            self._hear()

    def _happens(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            if step["what"] == "redis_continue":
                self.database.do(step)
                for gate in self.gates:
                    if gate.blocked:
                        gate.blocked = False
                        gate.settle(self.now)
                self._hear()
            else:
                self.database.do(step)

    def _hear(self) -> None:
        for command in self.database.overheard() if self.database.answers() else []:
            self._book(command)

    def rows_after(self) -> Any:
        """STATE_DB as the gates leave it. One that Redis kept waiting to the end gets no answer any more."""
        if self.database.paused:
            for gate in self.gates:
                gate.end()
            self.database.do({"what": "redis_continue"})
        return self.database.rows("STATE_DB")

    def _book(self, command: Command) -> None:
        write = written(command)
        if write is not None:
            self.writes.append(write)
            self.writes_at.append(self.now)
            return
        self.reads.append(f"{command.database} {' '.join(command.words)}")
        if self.writes and command == Command("STATE_DB", ["HGETALL", self.row]):
            self.polls_at.append(self.now)


class Player(Replayer):
    """Keeps a redis-server from case to case."""

    together = 2
    compared = frozenset(
        {"writes", "writes_at_s", "reads", "polls_at_s", "ends", "exit_code", "second", "syslog", "rows_after", BETWEEN}
    )
    left_out = {  # noqa: RUF012
        "after_s": "it ends with its last write, whose place is compared; what its process takes is the machine's",
        "stderr_last_line": "how it dies is told in words of its own; the exit code is compared",
        "traceback": "how it dies is told in words of its own; the exit code is compared",
    }

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gate-", dir="/tmp")
        self.database = Database(f"{self._folder.name}/redis")

    def __exit__(self, *about: object) -> None:
        self.database.__exit__(*about)
        self._folder.cleanup()

    def replay(self, case: Case) -> list[Difference]:
        self.database.revive()
        self.database.put(case.get("database", {}))
        self._redis(case)
        play = Play(case, self.database, Path(self._folder.name))
        try:
            play.run(horizon(case))
            return judged(case, play)
        finally:
            for gate in play.gates:
                gate.end()

    def _redis(self, case: Case) -> None:
        """Redis as it is when the gate starts."""
        how = case.get("redis", "runs")
        if how == "runs":
            return
        if how not in ("stopped", "refuses"):
            raise Unplayable(f"no such Redis: {how}")
        self.database.stop()
        if how == "refuses":
            Path(self.database.address).unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as nobody:
                nobody.bind(self.database.address)


def form(name: str) -> str:
    """/proc/self/cgroup in the form of this name. Unplayable: no such form."""
    known = "v1-systemd" if name.startswith("v1") and "systemd" in name else name
    if known not in CGROUP:
        raise Unplayable(f"no such form of /proc/self/cgroup: {name}")
    return CGROUP[known]


def horizon(case: Case) -> float:
    """How long a case is watched, in seconds after its start."""
    result = case["result"]
    times = [*result.get("writes_at_s", []), *result.get("polls_at_s", []), sum(result.get(BETWEEN, []))]
    times += [event["at_s"] for event in case.get("events", [])]
    times += [case["second"]["after_s"]] if "second" in case else []
    return max(times, default=0.0) + SILENCE


def judged(case: Case, play: Play) -> list[Difference]:
    """What a play gave, beside what was recorded."""
    result: dict[str, Any] = case["result"]
    gate, *others = play.gates
    found = compare("ends", result["ends"], gate.ends)
    found += compare("exit_code", result["exit_code"], gate.code)
    for other in others:
        recorded = result["second"]
        found += compare("second.ends", recorded["ends"], other.ends)
        found += compare("second.exit_code", recorded["exit_code"], other.code)
    found += compare("writes", named(result["writes"]), named(play.writes))
    if "rows_after" in result:
        found += compare("rows_after", named(result["rows_after"]), named(play.rows_after()))
    polls = result.get("polls_at_s", [])
    if "waits" in (each.ends for each in play.gates):  # and was watched for longer here
        play.polls_at = play.polls_at[: len(polls)]
        play.reads = play.reads[: len(result.get("reads", []))]
    if "reads" in result:
        found += compare("reads", result["reads"], play.reads)
    found += paced_alike(polls, result, play)
    froze = sorted((at, line.removeprefix("frozen: ")) for one in play.gates for at, line in one.said if line != "open")
    found += compare("syslog", reasons(result["syslog"]), [reason for _, reason in froze])
    if BETWEEN in result:
        found += compare(BETWEEN, result[BETWEEN], [two[0] - one[0] for one, two in itertools.pairwise(froze)])
    return found


def paced_alike(recorded: list[float], result: dict[str, Any], play: Play) -> list[Difference]:
    """Whether polls come as often, and writes between the same polls, as recorded.

    Seconds count from the last write before the first poll. A recorded poll may be late by half a second for every one
    so far (the machine was busy, and each sleep begins where the one before has ended), and early by a tenth.
    """
    found = compare("polls_at_s", ["a poll"] * len(recorded), ["a poll"] * len(play.polls_at))
    writes = result.get("writes_at_s", [])
    begun, begun_here = (
        _last_before(times, polls) for times, polls in ((writes, recorded), (play.writes_at, play.polls_at))
    )
    for n, (at, here) in enumerate(zip(recorded, play.polls_at, strict=False), 1):
        late = (at - begun) - (here - begun_here)
        if not -0.1 * n <= round(late, 3) <= 0.5 * n:
            found.append(Difference(f"polls_at_s[{n - 1}]", at, here))
            break
    between = [sum(poll <= at for poll in recorded) for at in writes]
    between_here = [sum(poll <= at for poll in play.polls_at) for at in play.writes_at]
    return found + compare(
        "writes_at_s", [f"after {n} polls" for n in between], [f"after {n} polls" for n in between_here]
    )


def _last_before(writes: list[float], polls: list[float]) -> float:
    return max((at for at in writes if not polls or at < polls[0]), default=0.0)


def reasons(syslog: list[str]) -> list[str]:
    """What a recorded gate froze for, in the stand-in's words; other messages are left out."""
    froze = [line for line in syslog if "msg:" in line]
    return [next((ours for ours, part in REASONS.items() if part in line), line) for line in froze]


def named(value: Any) -> Any:
    """With names in the place of what every run has another of: <id>, and an id that was cut off."""
    text = json.dumps(value).replace(ID[:12], "<id>")
    return json.loads(re.sub(r'"docker-[0-9a-f]{5}"', '"docker-<id>"', text))
