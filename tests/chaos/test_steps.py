"""The draw of a chaos run: reproducible, complete, and without what no switch could bear."""

from __future__ import annotations

from itertools import chain, islice
from random import Random

from tests.chaos.steps import AWAY, CLASHES, COMMANDS, MOST, STARTS, Bunch, Kind, Step, bunches, timeline


def drawn(seed: int, number: int = 400) -> list[Bunch]:
    return list(islice(bunches(Random(seed)), number))  # noqa: S311 - nothing secret


def test_the_same_seed_gives_the_same_steps() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_every_kind_of_step_occurs_and_says_what_it_is() -> None:
    steps = list(chain.from_iterable(drawn(1)))
    assert {step.kind for step in steps} == set(Kind)
    assert all(step.lines for step in steps if step.kind in COMMANDS)
    assert all(str(step).startswith(f"+{step.pause:g} s ") for step in steps)
    lines = {line for step in steps for line in step.lines}
    assert {"--no-wait" in line for line in lines} == {True, False}
    verbs = {line.split()[2] for line in lines if line.startswith("system service")}
    assert verbs == {"start", "stop", "restart", "enable", "disable"}
    modes = {"kubernetes" in line for line in lines if line.startswith("config feature mode")}
    assert modes == {True, False}


def test_a_bunch_asks_nothing_that_no_switch_could_bear() -> None:
    sizes = set()
    for bunch in drawn(2):
        kinds = [step.kind for step in bunch]
        sizes.add(len(bunch))
        assert not any(clash <= set(kinds) for clash in CLASHES)
        assert sum(kind in STARTS for kind in kinds) <= 2
        assert all(kinds.count(kind) <= 1 for kind in AWAY)
    assert sizes == set(range(1, MOST + 1))


def test_a_timeline_is_in_order_and_ends_with_the_last_step() -> None:
    killed = Step(Kind.API, 1.0, away=2.0)
    early, late = Step(Kind.PODS, 1.0, ("snmp",)), Step(Kind.PODS, 3.0, ("snmp",))
    assert [(event.at, event.back) for event in timeline((killed, early, late))] == [
        (1.0, False),
        (2.0, False),
        (3.0, True),
        (5.0, False),
    ]
    assert [event.back for event in timeline((killed, early))] == [False, False]
