"""`system service check`."""

from __future__ import annotations

import click

from system_service.domain.monit.check import PATIENCE, check, sentences
from system_service.domain.result import CheckReport, Result
from system_service.domain.switch import Switch
from system_service.errors import NotRunning
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, names_argument, patience_option
from system_service.terminal.render import printable


@click.command("check", cls=Command)
@names_argument(required=False)
@click.option("--processes", is_flag=True, help="Their critical processes too.")
@patience_option(PATIENCE)
@json_option()
def command(names: tuple[str, ...], processes: bool, patience: float, as_json: bool) -> Result | None:
    """For monit: do the expected containers run, whoever runs them?

    Expected is every feature that is not disabled. Exit code 3: one does not run and is not just being handed over, or
    a critical process does not. Exit code 7: Redis or Docker cannot be asked. The sentence comes first, then a reason
    a line.

    \b
    Examples:
      system service check
      system service check snmp --processes
      system service check --json
    """
    result = check(Switch.from_env(), names, critical=processes, patience=patience, partial=as_json)
    if as_json:
        return result
    reports = [report for report in result.reports if isinstance(report, CheckReport)]
    for sentence in sentences(reports):
        click.echo(printable(sentence))
    for report in sorted(reports, key=lambda report: not report.alarm):
        if report.expected and report.detail:
            click.echo(printable(f"{report.name}: {report.detail}"))
    if isinstance(result.error, NotRunning):
        # All has been said, on stdout, where monit takes it from.
        click.get_current_context().exit(result.error.exit_code)
    return result
