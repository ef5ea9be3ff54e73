"""`system container` does what the host's script was recorded to do, or what a rule says instead, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import container
from tests.recordings.container_inputs import Inputs, chosen
from tests.recordings.container_meant import expected
from tests.recordings.replay import Outcome, load, replay

RECORDING = load(str(Path(__file__).with_name("data") / "container.json"))
CASES = {case["id"]: case for case in RECORDING["cases"]}


def test_every_case_is_as_recorded_or_as_a_rule_says() -> None:
    outcomes = list(replay(RECORDING))
    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == 253
    assert sum(as_recorded(outcome) for outcome in outcomes) == 41


def as_recorded(outcome: Outcome) -> bool:
    return not outcome.differences and not outcome.reasons


REASONS = [
    "set_owner is kubernetes only where it says `kube`: any other word is legacy, and wants no pod",
    "without a FEATURE row (a reload) nobody knows what is wanted: the local container starts where no pod is,"
    " or stops, and nothing is noted",
    "no pod is here, so that the local image serves at once; `connected` and remote_state are hearsay, and"
    " fallback is off only where no_fallback_to_local is `true`",
    "without fallback the row is made such that a gate announces itself over it",
    "a pod is here: the local container never starts beside it, the unit's `wait` lets the pod in or falls back",
    "Docker says what there is to stop, not container_id: the local container is stopped, and a pod that"
    " serves is restarted at its closed gate, so that the kubelet makes no other; running becomes `none`,"
    " because ctrmgrd starts again what says `stopped`",
    "kubernetes mode needs no ctrmgrd: a row that knows owners is written without it",
    "whatever remote_state said is over when nobody runs it, but for `stopped`",
    "who kills wants it dead, be it disabled and whatever the row says; a pod that serves is restarted at its"
    " closed gate, and the row says down, because nothing may come back in the middle of a reboot",
    "kubernetes mode needs no ctrmgrd: a row that knows owners is written without it",
    "by Docker, not by container_id, which goes stale; where there is no container, exit code 4",
    "it is the local container's life: it ends when that does, also where there is none, and a `pending` in"
    " the row is no reason to end; a row that does not say so is made to",
    "whether a pod serves is seen, not read; local and pod are never both there, and nobody has to wait for a"
    " time limit before the local image serves",
    "the local image serves until a pod is at its gate, and the row says so",
    "without Redis Docker's answer decides: a database that is down is no reason to fail a unit",
    "a failure has its exit code, 7; `wait` outlives a restart of Docker",
    "a failure has its exit code: 4 where there is no such container",
    "a failure has its exit code: 1 where Docker refuses",
    "`wait` outlives a Docker that refuses to answer",
    "an instance on an ASIC has the feature's row, in its ASIC's database, and no label: it cannot move",
    "legacy is wanted, and no pod is here: there is no label to drop",
    "by Docker, which cannot be asked: exit code 7",
    "a bare group shows its help, and ends with 0",
    "help is in words of its own",
    "`inspect` is a verb of ours",
]


def test_what_is_meant_to_differ() -> None:
    assert [rule.reason for rule in container.Player.deliberate] == REASONS
    assert sorted(container.Player.left_out) == ["after_s", "polls_at_s", "stderr_last_line", "syslog", "traceback"]


# What must not be excused, in a case that differs on purpose: the place, and the value that comes there.
WRONG: dict[str, tuple[str, tuple[str, ...], Any, str]] = {
    "a second owner": ("container-068", ("containers_after", "snmp"), "running", "instead.containers_after.snmp"),
    "stopped is not stopped": (
        "container-187",
        ("containers_after", "snmp"),
        "running",
        "instead.containers_after.snmp",
    ),
    "a pod goes on": ("container-156", ("actions",), [], "instead.actions[0]"),
    "stopped after the local one": (
        "container-208",
        ("actions",),
        [["stop", "snmp", "10", "up"]],
        "instead.actions[0][0]",
    ),
    "says stopped": ("container-156", ("rows_after", "FEATURE|snmp", "remote_state"), "stopped", "instead.rows_after"),
    "a ready is left": ("container-155", ("rows_after", "FEATURE|snmp", "remote_state"), "ready", "instead.rows_after"),
    "stays up": ("container-228", ("rows_after", "FEATURE|snmp", "system_state"), "up", "instead.rows_after"),
    "an id goes on": ("container-276", ("exit_code",), 0, "instead.exit_code"),
    "a unit fails without Redis": ("container-318", ("exit_code",), 1, "instead.exit_code"),
    "a failure that is none": ("container-315", ("exit_code",), 0, "instead.exit_code"),
    "a label too many": (
        "container-058",
        ("rows_after", "KUBE_LABELS|SET", "snmp_enabled"),
        "true",
        "instead.rows_after",
    ),
    "an ASIC's row at the host": (
        "container-307",
        ("rows_after", "FEATURE|lldp0"),
        {"system_state": "up"},
        "instead.rows_after.FEATURE|lldp0",
    ),
}


@pytest.mark.parametrize(("id", "place", "value", "shows"), WRONG.values(), ids=WRONG)
def test_a_rule_excuses_nothing_but_what_it_says(id: str, place: tuple[str, ...], value: Any, shows: str) -> None:
    case = CASES[id]
    recorded = container.recorded(case)
    here = copy.deepcopy(expected(case, recorded))
    here = {part: chosen(here[part], None) for part in here}
    assert container.judged(case, recorded, here) == [] or all(
        not d.part.startswith("instead") for d in container.judged(case, recorded, here)
    )
    at: Any = here
    for key in place[:-1]:
        at = at.setdefault(key, {})
    at[place[-1]] = value
    assert any(d.part.startswith(shows) for d in container.judged(case, recorded, here))


def test_a_rule_looks_at_inputs_alone() -> None:
    for case in CASES.values():
        without = {**case, "id": "", "name": "", "group": "", "result": {}}
        applied = [rule.applies(case) for rule in container.Player.deliberate]
        assert [rule.applies(without) for rule in container.Player.deliberate] == applied


def test_an_instance_of_an_asic_is_told_by_its_feature_s_row() -> None:
    asked = Inputs(CASES["container-307"])
    assert (asked.stem, asked.asic, Inputs(CASES["container-061"]).asic) == ("lldp", True, False)
