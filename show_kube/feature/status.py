"""`show feature status`: the FEATURE rows of CONFIG_DB and STATE_DB side by side, as the host prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from show_kube import rows
from system_service.terminal.command import Command
from system_service.terminal.host import optional_name
from system_service.terminal.options import json_option

if TYPE_CHECKING:
    from system_service.domain.result import Result

COLUMNS = (
    ("State", "state", ""),
    ("AutoRestart", "auto_restart", ""),
    ("SystemState", "system_state", ""),
    ("UpdateTime", "update_time", ""),
    ("ContainerId", "container_id", ""),
    ("Version", "container_version", ""),
    ("SetOwner", "set_owner", ""),
    ("CurrentOwner", "current_owner", ""),
    ("RemoteState", "remote_state", ""),
)


@click.command("status", cls=Command)
@optional_name
@json_option()
def command(feature_name: str | None, as_json: bool) -> Result | None:
    """Show the state of all features, or of one, as the databases have it.

    \b
    Examples:
      show-kube feature status
      show-kube feature status snmp --json
    """
    found = rows.read(feature_name, "STATE_DB", "CONFIG_DB")
    if as_json:
        return rows.result([(name, _plain(row)) for name, row in found])
    rows.show(found, COLUMNS)
    return None


def _plain(row: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {field: row[field] for _, field, _ in COLUMNS if field in row}
    if "update_time" in fields:
        from show_kube.stamp import utc

        fields["update_time"] = utc(fields["update_time"])
    return fields
