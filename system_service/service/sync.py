"""`system service sync`."""

from __future__ import annotations

import click

from system_service.domain.labels import close_gates, send
from system_service.domain.observe import intent, see
from system_service.domain.report import report
from system_service.domain.result import Report, Result
from system_service.domain.switch import Switch
from system_service.model.snapshot import FeatureSeen, Host, Snapshot
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, names_argument


@click.command("sync", cls=Command)
@names_argument(required=False)
@click.option(
    "--boot", is_flag=True, help="Before the kubelet starts: close the gates of features nobody spoke of yet."
)
@json_option()
def command(names: tuple[str, ...], boot: bool, as_json: bool) -> Result:
    """Send node labels that could not be sent.

    Nothing to send: no question to the API server. Exit code 7: it cannot be reached; systemd tries again.

    \b
    Examples:
      system service sync
      system service sync snmp --json
    """
    switch = Switch.from_env()
    wanted = intent(switch, names)
    if boot:
        # Neither Docker nor systemd need to answer for this.
        seen = tuple(FeatureSeen(f, (), wanted.state_rows[f.name]) for f in wanted.features)
        closed = close_gates(switch, Snapshot(Host(), seen))
        if not as_json:
            click.echo(f"gates closed: {', '.join(closed) or 'none to close'}")
        return Result("system service sync", tuple(Report(name, changed=True) for name in closed))
    sent = send(switch, names)
    if not as_json:
        for key, value in sent.items():
            click.echo(f"{key}: {'removed' if value is None else value}")
        if not sent:
            click.echo("nothing to send")
    snapshot = see(switch, wanted)
    changed = {key.removesuffix("_enabled") for key in sent}
    return Result("system service sync", tuple(report(f, changed=f.feature.name in changed) for f in snapshot.features))
