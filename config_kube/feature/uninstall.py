"""`config feature uninstall`."""

from __future__ import annotations

import click

from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.complete import kube_only_names
from system_service.terminal.options import dry_run_option, json_option, timeout_option


@click.command("uninstall", cls=Command)
@click.argument("name", shell_complete=kube_only_names)
@timeout_option(60)
@dry_run_option()
@json_option()
def command(name: str, timeout: float, dry_run: bool, as_json: bool) -> Result:
    """Stop a feature that `config feature install` has installed, and take its unit and its rows from the switch.

    Exit code 7: the API server cannot be told; the feature is down, and the rest is done as soon as it answers.

    \b
    Examples:
      config feature uninstall probe --dry-run
      config feature uninstall probe
    """
    from system_service.domain.kube_only.install import uninstall
    from system_service.terminal import change

    return change.single(name, uninstall, timeout=timeout, dry_run=dry_run, as_json=as_json)
