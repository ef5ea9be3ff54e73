"""The sentences that the product can say, read from its source: those of its errors, by kind, and the reasons for which
a feature is not as wanted. Where a sentence is filled in, it has `...`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from system_service import errors

ROOT = Path(__file__).parents[2]
PACKAGES = ("config_kube", "show_kube", "system_service")
KINDS = {
    name: cls.kind
    for name, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.SwitchError) and cls is not errors.SwitchError
}
"""Error class -> kind."""
GAP = "..."
# Functions that return a reason, and how many letters of its own make a sentence rather than a wrapping.
_REASONS = {
    "system_service/domain/status/condition.py": ("sentence", "_not_installed"),
    "system_service/domain/status/waiting_for.py": ("awaited", "why_not_kube", "_at_its_gate"),
    "system_service/domain/change/plan_mode.py": ("why_no_cluster",),
    "system_service/model/kube_server.py": ("why_no_server",),
    "system_service/backends/pod_diagnosis.py": ("_reason", "_creating", "_no_pod"),
}
_NOTED = ("died", "fell")
"""Methods that are given a reason for those who look later."""
_STEP = "START_LOCAL"
"""The step of a handover whose `why` is kept, where kubernetes is wanted."""
_CONSTANTS = {
    "system_service/handover/decide.py": ("NO_LOCAL",),
    "system_service/model/handover_reasons.py": ("SAME_VERSION", "FROZEN", "TWO_PODS", "SETTLING"),
}
_LETTERS = 8


def errors_said() -> dict[str, set[str]]:
    """Kind -> sentences of the errors that are raised, or made to be told."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS.values()}
    for _, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (kind := KINDS.get(_name(node.func))):
                # Interrupted has the signal's number first.
                arguments = [a for a in node.args if not _is_number(a)]
                found[kind] |= {text for a in arguments[:1] for text in _texts(a) if _speaks(text)}
    return found


def steps_told() -> set[str]:
    """What errors tell to try next."""
    found: set[str] = set()
    for _, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in KINDS:
                found |= {text for argument in node.args[1:] for text in _texts(argument) if _speaks(text)}
    return found


def reasons_said() -> set[str]:
    """Sentences of the column Detail."""
    found: set[str] = set()
    for path, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name in _REASONS.get(path, ()):
                returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None]
                found |= {text for value in returned for text in _texts(_first(value))}
            if isinstance(node, ast.Call) and _name(node.func) in _NOTED:
                found |= {text for argument in node.args for text in _texts(argument)}
            if isinstance(node, ast.Call) and _name(node.func) == "note":
                found |= {
                    text for keyword in node.keywords if keyword.arg == "reason" for text in _texts(keyword.value)
                }
            if isinstance(node, ast.Call) and node.args and _name(node.args[0]) == _STEP:
                found |= {text for keyword in node.keywords for text in _texts(keyword.value)}
            if isinstance(node, ast.Assign) and _name(node.targets[0]) in _CONSTANTS.get(path, ()):
                found |= set(_texts(node.value))
    return {text for text in found if _speaks(text)}


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def _texts(node: ast.expr) -> Iterator[str]:
    """Every sentence an expression can be, gaps for what is filled in; nothing for one that is not written here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)
    elif isinstance(node, ast.BinOp):
        yield from _texts(node.left)


def _first(value: ast.expr) -> ast.expr:
    """Of a reason and its next step, the reason."""
    return value.elts[0] if isinstance(value, ast.Tuple) else value


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute | ast.Name) and _name(node) in ("number", "_SIGINT")


def _speaks(text: str) -> bool:
    return sum(letter.isalpha() for letter in text.replace(GAP, "")) >= _LETTERS
