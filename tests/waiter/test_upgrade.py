"""A wait outlives the files it was started from: an upgrade replaces them, a removal takes them away."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import system_service
from system_service.container.wait import waiter_argv
from tests.waiter.process import Waiter, until
from tests.waiter.scene import NEW, Scene

PACKAGE = Path(system_service.__file__).parent
PROGRAM = """
import sys
sys.path += sys.argv[1:]
import system_service.waiting.unit_life
print(*(name for name in sys.modules if name.startswith("system_service.")))
"""


# Methods of Docker's client that only commands call: what they import comes with the call.
OF_COMMANDS = {"containers", "find", "logs"}
CLIENT = PACKAGE / "backends" / "docker.py"


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports anywhere, but for the eyes of a type checker, and for commands alone."""
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.FunctionDef) and path == CLIENT and node.name in OF_COMMANDS:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        nodes += ast.iter_child_nodes(node)
    ours = {name for name in found if name.startswith("system_service.")}
    return {name for name in ours if _file(name)}


def _file(name: str) -> Path | None:
    parent = importlib.util.find_spec(name.rpartition(".")[0])
    if parent is None or parent.submodule_search_locations is None:  # a class of a module
        return None
    spec = importlib.util.find_spec(name)
    return Path(spec.origin) if spec and spec.origin else None


def reachable(start: Path) -> set[str]:
    """All modules that the program may ever import, packages included."""
    found: set[str] = set()
    files = [start]
    while files:
        new = imports(files.pop()) - found
        found |= new
        files += [path for name in new if (path := _file(name))]
    return found | {name.rpartition(".")[0] for name in found} - {"system_service"}


def test_all_that_it_may_ever_import_is_loaded_as_it_starts():
    argv = waiter_argv("snmp")
    done = subprocess.run([*argv[:3], "-c", PROGRAM, *argv[5:]], capture_output=True, text=True, check=True)
    assert reachable(PACKAGE / "waiter.py") <= set(done.stdout.split())


def test_it_calls_nothing_that_is_for_commands() -> None:
    files = {PACKAGE / "waiter.py", *filter(None, map(_file, reachable(PACKAGE / "waiter.py")))}
    assert CLIENT in files
    called = {
        (path.name, node.attr)
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in OF_COMMANDS
    }
    assert called == set()


def test_it_hands_over_and_ends_well_without_any_of_its_files(scene: Scene) -> None:
    copy = os.path.join(scene.folder, "site", "system_service")
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (folder,) = {PACKAGE.parent}
    argv = [word.replace(str(folder), os.path.dirname(copy)) for word in waiter_argv("snmp")]
    assert argv[3] == os.path.join(copy, "waiter.py")
    scene.begin("local")
    with Waiter("snmp", scene.folder, scene.environment, argv=argv) as waiter:
        waiter.idle()
        shutil.rmtree(os.path.dirname(copy))
        pod = scene.pod()
        scene.wants(set_owner="kube")
        until(lambda: scene.owner() == "kube")
        assert pod.version == NEW
        scene.wants(set_owner="local")
        until(lambda: scene.owner() == "local")
        waiter.idle()  # it has seen so
        scene.docker.crash("snmp")
        assert waiter.ended() == 0
        assert not any("Traceback" in line or "Error" in line for line in waiter.said), waiter.said
