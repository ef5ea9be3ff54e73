"""The guarded change of one field of a FEATURE row, as `config feature ...` makes it: on the host, or everywhere.

Whatever else is in the row stays as it is. What the host refuses ends here in the host's own words (terminal.host).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from system_service.backends.switchdb import Edit, SwitchDB
from system_service.domain.copies import write_copies
from system_service.domain.result import Result, RowReport
from system_service.errors import Refused, SwitchError, UnknownFeature
from system_service.terminal import host
from system_service.terminal.command import spoken
from system_service.terminal.hints import save_hint

if TYPE_CHECKING:
    from system_service.backends.switchdb import Row

_LIST = "show feature config"


def change_here(name: str, edit: Edit, shown: dict[str, Any]) -> Result:
    """Apply `edit` to the feature's row in the host's CONFIG_DB. What is already so is not written again.

    `shown` are the feature's JSON fields afterwards. Raises Unreachable, NotPermitted, Failed.
    """

    def decide(row: Row) -> Edit:
        if not row:
            raise UnknownFeature(f"Unable to retrieve {name} from FEATURE table", _LIST)
        return edit

    try:
        changed = SwitchDB.from_config().update("CONFIG_DB", f"FEATURE|{name}", decide)
    except UnknownFeature as error:
        host.fail(error)
    return _done(RowReport(name, shown, changed=changed))


def change_everywhere(db: SwitchDB, name: str, field: str, label: str, value: str) -> Result:
    """Set `field` in the host's CONFIG_DB and in that of every ASIC, or in none of them.

    `label` is the field's name in the host's sentences. Refused where the databases disagree, where a row lacks the
    field and where it is always_enabled. Raises Unreachable, NotPermitted, Failed.
    """

    def current(row: Row) -> str:
        if not row:
            raise UnknownFeature(f"Feature '{name}' doesn't exist", _LIST)
        if field not in row:
            raise Refused(f"Feature '{name}' has no {label} and can not be modified", _LIST)
        return row[field]

    def decide(row: Row, namespace: str) -> Edit:
        if current(row) == "always_enabled":
            raise Refused(f"Feature '{name}' {label} is always enabled and can not be modified", _LIST)
        return Edit({field: value})

    changed, error = False, None
    try:
        values = {current(db.rows(("CONFIG_DB", f"FEATURE|{name}"), namespace=n)[0]) for n in ("", *db.namespaces)}
        if len(values) > 1:
            raise Refused(f"Feature '{name}' {label} is not consistent across namespaces", _LIST)
        changed, error = write_copies(db, name, decide)
    except SwitchError as failure:
        error = failure
    if error is None:
        return _done(RowReport(name, {field: value}, changed=changed))
    reports = (_done(RowReport(name, changed=True)).reports) if changed else ()
    if isinstance(error, (UnknownFeature, Refused)):
        host.fail(error, reports)
    return Result(spoken(click.get_current_context()), reports, error=error)


def _done(report: RowReport) -> Result:
    if report.changed:
        save_hint()
    return Result(spoken(click.get_current_context()), (report,))
