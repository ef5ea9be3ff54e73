"""The words of `show-kube`: the host's `show`, standalone. A command is a file of its own, loaded when called."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup
from system_service.terminal.program import run, with_version

cli = with_version(
    LazyGroup(
        "show-kube",
        table={},
        help="""Look at the features of this switch. Changes nothing.

    \b
    Examples:
      show-kube feature status
      show-kube feature mode snmp --json""",
    )
)
feature = LazyGroup(
    "feature",
    table={
        "autorestart": ("show_kube.feature.autorestart", "Show auto-restart state for a feature"),
        "config": ("show_kube.feature.config", "Show feature config"),
        "mode": ("show_kube.feature.mode", "Show who runs a feature: the switch or Kubernetes"),
        "status": ("show_kube.feature.status", "Show feature state"),
    },
    help="""Show feature status

    \b
    Examples:
      show-kube feature status
      show-kube feature config snmp""",
)
kubernetes = LazyGroup(
    "kubernetes",
    table={
        "labels": ("show_kube.kubernetes.labels", "Show the labels that this switch wants on its node"),
        "manifest": ("show_kube.kubernetes.manifest", "The DaemonSet that runs a feature from Kubernetes"),
        "server": ("show_kube.kubernetes.server.group", "Server configuration"),
    },
    help="""Show the Kubernetes server of this switch, and what it needs

    \b
    Examples:
      show-kube kubernetes server status
      show-kube kubernetes manifest snmp""",
)
cli.add_command(feature)
cli.add_command(kubernetes)


def main() -> None:
    """The console script."""
    run(cli, "show-kube")
