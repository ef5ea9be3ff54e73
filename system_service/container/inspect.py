"""`system container inspect`."""

from __future__ import annotations

import click

from system_service.backends.docker import Docker, no_container
from system_service.domain.status.locate import docker_name
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names


@click.command("inspect", cls=Command)
@click.argument("name", shell_complete=feature_names)
def command(name: str) -> None:
    """Print what Docker knows of a feature's container: a JSON list of one object, as `docker inspect` does.

    \b
    Examples:
      system container inspect snmp
    """
    import json

    docker = Docker.from_env()
    found = docker.inspect(docker_name(docker, name))
    if found is None:
        raise no_container(name)
    click.echo(json.dumps([found], indent=4))
