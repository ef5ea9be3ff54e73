"""The change of one field of the Kubernetes server's row, as `config kubernetes server ...` makes it.

A field that the row lacks gets its default, in the same write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from system_service.backends.switchdb import Edit, SwitchDB
from system_service.domain.result import Result
from system_service.model import kube_server
from system_service.terminal.command import spoken
from system_service.terminal.hints import save_hint

if TYPE_CHECKING:
    from system_service.backends.switchdb import Row


def change(field: str, value: str) -> Result:
    """Write it, and have the node's labels sent if there is a server now. Raises Unreachable, NotPermitted, Failed."""
    after: Row = {}

    def decide(row: Row) -> Edit:
        after.clear()
        after.update({**kube_server.DEFAULTS, **kube_server.fields(row), field: value})
        return Edit(after, delete=("NULL",))

    changed = SwitchDB.from_config().update("CONFIG_DB", kube_server.ROW, decide)
    if changed:
        save_hint()
        _send_labels(after)
    facts = {"server": kube_server.desired(after)}
    return Result(spoken(click.get_current_context()), facts=facts, wrote=changed)


def _send_labels(server: Row) -> None:
    """What could not be sent without a server can be sent to this one."""
    from system_service.backends.trigger import ask
    from system_service.model.kube_server import configured

    if configured(server):
        ask()
