"""The rules of the start-up gate, from the one program that has them: the one in the sandbox's images."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from sandbox.images import FOLDER

PROGRAM = FOLDER / "gate" / "container_startup.py"


def _rules() -> ModuleType:
    spec = importlib.util.spec_from_file_location("container_startup", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rules = _rules()
"""Gate and Step, and the words that these use."""
