"""What a command ends with: one object for the table, the JSON and the exit code alike."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from system_service.errors import SwitchError


class Report(NamedTuple):
    """One feature in a result. `fields` are the JSON keys after `name`, in order, already plain values."""

    name: str
    fields: Mapping[str, Any] = MappingProxyType({})
    changed: bool = False
    error: SwitchError | None = None

    def plus(self, **more: Any) -> Report:
        """The same with more keys."""
        return self._replace(fields={**self.fields, **more})


class Result(NamedTuple):
    """The outcome of a command over some features; `error` is the first failure, None on success.

    `facts` are JSON keys beside `features`, for what is the switch's own; `wrote`: something of that was changed.
    """

    command: str
    reports: tuple[Report, ...] = ()
    dry_run: bool = False
    error: SwitchError | None = None
    facts: Mapping[str, Any] = MappingProxyType({})
    wrote: bool = False

    @property
    def changed(self) -> bool:
        return self.wrote or any(r.changed for r in self.reports)

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0

    def envelope(self) -> dict[str, Any]:
        """The JSON object of docs/json-output.md."""
        error = self.error
        return {
            "command": self.command,
            "changed": self.changed,
            "dry_run": self.dry_run,
            "features": [{"name": r.name, **r.fields, "changed": r.changed} for r in self.reports],
            "error": error
            and {
                "kind": error.kind,
                "message": str(error),
                "resolution": error.resolution,
                "exit_code": error.exit_code,
            },
            **self.facts,
        }
