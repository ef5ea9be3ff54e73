"""`system host uninstall`."""

from __future__ import annotations

import click

from system_service.domain.host_setup import Place, uninstall
from system_service.domain.result import Result
from system_service.domain.switch import Switch
from system_service.terminal.command import Command, echo_steps, spoken
from system_service.terminal.options import dry_run_option, json_option
from system_service.terminal.progress import progress


@click.command("uninstall", cls=Command)
@dry_run_option()
@json_option()
def command(dry_run: bool, as_json: bool) -> Result:
    """Give the host back what is its own, before pip removes the package. Features go on running.

    Exit code 5: a feature is in kubernetes mode, or exists in Kubernetes only; the next step says how to bring it home.

    \b
    Examples:
      system host uninstall --dry-run
    """
    switch, typed = Switch.from_env(), spoken(click.get_current_context())
    result = uninstall(Place(), switch, typed, dry_run=dry_run, tell=progress())
    if not as_json:
        echo_steps(result.steps or (), failed=result.error is not None)
        if not result.error and not dry_run:
            click.echo("the rest goes with: pip uninstall sonic-system-service")
    return result
