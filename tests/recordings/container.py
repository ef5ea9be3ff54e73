"""The product's `container` (system container), held to what the host's own script was recorded to do."""

from __future__ import annotations

import re
import time
from typing import Any, Final

from tests.recordings.container_inputs import Inputs, chosen
from tests.recordings.container_meant import PARTS, deliberate, expected
from tests.recordings.play import ASICS, Change, Played, Program, Stage
from tests.recordings.replay import Case, Difference, Replayer, Unplayable, compare

_CALL: Final = re.compile(r"POST /containers/<id of (.*)>/(\w+)(?:\?t=(\d+))?")
_OWN: Final = "SYSTEM_SERVICE|"
_LONG: Final = 10.0
"""Seconds for which a program is watched that does not end and has something to do at a time of its own."""


class Player(Replayer):
    """Keeps a redis-server from case to case."""

    together = 2
    compared = frozenset({"exit_code", "ends", "stdout", "actions", "docker_rs_argv", "containers_after", "rows_after"})
    left_out = {  # noqa: RUF012
        "syslog": "in words of its own",
        "stderr_last_line": "why it fails is told in words of its own; the exit code is compared",
        "traceback": "why it fails is told in words of its own; the exit code is compared",
        "polls_at_s": "nothing is polled here",
        "after_s": "nothing is polled here: what a process takes is the machine's",
    }
    deliberate = tuple(deliberate())

    def __init__(self) -> None:
        self._stage = Stage()

    def __exit__(self, *about: object) -> None:
        self._stage.__exit__(*about)

    def replay(self, case: Case) -> list[Difference]:
        return judged(case, recorded(case), self.play(case))

    def play(self, case: Case) -> dict[str, Any]:
        """What the product does, in the form of `recorded`."""
        words = ["container", *case["argv"]]
        with self._stage.program(case, words, asics=Inputs(case).asic, gates=True) as program:
            ends = watched(program, case) if case["argv"][:1] == ["wait"] else ended(program)
            return told(case, ends, program.played())


def judged(case: Case, result: dict[str, Any], here: dict[str, Any]) -> list[Difference]:
    """What differs from the recorded result. A part that is to be otherwise here, and is not so either, is told by
    what should have come `instead`: no rule excuses that."""
    meant = expected(case, result)
    found = []
    for part in PARTS:
        wrong = compare(f"instead.{part}" if meant != result else part, chosen(meant[part], here[part]), here[part])
        names = {difference.part.removeprefix("instead.") for difference in wrong}
        found += wrong
        found += [d for d in compare(part, result[part], here[part]) if d.part not in names]
    return found


def recorded(case: Case) -> dict[str, Any]:
    """A case's result, of the actions only what changed a container: the verb, its name, the seconds of a stop, and
    what system_state was at that moment."""
    result = case["result"]
    inputs = Inputs(case)
    states = {c["name"]: c["state"] for c in inputs.containers}
    system_state, actions = inputs.state.get("system_state"), []
    for action in result["actions"]:
        if "wrote" in action:
            if action["wrote"]["key"] == f"FEATURE|{inputs.name}":
                system_state = action["wrote"]["set"].get("system_state", system_state)
        elif any(re.search(failure["pattern"], action["docker"]) for failure in inputs.failures):
            continue
        elif call := _CALL.fullmatch(action["docker"]):
            name, verb, seconds = call.groups()
            if (states.get(name) in ("running", "paused", "restarting")) is (verb != "start"):
                actions.append([verb, name, *([seconds or "10"] if verb == "stop" else []), system_state])
    becomes = re.fullmatch(r"becomes `docker-rs wait (.*)` and blocks there", result["ends"])
    if result["ends"] not in ("exits", "still waits (polls)") and not becomes:
        raise Unplayable(f"no such end: {result['ends']}")
    if becomes and result.get("docker_rs_argv", ["docker-rs", "wait", becomes[1]]) != ["docker-rs", "wait", becomes[1]]:
        raise Unplayable("it becomes another program than it says")
    return {
        "exit_code": result["exit_code"],
        "ends": "exits" if result["ends"] == "exits" else "waits",
        "stdout": result["stdout"],
        "actions": actions,
        "containers_after": result.get("containers_after") or {},
        "rows_after": result.get("rows_after") or {},
    }


def told(case: Case, ends: str, played: Played) -> dict[str, Any]:
    """What a program did, in the form of `recorded`. Rows of an ASIC are named after it."""
    inputs = Inputs(case)
    rows = {key: row for key, row in played.rows["STATE_DB"].items() if not key.startswith(_OWN)}
    for asic in ASICS:
        rows |= {f"{asic} {key}": row for key, row in played.rows[f"{asic} STATE_DB"].items() if row}
    return {
        "exit_code": played.exit_code if ends == "exits" else None,
        "ends": ends,
        "stdout": played.stdout,
        "actions": list(_moments(inputs, played.changes)),
        "containers_after": played.containers if inputs.docker else {},
        "rows_after": rows,
    }


def _moments(inputs: Inputs, changes: list[Change]) -> Any:
    keys = {f"STATE_DB FEATURE|{inputs.name}", *(f"{asic} STATE_DB FEATURE|{inputs.stem}" for asic in ASICS)}
    system_state = inputs.state.get("system_state")
    for what, *fields in changes:
        if what in keys:
            found = [field.partition("=")[2] for field in fields if field.startswith("system_state=")]
            system_state = found[0] if found else None if "system_state" in fields else system_state
        elif " " not in what:
            yield [what, *fields, system_state]


def ended(program: Program) -> str:
    return "exits" if program.ended(60) else "waits"


def watched(program: Program, case: Case) -> str:
    """Let a `wait` do what it does, through the case's events, until it has ended or nothing can come of itself."""
    began = time.monotonic()
    for event in case.get("events", []):
        while time.monotonic() < began + event["at_s"] and not program.ended(0.05):
            pass
        for step in event["do"]:
            program.stage.happens(step)
    last = time.monotonic()
    asleep = 0
    while not program.ended(0.05) and time.monotonic() < last + _LONG and asleep < 10:
        asleep = asleep + 1 if program.asleep() else 0
    return "exits" if program.ended(0) else "waits"
