"""The words of `config-kube`: the host's `config`, standalone. A command is a file of its own, loaded when called."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup
from system_service.terminal.program import run, with_version

cli = with_version(
    LazyGroup(
        "config-kube",
        table={},
        help="""Say what this switch's features shall be.

    \b
    Examples:
      config-kube feature state snmp enabled
      config-kube feature mode snmp legacy""",
    )
)
feature = LazyGroup(
    "feature",
    table={
        "autorestart": ("config_kube.feature.autorestart", "Enable/disable autorestart of a feature"),
        "fallback": ("config_kube.feature.fallback", "Set fallback for a feature"),
        "install": ("config_kube.feature.install", "Install a feature that exists in Kubernetes only"),
        "mode": ("config_kube.feature.mode", "Run features from the local image or from Kubernetes"),
        "owner": ("config_kube.feature.owner", "Set owner for a feature"),
        "state": ("config_kube.feature.state", "Enable/disable a feature"),
        "uninstall": ("config_kube.feature.uninstall", "Uninstall a feature that exists in Kubernetes only"),
    },
    help="""Configure features

    \b
    Examples:
      config-kube feature state lldp disabled --block
      config-kube feature owner snmp local""",
)
kubernetes = LazyGroup(
    "kubernetes",
    table={
        "join": ("config_kube.kubernetes.join", "Join the configured cluster"),
        "label": ("config_kube.kubernetes.label.group", "Label configuration"),
        "reset": ("config_kube.kubernetes.reset", "Leave the cluster"),
        "server": ("config_kube.kubernetes.server.group", "Server configuration"),
    },
    help="""Configure the Kubernetes server of this switch and its node's labels, join and leave

    \b
    Examples:
      config-kube kubernetes server ip 10.10.10.10
      config-kube kubernetes join
      config-kube kubernetes label add rack r12""",
)
cli.add_command(feature)
cli.add_command(kubernetes)


def main() -> None:
    """The console script."""
    run(cli, "config-kube")
