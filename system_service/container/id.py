"""`system container id`."""

from __future__ import annotations

import click

from system_service.backends.docker import Docker
from system_service.domain.status.locate import docker_name
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names
from system_service.terminal.options import unused_timeout_option


@click.command("id", cls=Command)
@unused_timeout_option()
@click.argument("name", shell_complete=feature_names)
def command(name: str) -> None:
    """Print the docker name or id that runs a feature. Exit code 4: there is none.

    \b
    Examples:
      docker exec $(system container id snmp) ps
    """
    click.echo(docker_name(Docker.from_env(), name))
