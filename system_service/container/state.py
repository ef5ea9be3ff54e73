"""`system container state`."""

from __future__ import annotations

import click

from system_service.domain.container_script import ContainerScript
from system_service.model.state_row import host_time, local_up
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names


@click.command("state", cls=Command)
@click.argument("name", shell_complete=feature_names)
@click.argument("system_state", metavar="up|down", type=click.Choice(["up", "down"]))
@click.argument("owner", required=False, type=click.Choice(["local", "kube"]), metavar="[local|kube]")
@click.option("--version", metavar="V", help="The version of the image that runs.")
def command(name: str, system_state: str, owner: str | None, version: str | None) -> None:
    """Record in STATE_DB that a container is up, and whose it is, or down. Images without owners record nothing.

    Called inside a pod's container it records that container's id, where /proc tells it.

    \b
    Examples:
      system container state snmp up local --version 20250510.16
      system container state snmp down
    """
    if (system_state == "up") is not (owner is not None):
        raise click.UsageError("up needs an owner, local or kube; down takes none")
    if system_state == "down":
        ContainerScript.open(name).record(None)
        return
    fields = local_up(name, host_time())
    if owner == "kube":
        from system_service.domain.own_container import own_id

        fields |= {"current_owner": "kube", "remote_state": "running", "container_id": own_id()}
    if version:
        fields["container_version"] = version
    ContainerScript.open(name).record(fields)
