"""Each statement of docs/security.md names a test that there is, or says that it has none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/security.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def statements(text: str) -> list[str]:
    return [" ".join(item.split()) for item in re.findall(r"^- (.*?)(?=\n\S|\n\n|\Z)", text, re.DOTALL | re.MULTILINE)]


def unproven(text: str) -> list[str]:
    """The statements without a test that exists, or a word on why there is none."""
    found = []
    for statement in statements(text):
        named = _NAMED.findall(statement)
        missing = [name for path, name in named if name not in names_in(path)]
        if missing or not (named or "No test" in statement):
            found.append(statement)
    return found


def names_in(path: str) -> set[str]:
    try:
        tree = ast.parse((ROOT / path).read_text())
    except FileNotFoundError:
        return set()
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_statement_has_its_test_or_says_that_it_has_none():
    text = PAGE.read_text()
    assert len(statements(text)) > 25
    assert unproven(text) == []


def test_a_statement_without_one_is_seen():
    assert unproven("- It is so.\n- (`tests/docs/test_security.py::nosuch`)\n- No test: why.\n") == [
        "It is so.",
        "(`tests/docs/test_security.py::nosuch`)",
    ]
    assert unproven("- (`tests/nosuch.py::test_it`)") == ["(`tests/nosuch.py::test_it`)"]
