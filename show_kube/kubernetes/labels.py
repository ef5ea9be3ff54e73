"""`show kubernetes labels`: the labels that this switch wants on its node, as the host prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from system_service.backends.switchdb import SwitchDB
from system_service.model import kube_server
from system_service.model.state_row import LABELS_ROW
from system_service.terminal.command import Command
from system_service.terminal.options import json_option

if TYPE_CHECKING:
    from system_service.domain.result import Result


@click.command("labels", cls=Command)
@json_option()
def command(as_json: bool) -> Result | None:
    """Show the labels that this switch wants on its node; `false` stands for a dropped one.

    \b
    Examples:
      show kubernetes labels
      show kubernetes labels --json
    """
    (row,) = SwitchDB.from_config().rows(("STATE_DB", LABELS_ROW))
    labels = dict(sorted(kube_server.fields(row).items()))
    if as_json:
        from system_service.domain.result import Result

        return Result("show kubernetes labels", facts={"labels": labels})
    from system_service.terminal.render import table

    table(["name", "value"], labels.items())
    return None
