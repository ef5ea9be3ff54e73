"""The gate of the sandbox's images does what the recorded one did, and its player notices where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.recordings import gate
from tests.recordings.replay import load, replay

RECORDING = load(str(Path(__file__).with_name("data") / "gate.json"))
CASES = {case["id"]: case for case in RECORDING["cases"]}


def test_every_case_is_as_recorded() -> None:
    outcomes = list(replay(RECORDING))
    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == 134


def test_nothing_differs_on_purpose() -> None:
    assert gate.Player.deliberate == ()
    assert sorted(gate.Player.left_out) == ["after_s", "stderr_last_line", "traceback"]


# What a wrong gate would do: a line of the stand-in, what stands there instead, a case, and where it shows.
WRONG = {
    "pending with a time": (
        '{"remote_state": "pending"}',
        '{"remote_state": "pending", "update_time": self._now()}',
        ("gate-129", "writes[1].set.update_time"),
    ),
    "announces over an empty word": (
        'get("remote_state", "none")',
        'get("remote_state") or "none"',
        ("gate-015", "writes[1]"),
    ),
    "looks at once": (
        "        time.sleep(POLL)\n        step = gate.look(database.row(STATE_DB, gate.row))\n",
        "        step = gate.look(database.row(STATE_DB, gate.row))\n        time.sleep(POLL)\n",
        ("gate-129", "polls_at_s[0]"),
    ),
    "polls slowly": ("POLL = 2 ", "POLL = 3 ", ("gate-130", "polls_at_s[0]")),
    "polls in haste": ("POLL = 2 ", "POLL = 1.4 ", ("gate-179", "polls_at_s[0]")),
    "says once that it is frozen": ("REPEAT = 60", "REPEAT = 600", ("gate-178", "syslog[1]")),
    "label with case": ('.lower() == self.version.lower() != ""', " == self.version", ("gate-059", "ends")),
    "gives up a lost connection": (
        "except ConnectionError:\n            self",
        "except IndexError:\n            self",
        ("gate-160", "ends"),
    ),
    "row before label": (
        '(label, (self.row, self._runs("local", self.feature)))',
        '((self.row, self._runs("local", self.feature)), label)',
        ("gate-125", "writes[0].key"),
    ),
    "reads too much": (
        "        config = read",
        "        read(STATE_DB, LABELS)\n        config = read",
        ("gate-001", "reads[0]"),
    ),
    "looks at system_state again": (
        'if state.get("remote_state") == "ready"',
        'if state.get("system_state") == "up" and state.get("remote_state") == "ready"',
        ("gate-141", "ends"),
    ),
    "another reason first": (
        '        if config.get("set_owner", "local") == "local"',
        '        if state["system_state"] != "up":\n            return Step(FREEZES, reason=NOT_UP)\n'
        '        if config.get("set_owner", "local") == "local"',
        ("gate-107", "syslog[0]"),
    ),
}


@pytest.mark.parametrize(("right", "wrong", "shows"), WRONG.values(), ids=WRONG)
def test_a_gate_that_does_otherwise_is_noticed(
    right: str, wrong: str, shows: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = gate.PROGRAM.read_text()
    assert text.count(right) == 1
    mutant = tmp_path / "container_startup.py"
    mutant.write_text(text.replace(right, wrong))
    monkeypatch.setattr(gate, "PROGRAM", mutant)
    case, part = shows
    with gate.Player() as player:
        assert part in [difference.part for difference in player.replay(CASES[case])]


def test_redis_that_stays_silent_keeps_a_gate_waiting() -> None:
    """As recorded up to there, without the event that ends it."""
    case: dict[str, Any] = {**CASES["gate-162"], "events": CASES["gate-162"]["events"][:1]}
    row = {**case["database"]["STATE_DB"]["FEATURE|snmp"], "remote_state": "pending", "container_version": "1.0.1"}
    result = {**case["result"], "ends": "waits", "exit_code": None, "rows_after": {"FEATURE|snmp": row}}
    case["result"] = {**result, "writes": result["writes"][:2], "writes_at_s": [0.0, 0.0], "polls_at_s": [2.1]}
    with gate.Player() as player:
        assert player.replay(case) == []
        assert player.replay(CASES["gate-129"]) == []


def test_a_container_of_the_systemd_driver_records_what_is_cut_off() -> None:
    case: dict[str, Any] = {**CASES["gate-117"], "cgroup": "v1-systemd"}
    opened = {**case["result"]["writes"][2]["set"], "container_id": "docker-0a1b2"}
    writes = [*case["result"]["writes"][:2], {**case["result"]["writes"][2], "set": opened}]
    row = {**case["result"]["rows_after"]["FEATURE|snmp"], "container_id": "docker-0a1b2"}
    case["result"] = {**case["result"], "writes": writes, "rows_after": {"FEATURE|snmp": row}}
    with gate.Player() as player:
        assert player.replay(case) == []
