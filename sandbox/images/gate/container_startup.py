#!/usr/bin/python3
"""The start-up gate: decides, before a feature's processes start, whether this container may run them.

container_startup.py -f FEATURE -o OWNER -v VERSION ends with 0 when the gate is open, with 1 when Redis cannot be
reached, with 2 for arguments that it does not know (the start script goes on all the same), and never ends when the
container is frozen. It stands in for the gate of real images and keeps its rules to the letter, the surprising ones
too: tests/recordings holds it to what that one did.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    Read = Callable[[int, str], Mapping[str, str]]
    Write = tuple[str, dict[str, str]]  # a key, and fields of its row

DATABASES = os.environ.get("DATABASE_CONFIG", "/var/run/redis/sonic-db/database_config.json")
CGROUP = os.environ.get("CGROUP", "/proc/self/cgroup")
CONFIG_DB, STATE_DB = 4, 6
LABELS = "KUBE_LABELS|SET"
POLL = 2  # seconds between two looks, and before the first
REPEAT = 60  # seconds between two messages of a frozen gate

OPENS, FREEZES, WAITS = "opens", "freezes", "waits"
NOT_WANTED, NOT_UP = "set_owner is local", "system_state is not up"
SAME_VERSION, OVERWRITTEN = "the local image has the same version", "container_version was changed by another"


class Step(NamedTuple):
    """What a gate does next: the `writes` to STATE_DB, (key, fields) in their order, and then it opens, freezes for
    `reason`, or waits POLL seconds until it looks again."""

    goes: str
    writes: tuple[Write, ...] = ()
    reason: str = ""


class Gate:
    """The rules of one gate, and nothing but the rules: no clock, no Redis."""

    def __init__(self, feature: str, owner: str, version: str, container_id: str, now: Callable[[], str]) -> None:
        """`container_id` is what it would record; `now` is called for the time that it writes."""
        self.feature, self.owner, self.version = feature, owner, version
        self.row = f"FEATURE|{feature}"
        self._id, self._now = container_id, now

    def arrive(self, read: Read) -> Step:
        """The first step. `read(database, key)` is a row, {} where there is none."""
        config = read(CONFIG_DB, self.row)
        state = read(STATE_DB, self.row)
        if not state.get("system_state"):
            return Step(OPENS)  # and nothing is recorded, nor looked at
        if self.owner == "local":
            label = (LABELS, {f"{self.feature}_local": self.version})
            return Step(OPENS, (label, (self.row, self._runs("local", self.feature))))
        # Decided once, never looked at again.
        if config.get("set_owner", "local") == "local":
            return Step(FREEZES, reason=NOT_WANTED)
        if state["system_state"] != "up":
            return Step(FREEZES, reason=NOT_UP)
        if read(STATE_DB, LABELS).get(f"{self.feature}_local", "").lower() == self.version.lower() != "":
            return Step(FREEZES, reason=SAME_VERSION)
        version = (self.row, {"container_version": self.version})
        # Whatever else was found stays as it is: a left-over pending, an empty or an unknown word.
        found = state.get("remote_state", "none")
        if found == "ready":
            return Step(OPENS, (version, self._serves()))
        if found in ("none", "running", "stopped"):
            return Step(WAITS, (version, (self.row, {"remote_state": "pending"})))
        return Step(WAITS, (version,))

    def look(self, state: Mapping[str, str]) -> Step:
        """A later step, by the feature's row as it is by then: the version and `ready`, and nothing else, matter."""
        if state.get("container_version", "") != self.version:
            return Step(FREEZES, reason=OVERWRITTEN)
        if state.get("remote_state") == "ready":
            return Step(OPENS, (self._serves(),))
        return Step(WAITS)

    def _serves(self) -> Write:
        """Written unconditionally, whatever was written since."""
        return self.row, {**self._runs("kube", self._id), "remote_state": "running"}

    def _runs(self, owner: str, container_id: str) -> dict[str, str]:
        fields = {"current_owner": owner, "container_id": container_id, "update_time": self._now()}
        return {**fields, "container_version": self.version}


class Database:
    """Redis, connected to anew when a connection is lost. Strings; hashes are dictionaries."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connect()

    def row(self, database: int, key: str) -> dict[str, str]:
        flat: list[str] = self._command(database, "HGETALL", key)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def write(self, key: str, fields: Mapping[str, str]) -> None:
        self._command(STATE_DB, "HSET", key, *(word for item in fields.items() for word in item))

    def _connect(self) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(self._path)
        self._file = self._link.makefile("rb")

    def _command(self, database: int, *words: str) -> Any:
        try:
            return self._ask(database, *words)
        except ConnectionError:
            self._connect()
            return self._ask(database, *words)

    def _ask(self, database: int, *words: str) -> Any:
        out = []
        for command in (("SELECT", str(database)), words):
            out.append(b"*%d\r\n" % len(command))
            out += (b"$%d\r\n%s\r\n" % (len(data), data) for data in map(str.encode, command))
        self._link.sendall(b"".join(out))
        self._reply()
        return self._reply()

    def _reply(self) -> Any:
        line = self._file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in (b"+", b":"):
            return rest.decode()
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode(errors="backslashreplace")
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        raise ConnectionError(line.decode(errors="replace").strip() or "Redis closed the connection")


def address() -> str:
    """Redis' socket, as the switch's own configuration names it."""
    with open(DATABASES) as file:
        path: str = json.load(file)["INSTANCES"]["redis"]["unix_socket_path"]
    return path


def now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def own_id() -> str:
    """The first 12 characters of what the memory line ends with; empty with cgroup version 2."""
    with open(CGROUP) as file:
        for line in file:
            if ":memory:" in line:
                return line.rstrip("\n").rpartition("/")[2][:12]
    return ""


def freeze(reason: str) -> NoReturn:
    while True:
        print(f"frozen: {reason}", flush=True)
        time.sleep(REPEAT)


def run(options: argparse.Namespace) -> None:
    """Returns when the gate is open. OSError: no Redis."""
    database = Database(address())
    gate = Gate(options.feature, options.owner, options.version, own_id(), now)
    step = gate.arrive(database.row)
    while True:
        for key, fields in step.writes:
            database.write(key, fields)
        if step.goes == OPENS:
            return
        if step.goes == FREEZES:
            freeze(step.reason)
        time.sleep(POLL)
        step = gate.look(database.row(STATE_DB, gate.row))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-f", "--feature", required=True)
    parser.add_argument("-o", "--owner", choices=("local", "kube"), required=True)
    parser.add_argument("-v", "--version", required=True)
    options = parser.parse_args()
    try:
        run(options)
    except OSError as lost:
        print(f"no gate without Redis: {lost}", file=sys.stderr, flush=True)
        return 1
    print("open", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
