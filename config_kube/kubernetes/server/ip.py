"""`config kubernetes server ip`."""

from __future__ import annotations

import click

from config_kube.kubernetes.server.row import change
from config_kube.kubernetes.words import Host
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import json_option


@click.command("ip", cls=Command)
@click.argument("vip", type=Host())
@json_option()
def command(vip: str, as_json: bool) -> Result:
    """Set the Kubernetes server: an IPv4 or IPv6 address, or a host name.

    \b
    Examples:
      config kubernetes server ip 10.10.10.10
      config kubernetes server ip 2001:db8::10
    """
    return change("ip", vip)
