"""`system container kill`."""

from __future__ import annotations

import click

from system_service.domain.container_script import ContainerScript
from system_service.terminal.command import Command, echo_stage
from system_service.terminal.complete import feature_names
from system_service.terminal.options import unused_timeout_option


@click.command("kill", cls=Command)
@unused_timeout_option()
@click.argument("name", shell_complete=feature_names)
def command(name: str) -> None:
    """Kill a feature's container at once, as warm and fast reboot do. A stopped one is left alone.

    \b
    Examples:
      system container kill teamd
    """
    ContainerScript.open(name, tell=echo_stage).kill()
