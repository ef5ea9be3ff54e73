"""What a chaos run expects of a feature, and how it tells what is otherwise."""

from __future__ import annotations

from tests.chaos.truth import Intent, concluded, differences, expected


def test_one_command_that_went_well_decides_and_all_else_is_asked_for_again() -> None:
    assert concluded(True, True, [], False) == (True, "")
    assert concluded(False, True, [], False) == (False, "")
    assert concluded(True, True, [("stop", 0)], False) == (False, "")
    assert concluded(False, True, [("restart", 0)], False) == (True, "")
    assert concluded(True, True, [("stop", 137)], False) == (True, "enable")
    assert concluded(True, False, [("disable", 137)], False) == (False, "disable")
    assert concluded(True, True, [("stop", 0), ("start", 0)], False) == (True, "enable")
    assert concluded(False, True, [], True) == (False, "stop")


def test_who_is_wanted_is_who_runs_it() -> None:
    told = expected("snmp", Intent("kubernetes", True, True, "v2"))
    assert (told["process"], told["label"], told["pod"]) == ("kube", "true", "v2")
    told = expected("snmp", Intent("legacy", True, True, "v2"))
    assert (told["process"], told["label"], told["container_id"]) == ("local", "none", "snmp")


def test_nobody_runs_what_is_down_and_only_a_disabled_one_is_no_alarm() -> None:
    for enabled, check in ((True, "3"), (False, "0")):
        told = expected("snmp", Intent("kubernetes", enabled, False, "v1"))
        assert (told["process"], told["label"], told["unit"], told["check"]) == ("none", "none", "inactive", check)


def test_what_differs_is_told_with_the_reason_that_is_given() -> None:
    wanted = {"process": "kube", "label": "true"}
    assert differences(wanted, {"process": "kube", "label": "true", "detail": "two pods claim it"}) == []
    found = differences(wanted, {"process": "local", "label": "true", "detail": "settling"})
    assert found == ["process: 'local', not 'kube'", "detail: settling"]
