"""`config kubernetes join`."""

from __future__ import annotations

import click

from config_kube.kubernetes import membership
from system_service.domain.cluster.join import join
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import dry_run_option, json_option, timeout_option


@click.command("join", cls=Command)
@click.option(
    "--discovery-file",
    type=click.Path(),
    default="",
    metavar="PATH",
    help="A kubeconfig with the cluster's authority and what lets a node in (default: the switch's own).",
)
@timeout_option(300)
@dry_run_option()
@json_option()
def command(discovery_file: str, timeout: float, dry_run: bool, as_json: bool) -> Result:
    """Join the configured cluster as a node of the host's name in lower case, by kubeadm.

    The server is the one of `config kubernetes server`, wherever the discovery file says it is; the file says by which
    authority it is known. What was cut off is completed by the same command.

    \b
    Examples:
      config kubernetes join
      config kubernetes join --discovery-file /root/join.conf --timeout 120
      config kubernetes join --dry-run
    """
    return membership.run(
        lambda switch, order: join(switch, order, discovery_file), timeout=timeout, dry_run=dry_run, as_json=as_json
    )
