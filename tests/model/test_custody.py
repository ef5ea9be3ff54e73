"""The whole product of a handover's actors: never two owners, and from everywhere it comes into the right hands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from system_service.handover import keeper

from .custody import DOWN, Machine, TooMany, World, Wrong, explore, owners, settles
from .custody_mutants import BESIDE_CTRMGRD, MUTANTS
from .mutant import Mutant

# Worlds to begin with; `most` containers of pods at a time; `disasters`: kill -9 of ours, Redis emptied, a reboot. With
# both at their most there are five million states (CONTRIBUTING.md says how to search them).
ONE_POD = (World(disasters=1), 1)
TWO_PODS = (World(disasters=0), 2)
BESIDE = (World(disasters=0), 1)  # ctrmgrd
MUTANT_WORLDS = ((World(disasters=0), 1), (World(disasters=0), 2), (World(disasters=1), 1))


def calm(machine: Machine, every: int, had: int = 0) -> Callable[[World], None]:
    """A judge: of the first 3000 states each tenth, then one in `every` has to come to rest in the right hands, with a
    kubelet that delivers and with one that does not. Where no disaster was to be had (`had`), down is down."""
    count = 0

    def judge(world: World) -> None:
        nonlocal count
        count += 1
        if not world.disasters and not had and world.unit == DOWN and owners(world):
            raise Wrong(f"stopped, and it still runs: {world}")
        if count % (10 if count < 3000 else every) == 0:
            settles(machine, world, True)
            settles(machine, world, False)

    return judge


@pytest.mark.parametrize(("begin", "least"), [(ONE_POD, 1_000_000), (TWO_PODS, 500_000)], ids=["one pod", "two pods"])
def test_never_two_owners_and_always_the_right_one_in_the_end(begin: tuple[World, int], least: int) -> None:
    world, most = begin
    machine = Machine(keeper, most)
    states, edges = explore(machine, world, calm(machine, 500, world.disasters), 4_000_000)
    assert (states > least, edges > 4 * least) == (True, True), (states, edges)


def test_beside_ctrmgrd_it_is_the_right_one_in_the_end_and_the_unit_comes_to_rest() -> None:
    world, most = BESIDE
    machine = Machine(keeper, most, ctrmgrd=True)
    states, edges = explore(machine, world, calm(machine, 50), 4_000_000)
    assert (states > 10_000, edges > 40_000) == (True, True), (states, edges)


def test_without_fallback_it_is_a_pod_or_nobody() -> None:
    machine = Machine(keeper, 1)
    begin = World(fallback=False, local=False, disasters=0)

    def judge(world: World) -> None:
        if world.wants == "kube" and not world.local and not world.todo and not world.script:
            settles(machine, world, True)
            settles(machine, world, False)

    states, _ = explore(machine, begin, judge, 4_000_000)
    assert states > 10_000


@pytest.mark.parametrize("fallback", [False, True])
def test_what_exists_in_kubernetes_only_is_run_by_a_pod_or_nobody(fallback: bool) -> None:
    """Whatever the host's own commands write into its row: fallback, or the local owner."""
    machine = Machine(keeper, 1)
    begin = World(fallback=fallback, local=False, has_local=False, disasters=0)
    states, _ = explore(machine, begin, calm(machine, 500), 4_000_000)
    assert states > 10_000


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.what.replace(" ", "_") for m in MUTANTS])
def test_mutant_is_caught(mutant: Mutant) -> None:
    built = mutant.build(keeper)
    assert any(_caught(Machine(built, most), world) for world, most in MUTANT_WORLDS)


@pytest.mark.parametrize("mutant", BESIDE_CTRMGRD, ids=[m.what.replace(" ", "_") for m in BESIDE_CTRMGRD])
def test_mutant_beside_ctrmgrd_is_caught(mutant: Mutant) -> None:
    world, most = BESIDE
    assert _caught(Machine(mutant.build(keeper), most, ctrmgrd=True), world)


def _caught(machine: Machine, world: World) -> bool:
    try:
        explore(machine, world, calm(machine, 500, world.disasters), 100_000)
    except Wrong:
        return True
    except TooMany:
        pass
    return False
