"""`show kubernetes server config`: the server that CONFIG_DB names, as the host prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from system_service.backends.switchdb import SwitchDB
from system_service.model import kube_server
from system_service.terminal.command import Command
from system_service.terminal.options import json_option

if TYPE_CHECKING:
    from system_service.domain.result import Result


@click.command("config", cls=Command)
@json_option()
def command(as_json: bool) -> Result | None:
    """Show which Kubernetes server is configured.

    \b
    Examples:
      show kubernetes server config
      show kubernetes server config --json
    """
    (row,) = SwitchDB.from_config().rows(("CONFIG_DB", kube_server.ROW))
    if as_json:
        from system_service.domain.result import Result

        return Result("show kubernetes server config", facts={"server": kube_server.desired(row)})
    known = kube_server.fields(row)
    if not known:
        click.echo("Kubernetes server is not configured")
        return None
    from system_service.terminal.render import table

    table([*kube_server.DEFAULTS], [[known.get(field, default) for field, default in kube_server.DEFAULTS.items()]])
    return None
