"""`system host install`."""

from __future__ import annotations

import click

from system_service.domain.host_setup import Place, install
from system_service.domain.result import Result
from system_service.terminal.command import Command, echo_steps, spoken
from system_service.terminal.options import dry_run_option, json_option
from system_service.terminal.program import own_path
from system_service.terminal.progress import progress


@click.command("install", cls=Command)
@click.option("--kubernetes", is_flag=True, help="The units that kubernetes mode needs, too.")
@dry_run_option()
@json_option()
def command(kubernetes: bool, dry_run: bool, as_json: bool) -> Result:
    """Set the package up, after pip has installed or upgraded it. What is done already is left alone.

    Places `container` and, where the host has one, monit's `container_checker`; the host's own stay beside them, named
    *.host, and serve again as soon as the package has gone. Makes the folder of the locks. With --kubernetes the units
    that close gates at boot and send node labels are enabled and started: a switch in legacy mode needs none.

    \b
    Examples:
      system host install
      system host install --kubernetes
      system host install --dry-run
    """
    place, typed = Place(own_path()), spoken(click.get_current_context())
    result = install(place, typed, kubernetes=kubernetes, dry_run=dry_run, tell=progress())
    if not as_json:
        echo_steps(result.steps or (), failed=result.error is not None)
    return result
