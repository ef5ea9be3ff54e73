"""The change of one label in STATE_DB's row, as `config kubernetes label ...` makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from system_service.backends.switchdb import Edit, SwitchDB
from system_service.domain.result import Result
from system_service.model import kube_server
from system_service.model.state_row import LABELS_ROW
from system_service.terminal.command import spoken

if TYPE_CHECKING:
    from system_service.backends.switchdb import Row


def change(key: str, value: str) -> Result:
    """Write it; the result shows all labels. Raises Unreachable, NotPermitted, Failed."""
    after: Row = {}

    def decide(row: Row) -> Edit:
        after.clear()
        after.update({**kube_server.fields(row), key: value})
        return Edit({key: value}, delete=("NULL",))

    changed = SwitchDB.from_config().update("STATE_DB", LABELS_ROW, decide)
    facts = {"labels": dict(sorted(after.items()))}
    return Result(spoken(click.get_current_context()), facts=facts, wrote=changed)
