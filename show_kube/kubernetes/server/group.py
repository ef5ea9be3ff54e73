"""The list of `show kubernetes server` commands."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup

command = LazyGroup(
    "server",
    table={
        "config": ("show_kube.kubernetes.server.config", "Show which server is configured"),
        "status": ("show_kube.kubernetes.server.status", "Show whether the server is connected"),
    },
    help="""Show the Kubernetes server of this switch

    \b
    Examples:
      show kubernetes server config
      show kubernetes server status""",
)
