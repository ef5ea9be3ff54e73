"""`config feature owner`: who shall run the feature, as a bare word in its row. Moving it is `config feature mode`."""

from __future__ import annotations

import click

from config_kube.row import change_here
from system_service.backends.switchdb import Edit
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.host import required_name
from system_service.terminal.options import json_option


@click.command("owner", cls=Command)
@required_name
@click.argument("owner", metavar="<owner>", type=click.Choice(["local", "kube"]))
@json_option()
def command(name: str, owner: str, as_json: bool) -> Result:
    """Set owner for the feature.

    \b
    Example:
      config-kube feature owner snmp local
    """
    return change_here(name, Edit({"set_owner": owner}), {"set_owner": owner})
