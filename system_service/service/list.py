"""`system service list`."""

from __future__ import annotations

import click

from system_service.domain.result import Result
from system_service.domain.status.overview import look
from system_service.domain.switch import Switch
from system_service.terminal.command import Command
from system_service.terminal.options import json_option
from system_service.terminal.screen import table


@click.command("list", cls=Command)
@json_option()
def command(as_json: bool) -> Result:
    """All features of this switch, one line each.

    \b
    Examples:
      system service list
      system service list --json
    """
    result = look(Switch.from_env(), "system service list", partial=as_json)
    if not as_json:
        table(
            ("Feature", "State", "AutoRestart", "Mode", "Owner", "Status"),
            (
                (
                    r.name,
                    r.feature.state.value,
                    r.feature.restarts.value,
                    r.feature.mode.value,
                    r.owner.value,
                    r.status,
                )
                for r in result.observed
            ),
            spare=("AutoRestart", "Owner"),
            whole="--json",
        )
    return result
