"""`system`: the package's own command, and the list of its groups."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup
from system_service.terminal.program import run, with_version

cli = with_version(
    LazyGroup(
        "system",
        table={
            "container": ("system_service.container.group", "What units, scripts and containers call"),
            "host": ("system_service.host.group", "Set the package up on this switch, and take it back"),
            "service": ("system_service.service.group", "Manage the features of this switch"),
        },
        help="""Manage the switch's features, whoever runs them.

    \b
    Examples:
      system service status
      system service restart snmp
      system container id snmp""",
    )
)


def main() -> None:
    """The program `system`."""
    run(cli, "system")
