"""What the SNMP client of the demo and the bench says it saw: how many answers were lost, and how long nobody spoke."""

from __future__ import annotations

import pytest

from sandbox.poller import Record


def record(answers: str) -> Record:
    """One question a second, from second 0: `y` was answered, `n` was not."""
    return Record([(float(second), answer == "y") for second, answer in enumerate(answers)])


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [
        ("", 0),
        ("yyyy", 0),
        ("yynyy", 2),
        ("yynnnyy", 4),
        ("ynyynny", 3),
        ("ynnnyny", 4),
        ("yynn", 2),  # open: nobody has answered yet
        ("ynyynnn", 3),
        ("nny", 2),  # nothing is known of the time before
        ("nnn", 2),
    ],
)
def test_silence_is_from_answer_to_answer_or_still_open(answers: str, seconds: float) -> None:
    assert record(answers).silence() == seconds


def test_scenes_share_no_question_and_lose_none() -> None:
    whole = record("yynnynyy")
    scenes = [whole.part(0, 4), whole.part(4, 8)]
    assert [(scene.asked(), scene.lost()) for scene in scenes] == [(4, 2), (4, 1)]
    assert whole.lost() == sum(scene.lost() for scene in scenes)


def test_a_part_knows_the_answer_before_it() -> None:
    assert record("yynny").part(2).silence() == 3
    assert record("yynny").part(2).asked() == 3


@pytest.mark.parametrize(
    ("answers", "steady"), [("yyyyy", True), ("nyyyyy", True), ("yyyy", False), ("yyynyy", False), ("", False)]
)
def test_steady_is_a_row_of_answers(answers: str, steady: bool) -> None:
    assert record(answers).steady() is steady


@pytest.mark.parametrize(
    ("answers", "silences"),
    [("", []), ("yyy", []), ("yynnyny", [(1, 4), (4, 6)]), ("yynn", []), ("nny", [])],
)
def test_each_silence_has_a_beginning_and_an_end(answers: str, silences: list[tuple[float, float]]) -> None:
    assert record(answers).silences() == silences
