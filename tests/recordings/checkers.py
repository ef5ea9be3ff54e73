"""The product's check (system service check) held to the recorded checkers of the host.

container_checker is played by the check alone, service_checker, the part of system-health that looks at features, by
the check with `--processes`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tests.recordings.checkers_meant import CONTAINER, RULES, SERVICE, Verdict, expected
from tests.recordings.play import Played, Stage
from tests.recordings.replay import Case, Deliberate, Difference, Replayer, Unplayable, compare

SENTENCE: Final = "Expected containers not running: "
_ARGV: Final = {
    CONTAINER: ["service", "check"],
    SERVICE: ["service", "check", "--processes", "--json"],
}


class Player(Replayer):
    """Keeps a redis-server from case to case."""

    together = 2
    compared = frozenset({"exit_code", "stdout", "missing", "not_ok"})
    left_out = {  # noqa: RUF012
        "docker_calls": "which questions are asked is no one's concern",
        "syslog": "no events are published (docs/monit.md)",
        "stderr_last_line": "in words of its own",
        "traceback": "in words of its own",
        "ok": "what is well is not listed",
        "containers_with_critical_processes_known": "a list is kept for a container's life, and nobody is shown it",
    }
    deliberate = tuple(Deliberate(rule.meant, ("exit_code", "missing"), rule.reason) for rule in RULES)

    def __init__(self) -> None:
        self._stage = Stage()

    def __exit__(self, *about: object) -> None:
        self._stage.__exit__(*about)

    def replay(self, case: Case) -> list[Difference]:
        asics = int(case.get("platform", {}).get("num_asic", 1))
        if asics not in (1, 2):
            raise Unplayable(f"no switch with {asics} ASICs is here")
        if case["program"] not in _ARGV:
            raise Unplayable(f"there is no checker {case['program']}")
        with self._stage.program(case, _ARGV[case["program"]], asics=asics > 1) as program:
            if not program.ended(60):
                return [Difference("exit_code", case["result"]["exit_code"], None)]
            return judged(case, said(case, program.played()))


def said(case: Case, played: Played) -> tuple[int | None, set[str]]:
    """The product's verdict: what it said."""
    if case["program"] == CONTAINER:
        return played.exit_code, set(_listed(played.stdout.splitlines()[:1]))
    features = json.loads(played.stdout)["features"] if played.stdout else []
    dead = [process for feature in features for process in feature.get("missing_processes", [])]
    return played.exit_code, {
        *(name for feature in features for name in feature.get("missing", [])),
        *(f"{process['container']}:{process['process']}" for process in dead),
    }


def recorded(case: Case) -> Verdict:
    """The recorded verdict.

    service_checker is no program of its own: that it came to its end is 0, and what is not well is what would be 3.
    Programs of a group are known by their own names here.
    """
    result = case["result"]
    if case["program"] == CONTAINER:
        missing = result.get("missing", [])
        if sorted(_listed(result["stdout"].splitlines())) != sorted(missing):
            raise Unplayable("what is missing is not what it said")
        return result["exit_code"], set(missing)
    unwell = {":".join([*name.split(":")[:1], *name.split(":")[1:][-1:]]) for name in result.get("not_ok") or {}}
    return (3 if unwell else 0) if result["exit_code"] == 0 else result["exit_code"], unwell


def judged(case: Case, verdict: tuple[int | None, set[str]]) -> list[Difference]:
    """What differs from the recorded verdict; with `instead`, from the one that is meant to come here."""
    was = _shown(recorded(case))
    meant = _shown(expected(case, recorded(case)))
    here = _shown(verdict)
    if here != meant:
        return compare("instead" if meant != was else "verdict", meant, here)
    return [d for part in was for d in compare(part, was[part], here[part])]


def _shown(verdict: tuple[int | None, set[str]]) -> dict[str, Any]:
    return {"exit_code": verdict[0], "missing": sorted(verdict[1])}


def _listed(lines: list[str]) -> list[str]:
    told = [re.match(f"{SENTENCE}(.*)", line) for line in lines]
    return [name for match in told if match for name in match[1].split(", ")]
