"""What a command ends with: one object for the table, the JSON and the exit code alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from system_service.errors import SwitchError


@dataclass(frozen=True)
class Report:
    """One feature in a result. `fields` are the JSON keys after `name`, in order, already plain values."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: SwitchError | None = None


@dataclass(frozen=True)
class Result:
    """The outcome of a command over some features; `error` is the first failure, None on success.

    `facts` are JSON keys beside `features`, for what is the switch's own; `wrote`: something of that was changed.
    """

    command: str
    reports: tuple[Report, ...] = ()
    dry_run: bool = False
    error: SwitchError | None = None
    facts: dict[str, Any] = field(default_factory=dict)
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
