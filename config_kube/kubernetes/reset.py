"""`config kubernetes reset`."""

from __future__ import annotations

import click

from config_kube.kubernetes import membership
from system_service.domain.cluster.leave import leave
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import dry_run_option, json_option, timeout_option


@click.command("reset", cls=Command)
@timeout_option(60)
@dry_run_option()
@json_option()
def command(timeout: float, dry_run: bool, as_json: bool) -> Result:
    """Leave the cluster: stop the kubelet for good, delete this switch's node, and take back what a join has put here.

    Refused while a feature is in kubernetes mode. Exit code 7: this switch is out, and the API server could not be
    told; the same command tells it later. The server's settings and the kubeconfig stay.

    \b
    Examples:
      config kubernetes reset
      config kubernetes reset --dry-run
    """
    return membership.run(leave, timeout=timeout, dry_run=dry_run, as_json=as_json)
