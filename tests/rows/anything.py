"""A switch that answers anything at all: rows of any fields, containers and descriptions of any shape, from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from system_service.backends.docker_json import from_row
from system_service.domain.monit.check import check as check_all
from system_service.domain.result import Result
from system_service.domain.status.explain import reasons
from system_service.domain.status.overview import look
from system_service.domain.switch import Switch
from system_service.errors import SwitchError, Unreachable
from system_service.model.boot import boot_id, uptime
from system_service.model.snapshot import Active, Container, Unit
from system_service.terminal.envelope import envelope

NAME = "snmp"
OTHER = "lldp"
ROWS = 6
"""Of each switch: three of each feature."""
_NUMBERS = (
    *("", "0", "-1", "1", "12.5", "1e3", "1e308", "-1e308", "nan", "inf", "-inf", "999999999999", "99999999999"),
    *("253402300800", "9" * 400, "0x10", "1_000", "\u0663\u0664", " 7 ", "1795341600", "4102444800", "60"),
)
_TIMES = (
    *("", "2026-11-22 10:00:00", "9999-12-31 23:59:59", "0001-01-01 00:00:00", "2099-01-01 00:00:00", "soon"),
    *("2026-02-31 10:00:00", "2026-11-22 25:61:61", "2026-11-22T10:00:00Z", f"{'9' * 300}-01-01 00:00:00"),
)
_STARTS = (
    *("", "0001-01-01T00:00:00Z", "2026-11-22T10:00:00.123456789Z", "9999-12-31T23:59:59Z", "2026-11-22T10:00:00"),
    *(f"{'9' * 400}-01-01T00:00:00Z", "2026-11-22T10:00:nanZ", "2026-11-22T10:00:infZ", "2026-99-99T99:99:99Z", "now"),
)
_WORDS = (
    *("up", "down", "none", "pending", "ready", "running", "stopped", "kube", "local", "true", "false", "unknown"),
    *("\x1b[31m", "\u202e", "a" * 300, "the local image is the pod's version", "two pods claim it", "install swss"),
)
_FIELDS = (
    *("system_state", "remote_state", "current_owner", "container_id", "container_version", "update_time", "state"),
    *("set_owner", "no_fallback_to_local", "has_global_scope", "has_per_asic_scope", "auto_restart", "boot", "served"),
    *("heard", "answered", "failed", "renewed", "deaths", "fell", "settle", "stop", "took", "reason", "since", "want"),
    *("label", "todo", "cluster", "ended", "displaced", "version"),
)
_STATES = ("running", "exited", "paused", "created", "dead", "restarting", "removing", "asleep", "")


class Anything:
    """Answers from a seed; the same ones for the same."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self.id = f"{seed:064x}"

    def text(self) -> str:
        kind = self._random.randrange(6)
        if kind < 4:
            return self._random.choice((_NUMBERS, _TIMES, _STARTS, _WORDS)[kind])
        words = (self.text_of_two() for _ in range(self._random.randrange(4)))
        return " ".join(words)

    def text_of_two(self) -> str:
        return self._random.choice((f"{self.id[:12]}@2026-11-22T10:00:00Z", *_NUMBERS, *_WORDS))

    def row(self) -> dict[str, str]:
        fields = self._random.sample(_FIELDS, self._random.randrange(len(_FIELDS)))
        found = {field: self.text() for field in fields}
        if self._random.random() < 0.7:  # what is so: else most of it would count for nothing
            found |= {"boot": boot_id(), "set_owner": self._random.choice(("kube", "local", "x"))}
            number = self._random.choice(_NUMBERS)
            found["took"] = f"{self._random.choice(('kube', 'local', 'none'))} {number}"
            found["served"] = f"{self.id[:12]}@{self._random.choice(_STARTS)}"
            found |= {"reason": self._random.choice(_WORDS), "since": number, "fell": f"{uptime() - 1}", "settle": "60"}
            found |= {field: self.text() for field in self._random.sample(sorted(found), 3)}
        return found

    def value(self, depth: int = 0) -> Any:
        kind = self._random.randrange(8 if depth < 2 else 5)
        if kind < 5:
            return (None, self._random.random() < 0.5, 10 ** self._random.randrange(30), self.text(), -1.5)[kind]
        if kind < 7:
            return [self.value(depth + 1) for _ in range(self._random.randrange(3))]
        return {self.text(): self.value(depth + 1) for _ in range(self._random.randrange(3))}

    def maybe(self, found: Any) -> Any:
        """It, or in its place anything."""
        return found if self._random.random() < 0.9 else self.value()

    def container(self, name: str, id: str) -> Any:
        labels = {"io.kubernetes.container.name": NAME, "io.kubernetes.docker.type": "container"}
        return self.maybe(
            {
                "Id": self.maybe(id),
                "Names": self.maybe([f"/{name}"]),
                "Image": self.maybe("docker-snmp:1"),
                "State": self.maybe(self._random.choice(_STATES)),
                "Status": self.maybe(self.text()),
                "Labels": self.maybe(labels if name != NAME else {}),
            }
        )

    def described(self, id: str) -> Any:
        state = {"Status": self.text(), "Running": True, "StartedAt": self._random.choice(_STARTS), "FinishedAt": "x"}
        config = {"Env": self.maybe(["IMAGE_VERSION=1"]), "Labels": self.maybe({}), "Image": self.text()}
        return {"Id": self.maybe(id), "Name": f"/{NAME}", "State": self.maybe(state), "Config": self.maybe(config)}

    def processes(self) -> list[list[str]]:
        seconds = self._random.choice(("0", "60", "9" * 11, "9" * 400, "-1", "x", ""))
        args = self._random.choice(("supervisord -n", "python3 container_startup.py -f snmp", self.text()))
        return [["10", "1", "10", "S", seconds, args], ["11", "10", "11", "S", seconds, self.text()]]

    def active(self) -> Active:
        return self._random.choice(list(Active))

    def happens(self, chance: float) -> bool:
        return self._random.random() < chance


class Rows:
    """In the place of the databases."""

    namespaces = ()

    def __init__(self, anything: Anything) -> None:
        self._config = {name: anything.row() for name in (NAME, OTHER)}
        self._rows = [{name: anything.row() for name in (NAME, OTHER)} for _ in range(2)]
        self._server = anything.row() if anything.happens(0.5) else {}

    def tables(self, *wanted: tuple[str, str], namespace: str = "") -> list[dict[str, dict[str, str]]]:
        return [self._table(*which) for which in wanted]

    def rows(self, *wanted: tuple[str, str], namespace: str = "") -> list[dict[str, str]]:
        found = []
        for database, key in wanted:
            table, _, name = key.partition("|")
            found.append(self._table(database, table).get(name, {}))
        return found

    def _table(self, database: str, table: str) -> dict[str, dict[str, str]]:
        if table == "KUBERNETES_MASTER":
            return {"SERVER": self._server}
        if table == "FEATURE":
            return self._config if database == "CONFIG_DB" else self._rows[0]
        return self._rows[1]


class Docker:
    """In the place of Docker's client: parsed where that parses, refusing where it may."""

    until = None

    def __init__(self, anything: Anything) -> None:
        self._anything = anything

    def containers(self) -> tuple[Container, ...]:
        rows = json.loads(json.dumps([self._anything.container(n, self._anything.id) for n in (NAME, "k8s_snmp")]))
        return tuple(found for row in rows if (found := from_row(row)))

    def inspect(self, ref: str) -> dict[str, Any] | None:
        if self._anything.happens(0.1):
            return None
        return dict(json.loads(json.dumps(self._anything.described(ref))))

    def top(self, ref: str, columns: str) -> list[list[str]] | None:
        if self._anything.happens(0.1):
            return None
        return self._anything.processes()

    def archive(self, ref: str, path: str) -> bytes | None:
        return b"no archive" if self._anything.happens(0.1) else None

    def image(self, ref: str) -> dict[str, Any]:
        return {}

    def has_image(self, ref: str) -> bool:
        return self._anything.happens(0.5)

    def logs(self, ref: str, tail: int) -> bytes:
        return self._anything.text().encode("utf-8", "replace")


class Systemd:
    """In the place of systemd, which nobody but root tells what to say."""

    def __init__(self, anything: Anything) -> None:
        self._anything = anything

    def available(self) -> bool:
        return True

    def states(self, *names: str) -> Mapping[str, Unit]:
        return {n: Unit(n, not n.startswith(("ctrmgrd", "featured")), self._anything.active()) for n in names}

    show = states


def any_switch(seed: int, run_dir: str) -> Switch:
    anything = Anything(seed)
    rows, docker, units = Rows(anything), Docker(anything), Systemd(anything)
    return Switch(rows, docker, units, run_dir, (run_dir, run_dir))  # type: ignore[arg-type]


def judge(seed: int, run_dir: str) -> None:
    """Everything that looks, once. Raises what no command of ours turns into a sentence."""
    for names in ((), (NAME,)):
        _tolerates(lambda names=names: envelope(look(any_switch(seed, run_dir), "list", names, partial=True)))
    for critical in (False, True):
        _tolerates(lambda critical=critical: envelope(check_all(any_switch(seed, run_dir), critical=critical)))
    _tolerates(lambda: envelope(Result("explain", (reasons(any_switch(seed, run_dir), NAME),))))


def _tolerates(run: Any) -> None:
    try:
        json.dumps(run())
    except SwitchError as error:
        if isinstance(error, Unreachable) or not str(error):  # all of them answer
            raise TypeError(f"{type(error).__name__}: {error}") from error
