"""`config feature fallback`: whether the local image may serve while Kubernetes cannot."""

from __future__ import annotations

import click

from config_kube.row import change_here
from system_service.backends.switchdb import Edit
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.host import required_name
from system_service.terminal.options import json_option


@click.command("fallback", cls=Command)
@required_name
@click.argument("fallback", metavar="<fallback>", type=click.Choice(["on", "off"]))
@json_option()
def command(name: str, fallback: str, as_json: bool) -> Result:
    """Set fallback for the feature.

    \b
    Example:
      config-kube feature fallback snmp on
    """
    # The host's reader takes any non-empty string, `false` too, for "no fallback": only an absent field means on.
    edit = Edit(delete=("no_fallback_to_local",)) if fallback == "on" else Edit({"no_fallback_to_local": "true"})
    return change_here(name, edit, {"fallback": fallback == "on"})
