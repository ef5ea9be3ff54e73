"""How soon a step is taken again."""

from __future__ import annotations

from system_service.handover.decide import RESTART_POD, START_LOCAL, STOP_POD, Step
from system_service.handover.pace import Pace


def pauses(pace: Pace, step: Step, times: int, failed: bool = False) -> list[float]:
    now, found = 1000.0, []
    for _ in range(times):
        (pace.failed if failed else pace.took)(step, now)
        due = pace.due(step, now)
        found.append(due - now)
        now = due
    return found


def test_a_step_that_leads_nowhere_is_put_off_longer_each_time() -> None:
    assert pauses(Pace(), Step(RESTART_POD, "a"), 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_so_is_one_that_is_refused() -> None:
    assert pauses(Pace(), Step(START_LOCAL), 8, failed=True) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_keeps_two_from_running_it_is_put_off_only_where_it_is_refused() -> None:
    pace, step = Pace(), Step(STOP_POD, "a", urgent=True)
    assert [due <= 0 for due in pauses(pace, step, 3)] == [True, True, True]
    assert pauses(pace, step, 3, failed=True) == [1, 2, 4]


def test_another_container_that_comes_back_each_time_does_not_begin_anew() -> None:
    """A kubelet makes a new one of another name for each that is stopped."""
    pace = Pace()
    assert [pauses(pace, Step(STOP_POD, id), 1) for id in "abc"] == [[1], [2], [4]]


def test_after_something_else_was_wanted_it_is_a_first_time_again() -> None:
    pace = Pace()
    pauses(pace, Step(RESTART_POD, "a"), 5)
    pace.begin_anew()
    assert pace.due(Step(RESTART_POD, "a"), 2000.0) == 0
