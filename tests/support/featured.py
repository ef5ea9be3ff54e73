"""The stand-in of featured on a switch of wire fakes: acts when it is told of a row; its calls are kept apart."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes import systemctl as fake
from tests.fakes.featured import Featured
from tests.support.fakes import FakeSwitch


class FakesSwitch:
    """`done`: what it told systemctl; the fakes' own list has the calls of everybody else."""

    asics = 0
    metadata: Mapping[str, Any] = {}

    def __init__(self, fakes: FakeSwitch, names: Iterable[str]) -> None:
        self.fakes = fakes
        self.done: list[str] = []
        self._names = tuple(names)

    def systemctl(self, *words: str) -> tuple[int, str]:
        verb, *rest = words
        shown = verb in ("show", "is-active")
        argv = [os.path.join(self.fakes.bin, "systemctl"), "show" if shown else verb, "--", *rest[:1]]
        ran = subprocess.run(argv, env=self.fakes.environment, capture_output=True, text=True, check=False, timeout=30)
        with fake.opened(self.fakes.units.state) as state:
            state["calls"].pop()
        if not shown:
            self.done.append(" ".join(words))
            return ran.returncode, ran.stdout
        properties = dict(line.split("=", 1) for line in ran.stdout.splitlines())
        if verb == "is-active":
            return 0, properties["ActiveState"]
        return ran.returncode, f"UnitFileState={properties['UnitFileState']}\n"

    def names(self) -> Iterable[str]:
        return self._names

    def ports_ready(self) -> bool:
        return True

    def row(self, name: str, namespace: str = "") -> Mapping[str, str]:
        return self.fakes.row(name, namespace=namespace) or {}

    def write(self, database: str, name: str, fields: Mapping[str, str], namespace: str = "") -> None:
        row = self.fakes.row(name, database, namespace) or {}
        self.fakes.put(database, f"FEATURE|{name}", {**row, **fields}, namespace)

    def delete(self, database: str, name: str, namespace: str = "") -> None:
        raise NotImplementedError("no test here removes a row")

    def drop_in(self, unit: str, text: str) -> None:
        """The fake systemd has no drop-ins."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("no test here has it wait for a start")


def installed(fakes: FakeSwitch, *names: str) -> Featured:
    """featured as a unit of the fakes, and its stand-in, which has acted on these rows."""
    with fake.opened(fakes.units.state) as state:
        state["units"]["featured.service"] = fake.blank() | {"file": True}
    featured = Featured(FakesSwitch(fakes, names))
    featured.start()
    return featured
