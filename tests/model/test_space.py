"""The planner over its whole state space. Counts are printed (`pytest -s`), and may not shrink unseen."""

from __future__ import annotations

import sys

import pytest

from system_service.domain.change import operate
from system_service.domain.change import plan as planner
from system_service.errors import SwitchError

from . import modes, spaces
from .explore import ROUNDS, Search
from .rules import DISABLE, ENABLE, VERBS
from .world import World, bare, snapshot, visible


@pytest.mark.parametrize(
    ("verb", "nodes", "edges", "plans"),
    [
        ("start", 300_000, 600_000, 900),
        ("stop", 300_000, 550_000, 2_000),
        ("restart", 300_000, 600_000, 950),
        ("enable", 600_000, 1_400_000, 1_500),
        ("disable", 400_000, 800_000, 1_600),
    ],
)
def test_every_run_of_a_verb_ends_as_asked_in_every_world(verb: str, nodes: int, edges: int, plans: int) -> None:
    worlds = list(spaces.single())
    found = Search(planner, verb).run(worlds)
    _say(f"{verb}: {len(worlds)} worlds, each for {spaces.UNREAD} values of what is not read: {_counts(found)}")
    assert len(worlds) >= 7_800
    assert found.nodes >= nodes
    assert found.edges >= edges
    assert len(found.plans) >= plans
    assert found.ends["reached"]
    assert found.ends.get("up", 0) == 0, "no run is given up: the rounds are enough"


@pytest.mark.parametrize("verb", VERBS)
def test_every_run_beside_a_featured_that_does_not_act_ends_as_asked(verb: str) -> None:
    worlds = list(spaces.beside())
    found = Search(planner, verb).run(worlds)
    _say(f"{verb}, beside featured: {len(worlds)} worlds: {_counts(found)}")
    assert len(worlds) >= 1_500
    assert found.nodes >= 10_000
    assert found.ends["reached"]


@pytest.mark.parametrize("verb", [ENABLE, DISABLE])
def test_every_run_beside_a_featured_still_at_the_state_before_ends_as_asked(verb: str) -> None:
    worlds = list(spaces.busy())
    found = Search(planner, verb).run(worlds, crash=False)
    _say(f"{verb}, featured at work: {len(worlds)} worlds: {_counts(found)}")
    assert len(worlds) >= 1_300
    assert found.nodes >= 10_000
    assert found.ends["reached"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_run_of_a_feature_with_two_instances_ends_as_asked(verb: str) -> None:
    worlds = list(spaces.double())
    found = Search(planner, verb).run(worlds)
    _say(f"{verb}, two instances: {len(worlds)} worlds: {_counts(found)}")
    assert len(worlds) >= 200
    assert found.nodes >= 10_000


@pytest.mark.parametrize("verb", VERBS)
def test_every_run_of_a_feature_in_kubernetes_only_ends_as_asked(verb: str) -> None:
    worlds = list(spaces.only())
    found = Search(planner, verb).run(worlds)
    _say(f"{verb}, kubernetes only: {len(worlds)} worlds: {_counts(found)}")
    assert len(worlds) >= 1_300
    assert found.nodes >= 5_000
    assert found.ends["reached"]


@pytest.mark.parametrize("verb", VERBS)
def test_plans_while_a_unit_reloads_keep_the_rules(verb: str) -> None:
    assert len(Search(planner, verb).look(spaces.reloading()).plans) >= 20


def test_rounds_of_the_model_are_those_of_the_command() -> None:
    assert operate._ROUNDS == ROUNDS


def test_plan_depends_on_nothing_that_the_bare_snapshot_leaves_out() -> None:
    worlds = {visible(world) for world in (*spaces.single(), *spaces.only())}
    assert len(worlds) >= 2_000
    for verb in VERBS:
        for world in worlds:
            assert _outcome(world, verb, bare(world)) == _outcome(world, verb, snapshot(world))


def test_change_of_mode_is_one_write_or_a_refusal_in_every_case() -> None:
    cases, made = len(modes.cases()), modes.check(planner)
    _say(f"mode: {cases} cases, {made} plans")
    assert cases >= 15_000
    assert made >= 20_000


def _say(line: str) -> None:
    sys.stdout.write(f"\n{line}\n")


def _counts(found: Search) -> str:
    return f"{len(found.plans)} plans, {found.nodes} moments, {found.edges} transitions, ends {found.ends}"


def _outcome(world: World, verb: str, shown: object) -> object:
    try:
        return planner.plan(shown, shown.features[0], planner.Request(planner.Verb(verb)))  # type: ignore[attr-defined, arg-type]
    except SwitchError as error:
        return type(error), str(error), error.resolution
