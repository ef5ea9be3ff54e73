"""`config feature autorestart`: whether the feature's container is restarted when a process of it dies."""

from __future__ import annotations

import click

from config_kube.row import change_everywhere
from system_service.backends.switchdb import SwitchDB
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.host import required_name
from system_service.terminal.options import json_option


@click.command("autorestart", cls=Command)
@required_name
@click.argument("autorestart", metavar="<autorestart>", type=click.Choice(["enabled", "disabled"]))
@json_option()
def command(name: str, autorestart: str, as_json: bool) -> Result:
    """Enable/disable autorestart of a feature.

    \b
    Example:
      config-kube feature autorestart lldp disabled
    """
    return change_everywhere(SwitchDB.from_config(), name, "auto_restart", "auto-restart", autorestart)
