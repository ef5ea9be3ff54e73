"""The rows of a simulated switch, in memory: as much of SwitchDB as sending labels takes. One thread at a time."""

from __future__ import annotations

from collections.abc import Callable

from system_service.backends.switchdb import Edit

Row = dict[str, str]


class Rows:
    """`found`: (database, key) -> row."""

    namespaces = ()

    def __init__(self, found: dict[tuple[str, str], Row]) -> None:
        self.found = found

    def tables(self, *wanted: tuple[str, str]) -> list[dict[str, Row]]:
        return [
            {
                key.partition("|")[2]: dict(row)
                for (base, key), row in self.found.items()
                if base == database and key.partition("|")[0] == table
            }
            for database, table in wanted
        ]

    def rows(self, *wanted: tuple[str, str]) -> list[Row]:
        return [dict(self.found.get(key, {})) for key in wanted]

    def update(self, database: str, key: str, decide: Callable[[Row], Edit | None]) -> bool:
        row = dict(self.found.get((database, key), {}))
        edit = decide(dict(row))
        if edit is None:
            return False
        new = {field: value for field, value in (row | dict(edit.set)).items() if field not in edit.delete}
        self.found[database, key] = new
        return new != row
