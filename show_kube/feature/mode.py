"""`show feature mode`."""

from __future__ import annotations

import click

from system_service.domain.result import Result
from system_service.domain.status.overview import look
from system_service.domain.status.report import local
from system_service.domain.switch import Switch
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names
from system_service.terminal.options import json_option
from system_service.terminal.screen import table


@click.command("mode", cls=Command)
@click.argument("name", required=False, shell_complete=feature_names)
@json_option()
def command(name: str | None, as_json: bool) -> Result:
    """Which mode features are in, who runs them, and why they are not as wanted.

    \b
    Examples:
      show feature mode
      show feature mode snmp --json
    """
    result = look(Switch.from_env(), "show feature mode", () if name is None else (name,), partial=as_json)
    if not as_json:
        table(
            ("Feature", "Mode", "Owner", "Fallback", "Status", "Version", "Since", "Detail"),
            (
                (
                    r.name,
                    r.feature.mode.value,
                    r.owner.value,
                    "on" if r.feature.fallback else "off",
                    r.status,
                    r.version,
                    local(r.since),
                    r.detail,
                )
                for r in result.observed
            ),
            spare=("Since", "Version"),
            whole="--json, or system service status NAME",
        )
    return result
