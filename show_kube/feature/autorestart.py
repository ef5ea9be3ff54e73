"""`show feature autorestart`: whether each feature's container is restarted when a process of it dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from show_kube import rows
from system_service.terminal.command import Command
from system_service.terminal.host import optional_name
from system_service.terminal.options import json_option

if TYPE_CHECKING:
    from system_service.domain.result import Result


@click.command("autorestart", cls=Command)
@optional_name
@json_option()
def command(feature_name: str | None, as_json: bool) -> Result | None:
    """Show whether features restart by themselves: all of them, or one.

    \b
    Examples:
      show-kube feature autorestart
      show-kube feature autorestart snmp
    """
    found = rows.read(feature_name, "CONFIG_DB")
    if as_json:
        return rows.result([(n, {"auto_restart": r["auto_restart"]} if "auto_restart" in r else {}) for n, r in found])
    from system_service.terminal.render import table

    # Unlike the other two tables this one has its column even when no row has the field.
    table(["Feature", "AutoRestart"], [[name, row.get("auto_restart", "unknown")] for name, row in found])
    return None
