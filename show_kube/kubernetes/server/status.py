"""`show kubernetes server status`: what STATE_DB says of the server, as the host prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from system_service.backends.switchdb import SwitchDB
from system_service.model import kube_server
from system_service.terminal.command import Command
from system_service.terminal.options import json_option

if TYPE_CHECKING:
    from system_service.domain.result import Result

# (header of the table, field of the row, what to print when the row has no such field)
COLUMNS = (
    ("ip", "ip", ""),
    ("port", "port", "6443"),
    ("connected", "connected", ""),
    ("update-time", "update_time", ""),
)


@click.command("status", cls=Command)
@json_option()
def command(as_json: bool) -> Result | None:
    """Show whether the Kubernetes server is connected, as STATE_DB has it.

    \b
    Examples:
      show kubernetes server status
      show kubernetes server status --json
    """
    (row,) = SwitchDB.from_config().rows(("STATE_DB", kube_server.ROW))
    known = kube_server.fields(row)
    if as_json:
        from system_service.domain.result import Result

        return Result("show kubernetes server status", facts={"server": _plain(known) if known else None})
    if not known:
        click.echo("Kubernetes server has no status info")
        return None
    from system_service.terminal.render import table

    table([header for header, _, _ in COLUMNS], [[known.get(field, default) for _, field, default in COLUMNS]])
    return None


def _plain(row: dict[str, str]) -> dict[str, Any]:
    from show_kube.stamp import utc

    return {
        "ip": row.get("ip", ""),
        "port": kube_server.port(row.get("port", "6443")),
        "connected": row.get("connected", "").lower() == "true",
        "update_time": utc(row.get("update_time", "")),
    }
