"""Where the product's check means to differ from the recorded checkers, by a case's inputs, and what has to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.recordings.play import NAME_LABEL, NAMESPACE_LABEL, TYPE_LABEL, critical, supervised
from tests.recordings.replay import Case

CONTAINER: Final = "container_checker"
SERVICE: Final = "service_checker"
BOTH: Final = (CONTAINER, SERVICE)
_OFF: Final = ("disabled", "always_disabled")
_OVERLOOKED: Final = ("acms", "otel", "restapi")
"""Features that the recorded service_checker does not look for, the one in the middle where its image is not here."""


class Inputs:
    """What a case begins with, in the words of the rules."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.processes = case["program"] == SERVICE
        database = case.get("database") or {}
        self.features = _table(database.get("CONFIG_DB", {}))
        self.state = _table(database.get("STATE_DB", {}))
        self.containers = case.get("containers") or []
        self.platform = case.get("platform", {})
        self.asics = range(int(self.platform.get("num_asic", 1)))
        self.docker = case.get("docker") != "missing"

    def runners(self, feature: str, name: str) -> list[Case]:
        """Running containers, by Docker alone: one of this name, and those of a pod of the feature."""
        pod = {NAME_LABEL: feature, TYPE_LABEL: "container"}
        return [
            c
            for c in self.containers
            if c["state"] == "running"
            and (c["name"] == name or (name == feature and pod.items() <= c.get("labels", {}).items()))
        ]

    def runs(self, feature: str, name: str) -> bool:
        """Whether there is one."""
        return bool(self.runners(feature, name))

    def scopes(self, feature: str) -> list[str]:
        """The containers that the product expects of a feature that is on."""
        row = self.features[feature]
        if len(self.asics) == 1:
            return [feature]
        found = [feature] if row.get("has_global_scope", "True").lower() == "true" else []
        per_asic = row.get("has_per_asic_scope", "False").lower() == "true"
        return found + [f"{feature}{asic}" for asic in self.asics if per_asic]

    def missing(self, *features: str) -> set[str]:
        """What is not well of these features (of all that are on): containers that do not run, and `container:process`.

        Processes are service_checker's alone.
        """
        names = [name for name in features or self.features if self.features[name].get("state") not in _OFF]
        places = [(name, scope) for name in names for scope in self.scopes(name)]
        found = {scope for name, scope in places if not self.runs(name, scope)}
        if self.processes:
            found |= {f"{scope}:{process}" for name, scope in places for process in self._dead(name, scope)}
        return found

    def _dead(self, feature: str, scope: str) -> set[str]:
        for container in self.runners(feature, scope)[:1]:
            runs = {name for _, name, state in supervised(container) if state in ("RUNNING", "STARTING")}
            return critical(container) - runs
        return set()


def _table(rows: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {key.removeprefix("FEATURE|"): row for key, row in rows.items() if key.startswith("FEATURE|")}


Verdict = tuple[int, set[str]]
"""The exit code, and what is said not to be well: containers, and of service_checker `container:process` as well."""


class Rule(NamedTuple):
    """A difference that is meant, from these recorded programs; `instead` makes the verdict that has to come."""

    programs: tuple[str, ...]
    applies: Callable[[Inputs], bool]
    instead: Callable[[Inputs, Verdict], Verdict]
    reason: str

    def meant(self, case: Case) -> bool:
        """Whether it changes this case's verdict."""
        inputs = Inputs(case)
        return case["program"] in self.programs and (inputs.docker or self is RULES[0]) and self.applies(inputs)


def _judged(missing: set[str]) -> Verdict:
    return (3 if missing else 0), missing


def _noted(i: Inputs) -> set[str]:
    """Features that the recorded program took for running because STATE_DB notes some id."""
    return {name for name, row in i.state.items() if row.get("container_id") and i.features.get(name)}


def _elsewhere(i: Inputs) -> set[str]:
    """Features with a pod that the recorded program does not look at: service_checker at none."""
    return {
        c["labels"][NAME_LABEL]
        for c in i.containers
        if c.get("labels", {}).get(TYPE_LABEL) == "container"
        and (i.processes or c["labels"].get(NAMESPACE_LABEL) != "sonic")
    } & i.features.keys()


def _lower(i: Inputs) -> set[str]:
    scopes = ("has_global_scope", "has_per_asic_scope")
    return {n for n, row in i.features.items() if len(i.asics) > 1 and any(row.get(s) == "true" for s in scopes)}


def _special(i: Inputs) -> set[str]:
    return {f"databasedpu{n}" for n in range(64)} | {"database-chassis"}


def _falls_over_gnmi(i: Inputs) -> bool:
    """Whether the recorded program falls over a telemetry whose image has gone, and looks for gnmi's row."""
    images = i.case.get("images", [])
    return "docker-sonic-telemetry" not in images and "docker-sonic-gnmi" in images


def _overlooked(i: Inputs) -> set[str]:
    return {name for name in _OVERLOOKED if name in i.features}


def _with(state: str) -> Callable[[Inputs], set[str]]:
    """`container:process` of the programs in this state."""

    def found(i: Inputs) -> set[str]:
        return {f"{c['name']}:{name}" for c in i.containers for _, name, said in supervised(c) if said == state}

    return found


_starting = _with("STARTING")


def _silent(i: Inputs) -> set[str]:
    """Critical processes of containers whose supervisorctl says nothing."""
    return {f"{c['name']}:{p}" for c in i.containers if c.get("supervisor") == "" for p in critical(c)}


def _wrong_list(i: Inputs) -> set[str]:
    """Containers whose list of critical processes has a line that is none."""
    lines = {c["name"]: (c.get("critical") or "").split() for c in i.containers}
    return {name for name, said in lines.items() if any(not line.startswith(("program:", "group:")) for line in said)}


RULES: Final = (
    Rule(
        BOTH,
        lambda i: not i.docker,
        lambda i, v: (7, set()),
        "who cannot ask Docker knows nothing: exit code 7, whatever container_id says",
    ),
    Rule(
        BOTH,
        lambda i: not i.features,
        lambda i, v: (7, set()),
        "an empty FEATURE table is a reload under way, and nothing is known",
    ),
    Rule(
        BOTH,
        lambda i: any("state" not in row for row in i.features.values()),
        lambda i, v: _judged(i.missing()),
        "a row without state does not end the check: the feature is expected, as with any other word",
    ),
    Rule(
        BOTH,
        lambda i: "telemetry" in i.features and "gnmi" not in i.features and _falls_over_gnmi(i),
        lambda i, v: _judged(i.missing(*(i.features.keys() - {"telemetry"}))),
        "a missing row of gnmi does not end the check",
    ),
    Rule(
        BOTH,
        lambda i: i.features.get("telemetry", {}).get("set_owner") == "kube",
        lambda i, v: _judged(v[1] | i.missing("telemetry")),
        "a telemetry that Kubernetes is to run is expected, be there an image of it on the switch or not",
    ),
    Rule(
        (CONTAINER,),
        lambda i: bool(_noted(i) & {f for f in i.features if i.missing(f)}),
        lambda i, v: _judged(v[1] | {name for f in _noted(i) for name in i.missing(f)}),
        "Docker's word alone: an id noted in STATE_DB hides no dead container",
    ),
    Rule(
        BOTH,
        lambda i: bool(_elsewhere(i)),
        lambda i, v: _judged(v[1] - {f for f in _elsewhere(i) if i.runs(f, f)}),
        "a pod's container counts in whatever namespace it is: it is the one that serves",
    ),
    Rule(
        BOTH,
        lambda i: bool(_lower(i)),
        lambda i, v: _judged(v[1] | i.missing(*_lower(i))),
        "`true` is true in either case, as everywhere in CONFIG_DB",
    ),
    Rule(
        BOTH,
        lambda i: bool(i.platform.get("platform_env") or i.platform.get("platform_json")),
        lambda i, v: _judged(v[1] - _special(i)),
        "database-chassis and databasedpuN have no FEATURE row: they are not looked for",
    ),
    Rule(
        BOTH,
        lambda i: any(c["name"] in i.features and NAME_LABEL in c.get("labels", {}) for c in i.containers),
        lambda i, v: _judged(v[1] - {c["name"] for c in i.containers if c["state"] == "running"}),
        "the container of a feature's name is the one that its unit starts, whatever labels it has",
    ),
    Rule(
        (SERVICE,),
        lambda i: bool(_overlooked(i)),
        lambda i, v: _judged(v[1] | {name for f in _overlooked(i) for name in i.missing(f)}),
        "acms, restapi and an otel without its image are expected, as container_checker does",
    ),
    Rule(
        (SERVICE,),
        lambda i: bool(_starting(i)),
        lambda i, v: _judged(v[1] - _starting(i)),
        "a program that supervisord has just started is alive",
    ),
    Rule(
        (SERVICE,),
        lambda i: bool(_silent(i)),
        lambda i, v: _judged(v[1] | _silent(i)),
        "the host's ps is asked, not supervisorctl: what is not alive is told though that says nothing",
    ),
    Rule(
        (SERVICE,),
        lambda i: bool(_wrong_list(i)),
        lambda i, v: _judged(v[1] - _wrong_list(i)),
        "a line of the list that names no program and no group is left out, and is no alarm",
    ),
)


def expected(case: Case, verdict: Verdict) -> Verdict:
    """The verdict that has to come here: the recorded one, as changed by every rule that applies."""
    inputs = Inputs(case)
    for rule in RULES:
        if rule.meant(case):
            verdict = rule.instead(inputs, verdict)
    return verdict
