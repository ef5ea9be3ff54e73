"""The product of a handover's actors: never two owners, and from everywhere it comes into the right hands."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from system_service.handover import reconciler

from .custody import explore
from .custody_keeper import Machine
from .custody_mutants import BESIDE_CTRMGRD, MUTANTS, OF_ONE_MAKER
from .custody_rest import DELIVERS, NOTHING, SAME_VERSION, TWO_CLAIM, settles
from .custody_world import DOWN, FIRST, NEW, OPEN, WAITS, Pod, World, Wrong, owners
from .mutant import Mutant

# Worlds to begin with; `most` containers of pods at a time; `disasters` that may come. The spaces are larger than this:
# of the first two, the states that are nearest to the beginning (CONTRIBUTING.md says how to search more of them).
ONE_POD = (World(disasters=1), 1)
TWO_PODS = (World(disasters=0), 2)
UNMADE = World(local=False, has_local=False, named="", disasters=0)
ALONE = World(disasters=0)
LINGERING = World(disasters=0, lingers=True)
SERVED = World(
    remote="running", version=NEW, named=FIRST, local=False, pods=(Pod(FIRST, OPEN, served=True),), disasters=1
)

MUTANT_WORLDS: tuple[tuple[World, dict[str, Any]], ...] = (
    (LINGERING, {"most": 1}),
    (ALONE, {"most": 2}),
    (World(disasters=1), {"most": 1}),
    (UNMADE, {"most": 1, "can_create_local": True}),
    (SERVED, {"most": 2}),
)


def calm(machine: Machine, every: int, had: int = 0) -> Callable[[World], None]:
    """A judge: of the first 3000 states each tenth, then one in `every` has to come to rest in the right hands,
    whatever the kubelet does. Where no disaster was to be had (`had`), down is down."""
    kubelets = (DELIVERS, NOTHING, SAME_VERSION, *([TWO_CLAIM] if machine.most > 1 else []))
    count = 0

    def judge(world: World) -> None:
        nonlocal count
        count += 1
        if not world.disasters and not had and world.unit == DOWN and owners(world):
            raise Wrong(f"stopped, and it still runs: {world}")
        if count % (10 if count < 3000 else every) == 0:
            for kubelet in kubelets:
                settles(machine, world, kubelet)

    return judge


@pytest.mark.parametrize(("begin", "most"), [(ONE_POD, 1_000_000), (TWO_PODS, 500_000)], ids=["one pod", "two pods"])
def test_never_two_owners_and_always_the_right_one_in_the_end(begin: tuple[World, int], most: int) -> None:
    world, pods = begin
    machine = Machine(reconciler, pods)
    states, edges = explore(machine, world, calm(machine, 1000, world.disasters), most)
    assert (states >= most, edges > 3 * most) == (True, True), (states, edges)


@pytest.mark.parametrize(
    ("world", "settings"),
    [
        (LINGERING, {}),
        (ALONE, {"ctrmgrd": True}),
        (ALONE._replace(remote="stopped", named="", local=False), {"ctrmgrd": True}),
        (ALONE, {"most": 2, "one_maker": True}),
        (SERVED, {"most": 2}),
        (SERVED, {"most": 2, "one_maker": True}),
        (ALONE, {"lists": False}),
        (World(fallback=False, local=False, disasters=0), {}),
        (UNMADE, {"can_create_local": False}),
        (UNMADE, {"can_create_local": True}),
        (UNMADE, {"can_create_local": None}),
        (UNMADE._replace(fallback=False), {"can_create_local": False}),
    ],
    ids=[
        "a gate's program lingers",
        "beside ctrmgrd",
        "stopped by the host's script",
        "two pods of one DaemonSet",
        "a stranger beside two pods",
        "a stranger beside two pods of one DaemonSet",
        "images that list no processes",
        "no fallback",
        "in Kubernetes only",
        "the script makes it",
        "nobody knows whether the script makes it",
        "in Kubernetes only, no fallback",
    ],
)
def test_it_is_the_right_one_in_the_end(world: World, settings: dict[str, Any]) -> None:
    machine = Machine(reconciler, **{"most": 1, **settings})
    states, edges = explore(machine, world, calm(machine, 200, world.disasters), 20_000)
    assert (states >= 20_000, edges > 3 * 20_000) == (True, True), (states, edges)


def test_no_time_in_a_row_or_of_docker_s_has_a_say() -> None:
    worlds = [
        World(
            remote=remote,
            version=version,
            local=local,
            pods=(Pod(FIRST, stage, spoke=spoke, heard=spoke, served=served),),
        )
        for remote, version in (("none", "1"), ("pending", "2"), ("ready", "2"), ("running", "2"))
        for local in (False, True)
        for stage, served in ((WAITS, False), (OPEN, False), (OPEN, True))
        for spoke in (False, True)
    ]
    plain = Machine(reconciler)
    for text in ("2099-12-31 23:59:59", "1970-01-01 00:00:00", "2026-10-25 02:30:00", "nonsense"):
        other = Machine(reconciler, update_time=text, started_at=text.replace(" ", "T"))
        for world in worlds:
            assert set(other.plans(world)) == set(plain.plans(world))
            assert other.booking(world) == plain.booking(world)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.what.replace(" ", "_") for m in MUTANTS])
def test_mutant_is_caught(mutant: Mutant) -> None:
    built = mutant.build(reconciler)
    # Near the beginning first, in every world: that is enough for most.
    places = [(world, settings, states) for states in (4_000, 40_000) for world, settings in MUTANT_WORLDS]
    assert any(_caught(built, *place) for place in places)


@pytest.mark.parametrize("mutant", OF_ONE_MAKER, ids=[m.what.replace(" ", "_") for m in OF_ONE_MAKER])
def test_mutant_with_two_pods_of_one_maker_is_caught(mutant: Mutant) -> None:
    assert _caught(mutant.build(reconciler), ALONE, {"most": 2, "one_maker": True})


@pytest.mark.parametrize("mutant", BESIDE_CTRMGRD, ids=[m.what.replace(" ", "_") for m in BESIDE_CTRMGRD])
def test_mutant_beside_ctrmgrd_is_caught(mutant: Mutant) -> None:
    assert _caught(mutant.build(reconciler), ALONE, {"most": 1, "ctrmgrd": True})


def _caught(built: ModuleType, world: World, settings: dict[str, Any], states: int = 40_000) -> bool:
    machine = Machine(built, **settings)
    try:
        explore(machine, world, calm(machine, 300, world.disasters), states)
    except Wrong:
        return True
    return False
