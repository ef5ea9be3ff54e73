"""The product's check, and the sandbox's stand-in for container_checker, say what the recorded one said."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.images import HOST
from tests.recordings import checkers
from tests.recordings.play import Stage
from tests.recordings.replay import Case, load, replay

RECORDING = load(str(Path(__file__).with_name("data") / "checkers.json"))
CASES = {case["id"]: case for case in RECORDING["cases"]}
PLAYED = [case for case in CASES.values() if case["program"] == checkers.PLAYED]
STAND_IN = HOST / "usr" / "bin" / "container_checker"

REASONS = [
    "not played: nothing here is in the place of system-health's service_checker, which is left as it is",
    "who cannot ask Docker knows nothing: exit code 7, whatever container_id says",
    "an empty FEATURE table is a reload under way, and nothing is known",
    "a row without state does not end the check: the feature is expected, as with any other word",
    "a missing row of gnmi does not end the check",
    "a telemetry that Kubernetes is to run is expected, be there an image of it on the switch or not",
    "Docker's word alone: an id noted in STATE_DB hides no dead container",
    "a pod's container counts in whatever namespace it is: it is the one that serves",
    "`true` is true in either case, as everywhere in CONFIG_DB",
    "database-chassis and databasedpuN have no FEATURE row: they are not looked for",
    "the container of a feature's name is the one that its unit starts, whatever labels it has",
]


def test_every_verdict_is_as_recorded_or_as_a_rule_says() -> None:
    outcomes = list(replay(RECORDING))
    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == 136
    not_played = [outcome for outcome in outcomes if checkers.NOT_PLAYED in outcome.reasons]
    assert {outcome.case["program"] for outcome in not_played} == {"service_checker"}
    as_recorded = [outcome for outcome in outcomes if not outcome.reasons]
    assert (len(as_recorded), len(not_played)) == (47, 73)


def test_what_is_meant_to_differ() -> None:
    assert [rule.reason for rule in checkers.Player.deliberate] == REASONS
    assert sorted(checkers.Player.left_out) == [
        "containers_with_critical_processes_known",
        "docker_calls",
        "stderr_last_line",
        "syslog",
        "traceback",
    ]


SAYS = checkers.SENTENCE


@pytest.mark.parametrize(
    ("id", "exit_code", "stdout", "right"),
    [
        ("checkers-009", 3, f"{SAYS}snmp\nsnmp: container snmp is exited\n", True),
        ("checkers-009", 0, "", False),
        ("checkers-009", 3, f"{SAYS}database, snmp\n", False),
        ("checkers-051", 0, "", True),
        ("checkers-051", 3, f"{SAYS}snmp\n", False),
        ("checkers-097", 3, f"{SAYS}snmp\n", True),
        ("checkers-097", 0, "", False),
        ("checkers-145", 3, f"{SAYS}lldp, lldp0, lldp1\n", True),
        ("checkers-145", 3, f"{SAYS}lldp0, lldp1, swss0\n", False),
        ("checkers-151", 0, "", True),
        ("checkers-151", 3, f"{SAYS}lldp0, lldp1, swss0, swss1\n", False),
        ("checkers-167", 7, "", True),
        ("checkers-167", 0, "", False),
    ],
)
def test_a_rule_excuses_nothing_but_what_it_says(id: str, exit_code: int, stdout: str, right: bool) -> None:
    case = CASES[id]
    found = checkers.judged(case, exit_code, stdout)
    excused = [d for d in found if any(rule.excuses(case, d) for rule in checkers.Player.deliberate)]
    assert (len(excused) == len(found)) is right


def test_a_rule_looks_at_inputs_alone() -> None:
    for case in CASES.values():
        without = {**case, "id": "", "name": "", "group": "", "result": {}}
        applied = [rule.applies(case) for rule in checkers.Player.deliberate]
        assert [rule.applies(without) for rule in checkers.Player.deliberate] == applied


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as made:
        yield made


@pytest.mark.parametrize("case", [case for case in PLAYED if "platform" not in case], ids=lambda case: case["id"])
def test_the_stand_in_says_what_was_recorded(case: Case, stage: Stage) -> None:
    with stage.setting(case) as (_, environment):
        ran = subprocess.run([STAND_IN], env=environment, capture_output=True, text=True, timeout=60, check=False)
    said = [line.removeprefix(SAYS) for line in ran.stdout.splitlines() if line.startswith(SAYS)]
    missing = [name for line in said for name in line.split(", ")]
    assert (ran.returncode, missing) == (case["result"]["exit_code"], case["result"].get("missing", [])), ran.stderr


def test_what_the_stand_in_cannot_do() -> None:
    """Several ASICs and a chassis: the sandbox is a switch with one ASIC."""
    left_out = {case["group"] for case in PLAYED if "platform" in case}
    assert left_out == {"two ASICs", "chassis and DPU"}
