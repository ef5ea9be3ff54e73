"""A check that passes whatever the planner does is none: every mutant has to be caught."""

from __future__ import annotations

import pytest

from system_service.domain.change import plan as planner

from . import modes, spaces
from .explore import Search, Wrong
from .mutant import Mutant
from .mutants import MUTANTS
from .rules import VERBS

WORLDS = tuple(spaces.small())


def _check(module: object) -> None:
    modes.check(module)
    for verb in VERBS:
        Search(module, verb).look(WORLDS)
    for verb in VERBS:
        Search(module, verb).run(WORLDS)


def test_planner_itself_passes_what_its_mutants_must_not() -> None:
    _check(planner)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.what.replace(" ", "_"))
def test_mutant_is_caught(mutant: Mutant) -> None:
    module = mutant.build(planner)
    with pytest.raises((Wrong, AttributeError)):
        _check(module)
