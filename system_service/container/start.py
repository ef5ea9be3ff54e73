"""`system container start`."""

from __future__ import annotations

import click

from system_service.domain.contain import Contained
from system_service.terminal.command import Command, echo_warning


@click.command("start", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Start a feature's container, as a unit's ExecStartPre does.

    \b
    Examples:
      system container start snmp
    """
    contained = Contained.open(name)
    if not contained.start():
        click.echo(f"{name}: kubernetes is wanted without a fallback: pending deployment", err=True)
    for warning in contained.warnings:
        echo_warning(f"{warning}: acted on Docker alone")
