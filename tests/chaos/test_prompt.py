"""What a chaos run holds against a command, whatever was done to the switch meanwhile."""

from __future__ import annotations

import pytest

from tests.chaos.prompt import Command

SENTENCE = "echo 'Error: it is so' >&2; echo 'Try: again' >&2; "


def ended(script: str, kill: float = 0.0) -> Command:
    command = Command("typed", kill, ["sh", "-c", script])
    command.end()
    return command


@pytest.mark.parametrize("script", ["exit 0", f"{SENTENCE} exit 6", f"{SENTENCE} exit 9"])
def test_a_documented_end_is_none(script: str) -> None:
    assert ended(script).faults() == []


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo 'Traceback (most recent call last):'; exit 0", "a traceback"),
        ("exit 1", "exit 1 without a sentence and a next step"),
        (f"{SENTENCE} exit 2", "exit 2"),
        (f"{SENTENCE} exit 143", "exit 143"),
    ],
)
def test_any_other_end_is_one(script: str, fault: str) -> None:
    (found,) = ended(script).faults()
    assert found.startswith(f"`typed`: {fault}: ")


def test_a_kill_is_held_against_nobody_who_was_to_be_killed() -> None:
    assert ended("kill -KILL $$", kill=0.1).faults() == []
    (found,) = ended("kill -KILL $$").faults()
    assert "not at its end" in found
