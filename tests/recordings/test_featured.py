"""The stand-in of featured does what the recorded one did, and its player notices where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import featured as stand_in
from tests.recordings import featured
from tests.recordings.replay import judged, load, replay

RECORDING = load(str(Path(__file__).with_name("data") / "featured.json"))
CASES = {case["id"]: case for case in RECORDING["cases"]}


def test_every_case_is_as_recorded() -> None:
    outcomes = list(replay(RECORDING))
    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == 100


def test_nothing_differs_on_purpose() -> None:
    assert featured.Player.deliberate == ()
    assert sorted(featured.Player.left_out) == ["syslog", "traceback"]


# What a wrong featured would do: one of its rules, what stands there instead, a case, and where it shows.
WRONG = {
    "excludes nobody": ("EXCLUDED", frozenset(), "featured-088", "steps[0].actions[2]"),
    "excludes by the very name": ("excluded", {"telemetry"}.__contains__, "featured-092", "steps[0].actions[2]"),
    "starts what is enabled": ("calls", lambda what, file: ("start",), "featured-015", "steps[0].actions[2]"),
    "gives up the ports early": ("PORT_TIMEOUT", 100, "featured-001", "steps[1].actions[0].after_s"),
    "gives up when enable fails": ("may_fail", lambda verb: verb == "start", "featured-023", "steps[1].actions[4]"),
    "lets a fixed state be changed": (
        "written_back",
        lambda known, found: False,
        "featured-037",
        "steps[1].actions[0]",
    ),
    "acts on the way to a fixed state": (
        "change",
        lambda known, state: "enable",
        "featured-035",
        "steps[1].actions[0]",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_featured_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, instead, case, part = WRONG[what]
    assert judged(featured.Player(), CASES[case]).differences == []
    monkeypatch.setattr(stand_in, rule, instead)
    assert judged(featured.Player(), CASES[case]).differences[0].part.startswith(part)


def changed(text: str, **answer: object) -> dict[str, object]:
    """Of case 33, in which snmp is disabled: the same with another answer of systemctl."""
    return {**CASES["featured-033"], "answers": [[text, answer]]}


def calls(case: dict[str, object]) -> list[str]:
    """What the stand-in told systemctl after the start in such a case, once each."""
    switch = featured.MemorySwitch(case)
    played = stand_in.Featured(switch)
    played.start()
    switch.take()
    switch.table("CONFIG_DB")["FEATURE|snmp"]["state"] = "disabled"
    played.row("snmp")
    return [" ".join(done["ran"][1:2]) for _, done in switch.take() if "ran" in done]


def test_a_start_under_way_is_waited_for_by_stop() -> None:
    asked = calls(changed("systemctl is-active snmp", out="activating\n", times=3))
    assert asked == ["show", *["is-active"] * 4, "stop", "disable", "mask", "show"]


def test_a_start_that_never_ends_is_waited_for_a_minute() -> None:
    asked = calls(changed("systemctl is-active snmp", out="activating\n"))
    assert asked == ["show", *["is-active"] * 60, "stop", "disable", "mask", "show"]


def test_an_unknown_step_of_an_event_is_said() -> None:
    case = dict(CASES["featured-033"])
    case["result"] = {**case["result"], "steps": [{"event": [{"what": "conjure", "database": "x"}], "actions": []}]}
    assert "conjure" in str(judged(featured.Player(), case))
