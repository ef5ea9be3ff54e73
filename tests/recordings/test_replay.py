"""The frame: what differs is told, what is meant is excused and nothing else, and the exit code says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import replay
from tests.recordings.__main__ import main
from tests.recordings.replay import Deliberate, Difference, Replayer, Unplayable, compare, judged, load, player

DATA = Path(__file__).with_name("data")


def case(**result: Any) -> dict[str, Any]:
    return {"id": "one", "group": "some", "name": "a case", "result": result, "argv": ["start"]}


class Echo(Replayer):
    """Plays a program that always ends with 0 and says nothing."""

    together = 2
    compared = frozenset({"exit_code", "stdout"})
    left_out = {"syslog": "in its own words"}  # noqa: RUF012
    deliberate = (Deliberate(lambda case: case["argv"] == ["start"], ("stdout",), "it says nothing"),)

    def replay(self, case: dict[str, Any]) -> list[Difference]:
        if case["argv"] == ["unknown"]:
            raise Unplayable("no such verb")
        result = case["result"]
        return compare("exit_code", result["exit_code"], 0) + compare("stdout", result["stdout"], "")


def test_what_is_meant_is_excused_and_nothing_else() -> None:
    meant = judged(Echo(), case(exit_code=0, stdout="started"))
    assert (meant.differences, meant.reasons) == ([], ["it says nothing"])
    wrong = judged(Echo(), case(exit_code=1, stdout="started"))
    assert [str(d) for d in wrong.differences] == ["exit_code: recorded 1, here 0"]
    assert wrong.reasons == ["it says nothing"]
    other = judged(Echo(), case(exit_code=0, stdout="stopped") | {"argv": ["stop"]})
    assert [d.part for d in other.differences] == ["stdout"]
    assert other.reasons == []


def test_what_nobody_looks_at_is_a_difference() -> None:
    outcome = judged(Echo(), case(exit_code=0, stdout="", syslog=[], rows_after={}))
    assert outcome.differences == [Difference("rows_after", {}, "not looked at")]


def test_a_case_of_an_unknown_shape_is_a_difference() -> None:
    outcome = judged(Echo(), case(exit_code=0))
    assert outcome.differences == [Difference("case", "can be played", "KeyError: 'stdout'")]


def test_what_cannot_be_played_is_a_difference() -> None:
    outcome = judged(Echo(), case(exit_code=0, stdout="") | {"argv": ["unknown"]})
    assert outcome.differences == [Difference("case", "can be played", "no such verb")]


@pytest.mark.parametrize(
    ("recorded", "here", "parts"),
    [
        ({"a": "<now>"}, {"a": "2026-01-01 00:00:00"}, []),
        ({"a": "1"}, {"a": "2", "b": "3"}, ["x.a", "x.b"]),
        ([1, 2], [1], ["x[1]"]),
        ([1], [1, 2], ["x[1]"]),
        ([{"a": "1"}, 2], [{"a": "2"}, 3], ["x[0].a"]),
        (0, False, ["x"]),
        (None, "", ["x"]),
        ([], [], []),
    ],
)
def test_a_difference_names_its_place(recorded: object, here: object, parts: list[str]) -> None:
    assert [d.part for d in compare("x", recorded, here)] == parts


def write(tmp_path: Path, *cases: dict[str, Any], program: str = "echo") -> str:
    path = tmp_path / "recording.json"
    path.write_text(json.dumps({"program": program, "cases": cases}))
    return str(path)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "player", lambda program: Echo)


@pytest.mark.usefixtures("echo")
def test_the_last_line_counts_and_the_exit_code_says_whether_all_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same, meant = case(exit_code=0, stdout=""), case(exit_code=0, stdout="started")
    assert main([write(tmp_path, same, meant)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == ["1 differ as they are meant to", "1 of 2 cases as recorded"]
    assert main([write(tmp_path, same, case(exit_code=1, stdout=""))]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == ["one (some: a case)", "    exit_code: recorded 1, here 0", "1 of 2 cases as recorded"]


@pytest.mark.parametrize("content", ["", "[]", '{"cases": []}'])
def test_what_is_no_recording_ends_with_2(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert main([str(tmp_path / "absent")]) == 2


def test_a_program_that_nobody_plays_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([write(tmp_path, program="containerd")]) == 2
    assert "nothing here plays 'containerd'" in capsys.readouterr().err


def test_a_program_is_found_by_how_it_begins() -> None:
    assert player("container_startup.py").__module__ == "tests.recordings.gate"
    with pytest.raises(Unplayable):
        player("container_startup.pyc")


def test_no_case_was_lost() -> None:
    recordings = {path.name: load(str(path)) for path in DATA.glob("*.json")}
    assert {name: len(found["cases"]) for name, found in recordings.items()} == {
        "checkers.json": 136,
        "container.json": 253,
        "ctrmgrd.json": 249,
        "featured.json": 100,
        "gate.json": 134,
    }
    for found in recordings.values():
        assert any(found["program"].startswith(program) for program in replay.PLAYED)
