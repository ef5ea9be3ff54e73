"""Which folders import which: drawn in docs/architecture.md, from the imports themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("config_kube", "show_kube", "system_service")
COMMANDS = "commands"
"""show_kube, config_kube, and the folders of system_service with a file a command."""
_COMMANDS = {"cli", "container", "host", "service", "__main__"}
_ALONE = {"container_script", "host_setup"}
"""Modules that lie beside what all of the domain shares, and stand on top of it."""

Arrow = tuple[str, str]


def place(module: str) -> str:
    """The box in which a module lies."""
    package, *rest = module.split(".")
    if package != "system_service" or not rest or rest[0] in _COMMANDS:
        return COMMANDS
    if rest[0] == "waiter":
        return "waiting"
    if rest[0] != "domain" or len(rest) == 1:
        return rest[0]
    if rest[1] in _ALONE or (ROOT / "system_service" / "domain" / rest[1]).is_dir():
        return f"domain/{rest[1]}"
    return "domain"


def imports() -> Iterator[Arrow]:
    """Every import of ours by ours, inside functions too, from module to module."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            yield from ((module, name) for name in names if name.split(".")[0] in PACKAGES)


def arrows() -> set[Arrow]:
    """From box to box."""
    found = {(place(importer), place(imported)) for importer, imported in imports()}
    return {(importer, imported) for importer, imported in found if importer != imported}


def below(box: str, found: set[Arrow]) -> set[str]:
    """Every box that can be reached from this one."""
    reached: set[str] = set()
    left = [box]
    while left:
        now = left.pop()
        new = {imported for importer, imported in found if importer == now} - reached
        reached |= new
        left += new
    return reached


def reduced(found: set[Arrow]) -> set[Arrow]:
    """Those arrows from which the others follow: without a direct one where there is a way round."""
    ways = {box: below(box, found) for arrow in found for box in arrow}
    return {
        (importer, imported)
        for importer, imported in found
        if not any(imported in ways[other] for origin, other in found if origin == importer and other != imported)
    }


def drawing() -> str:
    """The arrows as Mermaid draws them."""
    lines = [f"    {name(importer)} --> {name(imported)}" for importer, imported in sorted(reduced(arrows()))]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


def redrawn(page: str) -> str:
    """The page with the drawing as it is now, in the place of the one that it has."""
    return re.sub(r"```mermaid\nflowchart TD\n.*?```", drawing(), page, count=1, flags=re.DOTALL)


def name(box: str) -> str:
    """A box by a name that Mermaid takes, and what is written in it."""
    return f"{box.replace('/', '_')}[{box}]"
