"""Which worlds are looked at: all of them for one instance, fewer for two, fewer still for mutants.

Left out, because they cannot exist: featured without systemd (it is a unit); a unit file's state or a start count
without a unit; mode kubernetes without a `set_owner` field (it is that field). Start counts between none and all
arise on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from system_service.model.feature import AdminState
from system_service.model.snapshot import Run
from tests.fakes.featured import DISABLE, ENABLE

from .world import LIMIT, ONLY, Acting, Inst, World

STATES = tuple(s.value for s in AdminState)
RUNS = tuple(r.value for r in Run)
FILES = ("enabled", "disabled", "static", "masked")
PHASES = ("I", "P", "A", "F", "R", "D0", "D1", "D2", "D3", "D4", "FA", "FL")
# How many values of what `world.bare` leaves out each world stands for: (mode, owner field) 3, fallback 2, server 3,
# gate 2, ctrmgrd 2.
UNREAD = 3 * 2 * 3 * 2 * 2


def single(
    states: Sequence[str] = STATES,
    runs: Sequence[str] = RUNS,
    files: Sequence[str] = FILES,
    starts: Sequence[int] = (0, LIMIT),
) -> Iterator[World]:
    """Worlds of a feature with one instance."""
    for state, run in product(states, runs):
        for featured in (False, True):
            for phase, file, count in product(PHASES, files, starts):
                yield World(state, featured, (Inst(phase, count, file, run),))
            yield World(state, featured, (Inst("none", 0, "", run),))
        yield World(state, False, (Inst("nosys", 0, "", run),))


def beside(runs: Sequence[str] = RUNS, files: Sequence[str] = FILES, phases: Sequence[str] = PHASES) -> Iterator[World]:
    """Worlds in which featured is no help: it excludes the feature, or has failed before."""
    for state, other in (("enabled", "disabled"), ("disabled", "enabled")):
        for inst in (*(Inst(*unit) for unit in product(phases, (LIMIT,), files, runs)), Inst("none", 0, "", "exited")):
            yield World(state, True, (inst,), excluded=True)
            yield World(state, True, (inst,), known=other)


def busy(files: Sequence[str] = FILES, phases: Sequence[str] = PHASES) -> Iterator[World]:
    """Worlds in which featured has not come to the state that the row has, or is at it.

    A command that asks for the other one meets it there. Where that is killed after its write and given again at once,
    before featured has masked the unit, it may have to be given once more: no kill is looked at here. Nor is a paused
    container, which featured may stop while it is being thawed.
    """
    runs = [run for run in RUNS if run != "paused"]
    for state, other, what in (("enabled", "disabled", ENABLE), ("disabled", "enabled", DISABLE)):
        for unit in product(phases, (LIMIT,), files, runs):
            yield World(state, True, (Inst(*unit),), known=other, heard=True)
            yield World(state, True, (Inst(*unit),), known=other, acting=Acting(what))


def only(files: Sequence[str] = ("enabled", "disabled", "masked")) -> Iterator[World]:
    """Worlds of a feature that exists in Kubernetes only; its `wait` is ours (no F)."""
    for state, featured, run in product(STATES, (False, True), ONLY):
        for phase, file, count in product(PHASES, files, (0, LIMIT)):
            if phase != "F":
                yield World(state, featured, (Inst(phase, count, file, run),))
        yield World(state, featured, (Inst("none", 0, "", run),))
        if not featured:
            yield World(state, False, (Inst("nosys", 0, "", run),))


def reloading() -> Iterator[World]:
    """Worlds in which a unit reloads: none of ours does, so they are planned for and not explored."""
    for state, run, file, featured in product(STATES, RUNS, FILES, (False, True)):
        yield World(state, featured, (Inst("L", 0, file, run),))


def double(phases: Sequence[str] = ("I", "P", "A", "R")) -> Iterator[World]:
    """Worlds of a feature with two instances, one per ASIC."""
    units = [Inst(p, 0, "static", r) for p, r in product(phases, ("exited", "running"))]
    units.append(Inst("none", 0, "", "running"))
    for state, first, second in product(("enabled", "disabled"), units, units):
        yield World(state, False, (first, second))
    masked = [Inst(p, 0, "masked", r) for p, r in (("I", "exited"), ("A", "running"))]
    for state, featured, first, second in product(("enabled", "disabled"), (False, True), masked, masked + units[:4]):
        yield World(state, featured, (first, second))


def small() -> Iterator[World]:
    """Worlds enough to catch every mutant."""
    yield from single(
        ("enabled", "disabled"), ("exited", "running", "paused", "restarting"), ("static", "masked"), (LIMIT,)
    )
    yield from single(("enabled", "disabled"), ("absent", "exited"), ("disabled",), (LIMIT,))
    yield from only(("enabled", "masked"))
    yield from beside(("exited", "running"), ("enabled", "static", "masked"), ("I", "A"))
    yield from single(("always_enabled", "always_disabled", "unknown"), ("exited", "running"), ("masked",), (0,))
