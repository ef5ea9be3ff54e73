"""The product's check, and the sandbox's stand-in for container_checker, say what the recorded one said."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.images import HOST
from tests.recordings import checkers
from tests.recordings.checkers_meant import CONTAINER, SERVICE
from tests.recordings.play import Played, Stage
from tests.recordings.replay import Case, load, replay

RECORDING = load(str(Path(__file__).with_name("data") / "checkers.json"))
CASES = {case["id"]: case for case in RECORDING["cases"]}
OF_CONTAINERS = [case for case in CASES.values() if case["program"] == CONTAINER]
STAND_IN = HOST / "usr" / "bin" / "container_checker"

REASONS = [
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
    "acms, restapi and an otel without its image are expected, as container_checker does",
    "a program that supervisord has just started is alive",
    "the host's ps is asked, not supervisorctl: what is not alive is told though that says nothing",
    "a line of the list that names no program and no group is left out, and is no alarm",
]


def test_every_verdict_is_as_recorded_or_as_a_rule_says() -> None:
    outcomes = list(replay(RECORDING))
    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == 136
    as_recorded = [outcome for outcome in outcomes if not outcome.reasons]
    assert Counter(outcome.case["program"] for outcome in as_recorded) == {CONTAINER: 47, SERVICE: 49}


def test_what_is_meant_to_differ() -> None:
    assert [rule.reason for rule in checkers.Player.deliberate] == REASONS
    assert sorted(checkers.Player.left_out) == [
        "containers_with_critical_processes_known",
        "docker_calls",
        "ok",
        "stderr_last_line",
        "syslog",
        "traceback",
    ]


SAYS = checkers.SENTENCE


@pytest.mark.parametrize(
    ("id", "exit_code", "unwell", "right"),
    [
        ("checkers-009", 3, "snmp", True),
        ("checkers-009", 0, "", False),
        ("checkers-009", 3, "database snmp", False),
        ("checkers-051", 0, "", True),
        ("checkers-051", 3, "snmp", False),
        ("checkers-097", 3, "snmp", True),
        ("checkers-097", 0, "", False),
        ("checkers-145", 3, "lldp lldp0 lldp1", True),
        ("checkers-145", 3, "lldp0 lldp1 swss0", False),
        ("checkers-151", 0, "", True),
        ("checkers-151", 3, "lldp0 lldp1 swss0 swss1", False),
        ("checkers-167", 7, "", True),
        ("checkers-167", 0, "", False),
        ("checkers-010", 3, "snmp", True),
        ("checkers-010", 0, "snmp", False),
        ("checkers-179", 0, "", True),
        ("checkers-179", 3, "snmp", False),
        ("checkers-172", 3, "snmp:snmpd", True),
        ("checkers-172", 3, "snmp:snmpd snmp:snmp-subagent", False),
        ("checkers-178", 3, "snmp:b", True),
        ("checkers-178", 3, "snmp:b snmp:c", False),
        ("checkers-181", 3, "snmp:snmpd", False),
    ],
)
def test_a_rule_excuses_nothing_but_what_it_says(id: str, exit_code: int, unwell: str, right: bool) -> None:
    case = CASES[id]
    found = checkers.judged(case, (exit_code, set(unwell.split())))
    excused = [d for d in found if any(rule.excuses(case, d) for rule in checkers.Player.deliberate)]
    assert (len(excused) == len(found)) is right


@pytest.mark.parametrize(
    ("program", "stdout", "unwell"),
    [
        (CONTAINER, f"{SAYS}lldp, snmp\nsnmp: container snmp is exited\n", {"lldp", "snmp"}),
        (CONTAINER, "snmp: the local image serves: no pod has come yet\n", set()),
        (
            SERVICE,
            '{"features": [{"missing": ["lldp"], "missing_processes": [{"container": "snmp", "process": "snmpd"}]}]}',
            {"lldp", "snmp:snmpd"},
        ),
    ],
)
def test_what_the_product_says_is_read_rightly(program: str, stdout: str, unwell: set[str]) -> None:
    played = Played(3, stdout, "", [], {}, {})
    assert checkers.said({"program": program}, played) == (3, unwell)


def test_a_rule_looks_at_inputs_alone() -> None:
    for case in CASES.values():
        without = {**case, "id": "", "name": "", "group": "", "result": {}}
        applied = [rule.applies(case) for rule in checkers.Player.deliberate]
        assert [rule.applies(without) for rule in checkers.Player.deliberate] == applied


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as made:
        yield made


@pytest.mark.parametrize(
    "case", [case for case in OF_CONTAINERS if "platform" not in case], ids=lambda case: case["id"]
)
def test_the_stand_in_says_what_was_recorded(case: Case, stage: Stage) -> None:
    with stage.setting(case) as (_, environment):
        ran = subprocess.run([STAND_IN], env=environment, capture_output=True, text=True, timeout=60, check=False)
    said = [line.removeprefix(SAYS) for line in ran.stdout.splitlines() if line.startswith(SAYS)]
    missing = [name for line in said for name in line.split(", ")]
    assert (ran.returncode, missing) == (case["result"]["exit_code"], case["result"].get("missing", [])), ran.stderr


def test_what_the_stand_in_cannot_do() -> None:
    """Several ASICs and a chassis: the sandbox is a switch with one ASIC."""
    left_out = {case["group"] for case in OF_CONTAINERS if "platform" in case}
    assert left_out == {"two ASICs", "chassis and DPU"}
