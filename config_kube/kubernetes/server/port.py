"""`config kubernetes server port`."""

from __future__ import annotations

import click

from config_kube.kubernetes.server.row import change
from config_kube.kubernetes.words import Port
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import json_option


@click.command("port", cls=Command)
@click.argument("portval", type=Port())
@json_option()
def command(portval: str, as_json: bool) -> Result:
    """Set the port of the Kubernetes server, 1 to 65535.

    \b
    Example:
      config kubernetes server port 6443
    """
    return change("port", portval)
