"""Every failure has a next step: no error can be made without one, and nobody makes one with an empty one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from system_service import errors

ROOT = Path(__file__).parents[1]
CLASSES = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.SwitchError)
}


@pytest.mark.parametrize("name", CLASSES)
def test_none_is_made_without_a_next_step(name):
    every = inspect.signature(CLASSES[name]).parameters.values()
    parameters = [parameter for parameter in every if parameter.default is inspect.Parameter.empty]
    assert [p.name for p in parameters][-2:] == ["message", "resolution"]
    words = ("it does not work", "do it otherwise")
    made = CLASSES[name](15, *words) if len(parameters) == 3 else CLASSES[name](*words)
    assert (str(made), made.resolution) == words
    assert made.exit_code > 0


def test_none_is_raised_with_an_empty_one():
    made = list(places())
    assert len(made) > 100, "the search finds what it is for"
    assert {name for _, name, _ in made} == set(CLASSES) - {"SwitchError"}
    assert [
        place for place, _, step in made if step is None or (isinstance(step, ast.Constant) and not step.value)
    ] == []


def places() -> Iterator[tuple[str, str, ast.expr | None]]:
    """Where an error is made, of which class, and its last argument, if it has more than a message."""
    for package in ("show_kube", "config_kube", "system_service"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
                    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                    least = 3 if node.func.id == "Interrupted" else 2
                    spread = any(isinstance(argument, ast.Starred) for argument in arguments)
                    step = arguments[-1] if spread or len(arguments) >= least else None
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, step
