"""`system service monit`."""

from __future__ import annotations

import click

from system_service.domain.monit.check import PATIENCE
from system_service.domain.monit.config import configuration
from system_service.domain.status.observe import intent
from system_service.domain.switch import Switch
from system_service.terminal.command import Command
from system_service.terminal.options import names_argument, patience_option
from system_service.terminal.program import own_path


@click.command("monit", cls=Command)
@names_argument(required=False)
@patience_option(PATIENCE)
def command(names: tuple[str, ...], patience: float) -> None:
    """The monit configuration for this switch: its containers, and the processes of the features named (none: all).

    A feature that is disabled has its entry as well, and the lines are the same in both modes: nothing has to be made
    anew when a feature is enabled or moved.

    \b
    Examples:
      system service monit > /etc/monit/conf.d/system-service
      system service monit snmp lldp --patience 600
    """
    intended = intent(Switch.from_env(), names)
    for error in intended.unknown.values():
        raise error
    options = () if patience == PATIENCE else ("--patience", f"{patience:g}")
    click.echo(configuration((f.name for f in intended.features), own_path(), options), nl=False)
