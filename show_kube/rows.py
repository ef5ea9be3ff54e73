"""FEATURE rows as `show feature status|config|autorestart` read them: as they stand, every field a string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from system_service.backends.switchdb import SwitchDB
from system_service.errors import UnknownFeature
from system_service.model.natural import natural
from system_service.terminal import host

if TYPE_CHECKING:
    from system_service.backends.switchdb import Row
    from system_service.domain.result import Result

# (header of the table, field of the row, what to print when the row has no such field)
Column = tuple[str, str, str]


def read(name: str | None, *databases: str) -> list[tuple[str, Row]]:
    """(feature, its row) in natural order; a field in a later database wins over an earlier one.

    The last database is CONFIG_DB: it alone says which features there are. `name` limits it to one feature; an unknown
    one ends the command as the host does. Raises Unreachable, NotPermitted.
    """
    db = SwitchDB.from_config()
    tables: Sequence[dict[str, Row]]
    if name:
        tables = [{name: row} if row else {} for row in db.rows(*((d, f"FEATURE|{name}") for d in databases))]
        if name not in tables[-1]:
            host.fail(UnknownFeature(f"Can not find feature {name}", "show feature status"))
    else:
        tables = db.tables(*((d, "FEATURE") for d in databases))
    found = []
    for known in sorted(sorted(tables[-1]), key=natural):
        row: Row = {}
        for rows in tables:
            row.update(rows.get(known, {}))
        found.append((known, row))
    return found


def show(found: list[tuple[str, Row]], columns: Sequence[Column]) -> None:
    """The host's table: a column appears when at least one of the rows has its field."""
    from system_service.terminal.render import table

    fields = {field for _, row in found for field in row}
    shown = [column for column in columns if column[1] in fields]
    table(
        ["Feature", *(header for header, _, _ in shown)],
        [[name, *(row.get(field, default) for _, field, default in shown)] for name, row in found],
    )


def result(found: Sequence[tuple[str, dict[str, Any]]]) -> Result:
    """The same features for --json: a key for every field that the row has."""
    from system_service.domain.result import Result, RowReport
    from system_service.terminal.command import spoken

    return Result(spoken(click.get_current_context()), tuple(RowReport(name, fields) for name, fields in found))
