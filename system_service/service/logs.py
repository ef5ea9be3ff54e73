"""`system service logs`."""

from __future__ import annotations

import click

from system_service.domain.locate import replace_by_docker
from system_service.domain.observe import observe
from system_service.domain.switch import Switch
from system_service.errors import Failed
from system_service.terminal.command import Command
from system_service.terminal.options import name_argument


@click.command("logs", cls=Command)
@name_argument()
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is written.")
@click.option("-n", "--lines", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("--since", metavar="T", help="Only what is younger: 10m, 2h, or an RFC 3339 time.")
def command(name: str, follow: bool, lines: int | None, since: str | None) -> None:
    """The log of a feature's container, whoever runs it.

    \b
    Examples:
      system service logs snmp -n 20
      system service logs snmp -f --since 10m
    """
    switch = Switch.from_env()
    found = [seen.container for seen in observe(switch, (name,)).features[0].seen if seen.container]
    if not found:
        raise Failed(f"{name} has no container, and so no log", f"journalctl -u {name}")
    words = ["logs"]
    words += ["--follow"] if follow else []
    words += ["--tail", str(lines)] if lines is not None else []
    words += [f"--since={since}"] if since else []
    replace_by_docker(switch.engine, *words, found[0].id)
