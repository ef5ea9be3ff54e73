"""The list of `config kubernetes server` commands."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup

_HERE = "config_kube.kubernetes.server"

command = LazyGroup(
    "server",
    table={
        "disable": (f"{_HERE}.disable", "Stop using the Kubernetes server, or use it again"),
        "insecure": (f"{_HERE}.insecure", "Join without verifying the server, or verify it"),
        "ip": (f"{_HERE}.ip", "Set the address of the Kubernetes server"),
        "port": (f"{_HERE}.port", "Set the port of the Kubernetes server"),
    },
    help="""Server configuration

    \b
    Examples:
      config kubernetes server ip 10.10.10.10
      config kubernetes server disable on""",
)
