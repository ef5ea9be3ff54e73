"""A FEATURE row's copies: beside the host's CONFIG_DB every ASIC's has one, and they are written all or none."""

from __future__ import annotations

from system_service.backends.switchdb import Edit
from system_service.errors import SwitchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from system_service.backends.switchdb import Row, SwitchDB


def write_copies(
    db: SwitchDB, feature: str, decide: Callable[[Row, str], Edit | None]
) -> tuple[bool, SwitchError | None]:
    """Let `decide` see the row and its namespace, the host's ("") first, and write what it answers, as SwitchDB.update.

    Returns whether something is not as it was, and the failure (of a database, or what `decide` raised) that ended it:
    then what was written is undone, because copies that disagree would be refused the next time.
    """
    written: list[_Copy] = []
    try:
        for namespace in ("", *db.namespaces):
            copy = _Copy(db, feature, namespace)
            if copy.write(decide):
                written.append(copy)
    except SwitchError as error:
        left = [copy for copy in written if not copy.undo()]
        return bool(left), error
    return bool(written), None


class _Copy:
    """The row in one namespace, before our write and with it."""

    def __init__(self, db: SwitchDB, feature: str, namespace: str) -> None:
        self._db = db
        self._key = f"FEATURE|{feature}"
        self._namespace = namespace
        self._before: Row = {}
        self._edit = Edit()

    def write(self, decide: Callable[[Row, str], Edit | None]) -> bool:
        def noted(row: Row) -> Edit | None:
            self._before = dict(row)
            edit = decide(row, self._namespace)
            self._edit = edit or Edit()
            return edit

        return self._db.update("CONFIG_DB", self._key, noted, namespace=self._namespace)

    def undo(self) -> bool:
        """Undo our own write, and nobody else's. False: it could not be undone."""
        try:
            if self._before:
                self._db.update("CONFIG_DB", self._key, self._back, namespace=self._namespace)
            elif self._db.rows(("CONFIG_DB", self._key), namespace=self._namespace) == [self._edit.set]:
                self._db.remove("CONFIG_DB", self._key, namespace=self._namespace)
        except SwitchError:
            return False
        return True

    def _back(self, row: Row) -> Edit | None:
        if not row:
            return None
        ours = {**dict.fromkeys(self._edit.delete), **self._edit.set}
        fields_left = [field for field, value in ours.items() if row.get(field) == value]
        fields = {field: self._before[field] for field in fields_left if field in self._before}
        return Edit(fields, [field for field in fields_left if field not in self._before])
