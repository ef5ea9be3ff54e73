"""`config kubernetes server insecure`."""

from __future__ import annotations

import click

from config_kube.kubernetes.server.row import change
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import json_option


@click.command("insecure", cls=Command)
@click.argument("option", type=click.Choice(["on", "off"]))
@json_option()
def command(option: str, as_json: bool) -> Result:
    """Join the Kubernetes server without verifying who it is (on), or verify it (off).

    \b
    Example:
      config kubernetes server insecure off
    """
    return change("insecure", str(option == "on"))
