"""A run: bunch after bunch of steps, each followed by a settling, and what was found."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

from sandbox import features
from sandbox.kube.cluster import Cluster
from sandbox.switch import Switch
from tests.acceptance.conftest import differences as left_over
from tests.acceptance.conftest import repair
from tests.acceptance.console import Console
from tests.acceptance.fleet import Fleet
from tests.chaos.steps import NAMES, Bunch, Kind, timeline
from tests.chaos.truth import Intent, concluded, differences, expected, observed
from tests.chaos.world import FAILURES, World
from tests.support.owners import Owners
from tests.support.switch import Witness, wait_until

SETTLES = 120.0  # seconds until intent and truth agree
HURRIED = 30.0  # seconds after which a kubelet that backs off is helped
_UNITS = [word for name in features.UNITS for word in ("-u", name)]
_JOURNAL = ["journalctl", "--no-pager", "--output=short-precise"]
_SPENT = ("Start request repeated too quickly", "start-limit-hit")
_EXTRACT = 60  # lines of the journal with a finding


class Tally(NamedTuple):
    """What a run came to. A bunch after which something disagreed is one finding, however many say so."""

    steps: int = 0
    settlings: int = 0
    findings: int = 0


class Run:
    """Chaos on a switch that has joined a cluster, and eyes on it until the end. A context manager."""

    def __init__(self, switch: Switch, cluster: Cluster, say: Callable[[str], None]) -> None:
        self.tally = Tally()
        self._say = say
        self._owners = Owners(switch.base.name)
        try:
            self._console = Console(switch, Witness(switch))
            self._cluster = cluster
            self._begin()
        except BaseException:
            self._owners.close()
            raise

    def _begin(self) -> None:
        self._fleet = Fleet(self._console, self._cluster, self._owners)
        self._world = World(self._fleet)
        self._up = dict.fromkeys(NAMES, True)

    def take(self, bunch: Bunch) -> list[str]:
        """Take the steps of a bunch, and settle; what was found, with the journal. The switch is then repaired."""
        number, begun = self.tally.steps + 1, time.monotonic()
        acted = begun
        self.tally = self.tally._replace(steps=self.tally.steps + len(bunch))
        cursor, mark = self._prepare(), len(self._owners.twice)
        found: list[str] = []
        try:
            self._act(bunch)
            acted = time.monotonic()
            self._world.restore()
            for command in self._world.commands:
                found += command.faults()
            found += self._settle(bunch)
        except FAILURES as error:
            found.append(f"{type(error).__name__}: {error}")
        found += [f"two owners: {moment}" for moment in self._owners.twice[mark:]]
        found += self._journal_faults(cursor)
        self.tally = self.tally._replace(settlings=self.tally.settlings + 1, findings=self.tally.findings + bool(found))
        seconds = f"{acted - begun:.0f} s, settled after {time.monotonic() - acted:.0f} s"
        self._say(f"step {number}: {'; '.join(map(str, bunch))} ({seconds})")
        for undone in self._world.undone:
            self._say(f"    not done: {undone}")
        if found:
            found += self._evidence(cursor)
            self._say(f"FOUND in the bunch of step {number}:")
            for line in found:  # before anything else can fail
                self._say(f"    {line}")
            self.put_back()
            self._begin()
        return found

    def _prepare(self) -> str:
        """Each bunch has the whole of the units' start limit; where the journal ends now."""
        self._world.forget()
        self._console.switch.exec(["systemctl", "reset-failed", *features.UNITS])
        shown = self._console.switch.exec([*_JOURNAL, "--lines=0", "--show-cursor"]).stdout
        return shown.partition("-- cursor: ")[2].strip()

    def _act(self, bunch: Bunch) -> None:
        begun = time.monotonic()
        for event in timeline(bunch):
            time.sleep(max(0.0, begun + event.at - time.monotonic()))  # the steps' own times
            self._world.happen(event)

    def _settle(self, bunch: Bunch) -> list[str]:
        """What disagrees when all the time that it may take is over."""
        found = [fault for name in NAMES for fault in self._complete(name, bunch)]
        begun, agreed = time.monotonic(), 0
        hurried: set[str] = set()
        while not found:
            seen = [fault for name in NAMES for fault in self._look(name)]
            agreed = 0 if seen else agreed + 1
            if agreed == 2:  # it stays so
                break
            passed = time.monotonic() - begun
            if passed > SETTLES:
                return seen
            for name in NAMES:
                self._world.forgive(name)
                if passed > HURRIED and name not in hurried and self._world.hurry(name):
                    hurried.add(name)
            time.sleep(1.0)  # the pace of looking
        return found

    def _complete(self, name: str, bunch: Bunch) -> list[str]:
        """Know whether it is to be up; a command that makes that certain has to go well."""
        words = [command.line.split() for command in self._world.commands]
        codes = [command.code for command in self._world.commands]
        verbs = [
            (line[2], code) for line, code in zip(words, codes, strict=True) if line[0] == "system" and name in line
        ]
        kinds = {step.kind for step in bunch if name in step.names or not step.names}
        # A row that is loaded again may be an older one; what a hand has started runs past systemd.
        doubt = (bool(verbs) and bool(kinds & {Kind.RELOAD, Kind.REDIS})) or Kind.DOCKER_START in kinds
        enabled = self._console.intent(name).get("state") != "disabled"
        self._up[name], verb = concluded(self._up[name], enabled, verbs, doubt)
        if not verb:
            return []
        again = self._world.prompt.run(f"system service {verb} {name} --timeout 60")
        return again.faults() + ([f"`{again.line}`: exit {again.code}: {again.said}"] if again.code else [])

    def _look(self, name: str) -> list[str]:
        """What disagrees at this moment."""
        row = self._console.intent(name)
        mode = "kubernetes" if row.get("set_owner") == "kube" else "legacy"
        enabled = row.get("state") != "disabled"
        try:
            wanted = expected(name, Intent(mode, enabled, enabled and self._up[name], self._world.version(name)))
            if wanted["label"] == "true":
                self._world.label(name)
            return [f"{name}: {fault}" for fault in differences(wanted, observed(self._fleet, name))]
        except FAILURES as error:
            return [f"{name}: {type(error).__name__}: {error}"]

    def _journal(self, cursor: str, *words: str) -> list[str]:
        return self._console.switch.exec([*_JOURNAL, f"--after-cursor={cursor}", *words]).stdout.splitlines()

    def _journal_faults(self, cursor: str) -> list[str]:
        """Tracebacks of anybody's, and a feature's start limit."""
        found = [f"the journal: {line}" for line in self._journal(cursor) if "Traceback (most recent call" in line]
        spent = (line for line in self._journal(cursor, *_UNITS) if any(words in line for words in _SPENT))
        return found + [f"the start limit: {line}" for line in spent]

    def _evidence(self, cursor: str) -> list[str]:
        """What a reader of the findings wants to know next."""
        told = [f"| {line}" for line in self._journal(cursor)[-_EXTRACT:]]
        with contextlib.suppress(*FAILURES):  # they may be what is not there
            for name in NAMES:
                told += [f"| {name} {self._console.state(name)}", f"| {name} {self._fleet.own(name)}"]
        for command in self._world.commands:
            told.append(f"| `{command.line}`: exit {command.code}: {command.said.strip()}")
        return told

    def put_back(self) -> None:
        """The switch as the sandbox brought it up. Raises when it cannot be repaired."""
        try:
            self._world.restore()
            for name in NAMES:  # one that a step disabled would come home masked
                self._console.switch.exec(["system", "service", "enable", name, "--timeout", "60"], timeout=90)
            self._fleet.put_back()
        except FAILURES as error:
            self._say(f"putting back: {type(error).__name__}: {error}")
        if left_over(self._console):
            repair(self._console)
            wait_until("the repair of the switch", lambda: not left_over(self._console), 60)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._owners.close()
