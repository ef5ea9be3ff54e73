"""`system container start`."""

from __future__ import annotations

import click

from system_service.domain.container_script import ContainerScript
from system_service.terminal.command import Command, echo_stage, echo_warning
from system_service.terminal.complete import feature_names
from system_service.terminal.options import unused_timeout_option


@click.command("start", cls=Command)
@unused_timeout_option()
@click.argument("name", shell_complete=feature_names)
def command(name: str) -> None:
    """Start a feature's container, as a unit's ExecStartPre does.

    \b
    Examples:
      system container start snmp
    """
    contained = ContainerScript.open(name, tell=echo_stage)
    if not contained.start():
        click.echo(f"{name}: left to Kubernetes and the unit's `wait`", err=True)
    for warning in contained.warnings:
        echo_warning(f"{warning}: acted on Docker alone")
