"""`config kubernetes server disable`."""

from __future__ import annotations

import click

from config_kube.kubernetes.server.row import change
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import json_option


@click.command("disable", cls=Command)
@click.argument("option", type=click.Choice(["on", "off"]))
@json_option()
def command(option: str, as_json: bool) -> Result:
    """Stop using the Kubernetes server (on), or use it again (off).

    \b
    Example:
      config kubernetes server disable on
    """
    return change("disable", str(option == "on"))
