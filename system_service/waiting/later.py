"""What a wait may come to need later, kept as bytes: an upgrade replaces the package's files under a wait that runs.

A wait lives as long as its feature does, and loads what hands over to Kubernetes when that is wanted. Loading all of it
at once would cost each of them half a megabyte; its code in the form that it has on the disk costs half as much.
"""

from __future__ import annotations

import marshal
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

MODULES = (
    "system_service.backends.ctrmgrd",
    "system_service.backends.files",
    "system_service.backends.trigger",
    "system_service.backends.unitfiles",
    "system_service.handover.decide",
    "system_service.handover.keeper",
    "system_service.handover.rows",
    "system_service.handover.view",
    "system_service.model.clock",
    "system_service.model.pods",
    "system_service.waiting.custody",
)


def keep(modules: Sequence[str] = MODULES) -> None:
    """Have these modules imported from what their files hold now. Raises ModuleNotFoundError when one has none."""
    sys.meta_path.insert(0, _Kept({name: _code(name) for name in modules}))


def _code(name: str) -> bytes:
    spec = PathFinder.find_spec(name, import_module(name.rpartition(".")[0]).__path__)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return marshal.dumps(spec.loader.get_code(name))  # type: ignore[attr-defined] # a loader of files has it


class _Kept:
    """Finds and loads modules from their code (PEP 451)."""

    def __init__(self, code: dict[str, bytes]) -> None:
        self._code = code

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in self._code else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module will do."""

    def exec_module(self, module: ModuleType) -> None:
        exec(marshal.loads(self._code[module.__name__]), module.__dict__)  # noqa: S102, S302 - our own, from keep()
        del self._code[module.__name__]
