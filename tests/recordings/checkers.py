"""The product's check (system service check), which takes the place of the host's container_checker, held to that.

service_checker, the part of system-health that looks at features, has nothing in its place here and is not played.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from tests.recordings.play import NAME_LABEL, NAMESPACE_LABEL, TYPE_LABEL, Stage
from tests.recordings.replay import Case, Deliberate, Difference, Replayer, Unplayable, compare

PLAYED: Final = "container_checker"
SENTENCE: Final = "Expected containers not running: "
NOT_PLAYED: Final = (
    "not played: nothing here is in the place of system-health's service_checker, which is left as it is"
)
_OFF: Final = ("disabled", "always_disabled")


class Inputs:
    """What a case begins with, in the words of the rules."""

    def __init__(self, case: Case) -> None:
        self.case = case
        database = case.get("database") or {}
        self.features = _table(database.get("CONFIG_DB", {}))
        self.state = _table(database.get("STATE_DB", {}))
        self.containers = case.get("containers") or []
        self.platform = case.get("platform", {})
        self.asics = range(int(self.platform.get("num_asic", 1)))
        self.docker = case.get("docker") != "missing"

    def runs(self, feature: str, name: str) -> bool:
        """By Docker alone: a container of this name, or one of a pod's of the feature."""
        pod = {NAME_LABEL: feature, TYPE_LABEL: "container"}
        return any(
            c["state"] == "running"
            and (c["name"] == name or (name == feature and pod.items() <= c.get("labels", {}).items()))
            for c in self.containers
        )

    def scopes(self, feature: str) -> list[str]:
        """The containers that the product expects of a feature that is on."""
        row = self.features[feature]
        if len(self.asics) == 1:
            return [feature]
        found = [feature] if row.get("has_global_scope", "True").lower() == "true" else []
        per_asic = row.get("has_per_asic_scope", "False").lower() == "true"
        return found + [f"{feature}{asic}" for asic in self.asics if per_asic]

    def missing(self, *features: str) -> set[str]:
        """Containers of these features (of all that are on) that do not run."""
        wanted = features or [name for name, row in self.features.items() if row.get("state") not in _OFF]
        return {c for feature in wanted for c in self.scopes(feature) if not self.runs(feature, c)}


def _table(rows: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {key.removeprefix("FEATURE|"): row for key, row in rows.items() if key.startswith("FEATURE|")}


Verdict = tuple[int, set[str]]
"""The exit code, and the containers that are said to be missing."""


def _judged(missing: set[str]) -> Verdict:
    return (3 if missing else 0), missing


def _noted(i: Inputs) -> set[str]:
    """Features that the recorded program took for running because STATE_DB notes some id."""
    return {name for name, row in i.state.items() if row.get("container_id") and i.features.get(name)}


def _elsewhere(i: Inputs) -> set[str]:
    """Features with a pod in a namespace that the recorded program does not look into."""
    return {
        c["labels"][NAME_LABEL]
        for c in i.containers
        if c.get("labels", {}).get(TYPE_LABEL) == "container" and c["labels"].get(NAMESPACE_LABEL) != "sonic"
    } & i.features.keys()


def _lower(i: Inputs) -> set[str]:
    scopes = ("has_global_scope", "has_per_asic_scope")
    return {n for n, row in i.features.items() if len(i.asics) > 1 and any(row.get(s) == "true" for s in scopes)}


def _special(i: Inputs) -> set[str]:
    return {f"databasedpu{n}" for n in range(64)} | {"database-chassis"}


RULES: Final[tuple[tuple[Callable[[Inputs], bool], Callable[[Inputs, Verdict], Verdict], str], ...]] = (
    (
        lambda i: not i.docker,
        lambda i, v: (7, set()),
        "who cannot ask Docker knows nothing: exit code 7, whatever container_id says",
    ),
    (
        lambda i: i.docker and not i.features,
        lambda i, v: (7, set()),
        "an empty FEATURE table is a reload under way, and nothing is known",
    ),
    (
        lambda i: i.docker and any("state" not in row for row in i.features.values()),
        lambda i, v: _judged(i.missing()),
        "a row without state does not end the check: the feature is expected, as with any other word",
    ),
    (
        lambda i: i.docker and "telemetry" in i.features and "gnmi" not in i.features and _falls_over_gnmi(i),
        lambda i, v: _judged(i.missing(*(i.features.keys() - {"telemetry"}))),
        "a missing row of gnmi does not end the check",
    ),
    (
        lambda i: i.docker and i.features.get("telemetry", {}).get("set_owner") == "kube",
        lambda i, v: _judged(
            v[1] | (i.missing("telemetry") if i.features["telemetry"].get("state") not in _OFF else set())
        ),
        "a telemetry that Kubernetes is to run is expected, be there an image of it on the switch or not",
    ),
    (
        lambda i: i.docker and bool(_noted(i) & {f for f in i.features if i.missing(f)}),
        lambda i, v: _judged(v[1] | i.missing(*(f for f in _noted(i) if i.features[f].get("state") not in _OFF))),
        "Docker's word alone: an id noted in STATE_DB hides no dead container",
    ),
    (
        lambda i: i.docker and bool(_elsewhere(i)),
        lambda i, v: _judged(v[1] - {f for f in _elsewhere(i) if i.runs(f, f)}),
        "a pod's container counts in whatever namespace it is: it is the one that serves",
    ),
    (
        lambda i: i.docker and bool(_lower(i)),
        lambda i, v: _judged(v[1] | i.missing(*_lower(i))),
        "`true` is true in either case, as everywhere in CONFIG_DB",
    ),
    (
        lambda i: i.docker and bool(i.platform.get("platform_env") or i.platform.get("platform_json")),
        lambda i, v: _judged(v[1] - _special(i)),
        "database-chassis and databasedpuN have no FEATURE row: they are not looked for",
    ),
    (
        lambda i: any(c["name"] in i.features and NAME_LABEL in c.get("labels", {}) for c in i.containers),
        lambda i, v: _judged(v[1] - {c["name"] for c in i.containers if c["state"] == "running"}),
        "the container of a feature's name is the one that its unit starts, whatever labels it has",
    ),
)


def _falls_over_gnmi(i: Inputs) -> bool:
    """Whether the recorded program falls over a telemetry whose image has gone, and looks for gnmi's row."""
    images = i.case.get("images", [])
    return "docker-sonic-telemetry" not in images and "docker-sonic-gnmi" in images


class Player(Replayer):
    """Keeps a redis-server from case to case."""

    together = 2
    compared = frozenset({"exit_code", "stdout", "missing", "not_ok", "ok"})
    left_out = {  # noqa: RUF012
        "docker_calls": "which questions are asked is no one's concern",
        "syslog": "no events are published (docs/monit.md)",
        "stderr_last_line": "in words of its own",
        "traceback": "in words of its own",
        "containers_with_critical_processes_known": "of service_checker, which is not played",
    }
    deliberate = (
        Deliberate(lambda case: case["program"] != PLAYED, ("program",), NOT_PLAYED),
        *(
            Deliberate(
                lambda case, applies=applies: case["program"] == PLAYED and applies(Inputs(case)),
                ("exit_code", "missing"),
                reason,
            )
            for applies, _, reason in RULES
        ),
    )

    def __init__(self) -> None:
        self._stage = Stage()

    def __exit__(self, *about: object) -> None:
        self._stage.__exit__(*about)

    def replay(self, case: Case) -> list[Difference]:
        if case["program"] != PLAYED:
            return [Difference("program", case["program"], None)]
        asics = int(case.get("platform", {}).get("num_asic", 1))
        if asics not in (1, 2):
            raise Unplayable(f"no switch with {asics} ASICs is here")
        with self._stage.program(case, ["service", "check"], asics=asics > 1) as program:
            if not program.ended(60):
                return [Difference("exit_code", case["result"]["exit_code"], None)]
            played = program.played()
        return judged(case, played.exit_code, played.stdout)


def judged(case: Case, exit_code: int | None, stdout: str) -> list[Difference]:
    """What differs from the recorded verdict; with `instead`, from the one that is meant to come here."""
    recorded = {"exit_code": case["result"]["exit_code"], "missing": sorted(case["result"].get("missing", []))}
    said = re.findall(f"^{SENTENCE}(.*)$", case["result"]["stdout"], re.MULTILINE)
    if sorted(name for line in said for name in line.split(", ")) != recorded["missing"]:
        raise Unplayable("what is missing is not what it said")
    found = [line.removeprefix(SENTENCE) for line in stdout.splitlines()[:1] if line.startswith(SENTENCE)]
    here: dict[str, Any] = {"exit_code": exit_code, "missing": sorted(n for line in found for n in line.split(", "))}
    code, missing = expected(case, (recorded["exit_code"], set(recorded["missing"])))
    meant = {"exit_code": code, "missing": sorted(missing)}
    if here != meant:
        return compare("instead" if meant != recorded else "verdict", meant, here)
    return [d for part in recorded for d in compare(part, recorded[part], here[part])]


def expected(case: Case, verdict: Verdict) -> Verdict:
    """The verdict that has to come here: the recorded one, as changed by every rule that applies."""
    inputs = Inputs(case)
    for applies, instead, _ in RULES:
        if applies(inputs):
            verdict = instead(inputs, verdict)
    return verdict
