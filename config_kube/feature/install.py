"""`config feature install`."""

from __future__ import annotations

import click

from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names
from system_service.terminal.options import dry_run_option, json_option, timeout_option


@click.command("install", cls=Command)
@click.argument("name")
@click.option(
    "--after",
    multiple=True,
    metavar="UNIT",
    shell_complete=feature_names,
    help="Start it after this unit (swss, or swss.service); may be given again.",
)
@timeout_option(60)
@dry_run_option()
@json_option()
def command(name: str, after: tuple[str, ...], timeout: float, dry_run: bool, as_json: bool) -> Result:
    """Install a feature that exists in Kubernetes only, and start it.

    It gets a FEATURE row and a systemd unit with the rules of any other feature, and runs as soon as a pod of it comes:
    apply what `show kubernetes manifest` prints. Given again it completes what was interrupted, and starts what was
    stopped. Its image has to run the start-up gate.

    \b
    Examples:
      config feature install probe
      config feature install probe --after swss --after bgp
      config feature install probe --dry-run
    """
    from system_service.domain.kube_only.install import install
    from system_service.domain.kube_only.plan import LONGEST, installable, unit_name
    from system_service.terminal import change

    if not installable(name):
        raise click.BadParameter(
            f"{name!r} cannot be a container of Kubernetes: at most {LONGEST} lower-case letters, digits and `-`",
            param_hint="NAME",
        )
    units = tuple(dict.fromkeys(unit_name(word) for word in after))
    if "" in units or f"{name}.service" in units:
        wrong = next(word for word in after if unit_name(word) in ("", f"{name}.service"))
        raise click.BadParameter(f"{wrong!r} is no unit that it could start after", param_hint="--after")
    return change.single(
        name,
        lambda switch, ask: install(switch, ask, units),
        timeout=timeout,
        dry_run=dry_run,
        as_json=as_json,
    )
