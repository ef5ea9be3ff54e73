"""`system container exec`."""

from __future__ import annotations

import sys

import click

from system_service.backends.docker import Docker
from system_service.domain.status.locate import docker_name, replace_by_docker
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names
from system_service.terminal.groups import HELP_NAMES
from system_service.terminal.render import is_terminal


# Everything after the name is the command's own, `--help` too.
@click.command("exec", cls=Command, context_settings={**HELP_NAMES, "allow_interspersed_args": False})
@click.argument("name", shell_complete=feature_names)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="CMD...")
def command(name: str, words: tuple[str, ...]) -> None:
    """Run a command in a feature's container, on this terminal if there is one; its exit code is the command's.

    \b
    Examples:
      system container exec snmp ps -e
      system container exec snmp bash
    """
    docker = Docker.from_env()
    terminal = ["--tty"] if is_terminal(sys.stdin) and is_terminal(sys.stdout) else []
    replace_by_docker(docker, "exec", "--interactive", *terminal, docker_name(docker, name), *words)
