"""One fault put into the source of a module."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from enum import Enum
from types import ModuleType


@dataclass(frozen=True)
class Mutant:
    """`old`, which occurs once in the module's source, becomes `new`."""

    what: str
    module: ModuleType
    old: str
    new: str

    def build(self, whole: ModuleType) -> ModuleType:
        """The module `whole` with this fault, in its own source or in what it takes from the mutant's module.

        AssertionError when the source has moved on from under it.
        """
        source = inspect.getsource(self.module)
        assert source.count(self.old) == 1, f"{self.what}: {source.count(self.old)} places, not one"
        changed = _compile(self.module, source.replace(self.old, self.new))
        if self.module is whole:
            return changed
        made = _compile(whole, inspect.getsource(whole))
        made.__dict__.update(
            {name: changed.__dict__[name] for name, value in vars(whole).items() if _is_of(value, self.module)}
        )
        return made


def _is_of(value: object, module: ModuleType) -> bool:
    """Whether it is a function or a class that the module has defined. What others share, as enums, stays one thing."""
    ours = inspect.isfunction(value) or (inspect.isclass(value) and not issubclass(value, Enum))
    return ours and value.__module__ == module.__name__


def _compile(module: ModuleType, source: str) -> ModuleType:
    made = ModuleType(f"mutant_of_{module.__name__}")
    sys.modules[made.__name__] = made  # dataclasses look their module up
    exec(compile(source, made.__name__, "exec"), made.__dict__)  # noqa: S102
    return made
