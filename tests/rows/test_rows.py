"""No row and no answer of Docker's takes a command that looks down: 10^4 rows; `python -m tests.rows` takes 10^6."""

from __future__ import annotations

import time

import pytest

from system_service.domain.monit import handing_over as transit
from system_service.domain.status import report
from system_service.model.clock import docker_time, number
from tests.rows.__main__ import main
from tests.rows.anything import ROWS, judge

_COUNT = 10_000


@pytest.fixture(autouse=True)
def _nobody_is_waited_for(monkeypatch):
    """Whether somebody takes the next step of a handover is looked for once."""
    monkeypatch.setattr(transit, "_BETWEEN", 0.0)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_whatever_is_answered_it_is_told_in_sentences(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for seed in range(_COUNT // ROWS // 3 + 1):
            judge(seed, str(tmp_path))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_sentence_is_found(capsys, monkeypatch):
    def broken(moment: float) -> str:
        raise ValueError("year 33658 is out of range")

    monkeypatch.setattr(report, "stamp", broken)
    assert main(1000) == 1
    assert "year 33658" in capsys.readouterr().out


@pytest.mark.parametrize("parse", [docker_time, number])
@pytest.mark.parametrize(
    "text",
    [
        *("9" * 400, f"{'9' * 400}-01-01T00:00:00Z", "nan", "inf", "-1", "soon"),
        *("2026-99-99T99:99:99Z", "2026-11-22T10:00:nanZ", "999999999999", "0001-01-01T00:00:00Z", "\u0663" * 9),
    ],
)
def test_every_moment_has_a_place_in_the_calendar(parse, text):
    found = parse(text)
    assert 0.0 <= found < 253_402_300_800  # the year 10000
    assert found == 0.0 or found == number("\u0663" * 9)
