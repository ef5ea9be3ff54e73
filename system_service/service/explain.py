"""`system service explain`."""

from __future__ import annotations

import click

from system_service.domain.result import Result
from system_service.domain.status.explain import explain
from system_service.domain.switch import Switch
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, name_argument
from system_service.terminal.screen import sentence


@click.command("explain", cls=Command)
@name_argument()
@json_option()
def command(name: str, as_json: bool) -> Result:
    """Why a feature is in its state, what it waits for, what happens next, and its last changes.

    \b
    Examples:
      system service explain snmp
      system service explain snmp --json
    """
    explained = explain(Switch.from_env(), name)
    if not as_json:
        for heading, lines in (
            ("Now", explained.now),
            ("Why", explained.why),
            ("Next", explained.next),
            ("Changes", explained.changes),
        ):
            if lines:
                click.echo(f"{heading}:")
                for line in lines:
                    sentence(line, indent=2)
    return Result("system service explain", (explained,))
