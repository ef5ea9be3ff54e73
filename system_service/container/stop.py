"""`system container stop`."""

from __future__ import annotations

import click

from system_service.domain.container_script import ContainerScript
from system_service.terminal.command import Command, echo_stage, echo_warning
from system_service.terminal.complete import feature_names


@click.command("stop", cls=Command)
@click.option("-t", "--timeout", type=click.IntRange(0), metavar="SECONDS", help="How long it may take to end.")
@click.argument("name", shell_complete=feature_names)
def command(name: str, timeout: int | None) -> None:
    """Stop a feature's container, as a unit's ExecStop does. After the time it is killed (teamd 60 s, others 10 s).

    \b
    Examples:
      system container stop snmp
      system container stop -t 60 teamd
    """
    contained = ContainerScript.open(name, tell=echo_stage)
    contained.stop(timeout)
    for warning in contained.warnings:
        echo_warning(f"{warning}: acted on Docker alone")
