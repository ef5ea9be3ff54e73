"""The list of `system container` commands: name, module, one line of help."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup

_HERE = "system_service.container"

command = LazyGroup(
    "container",
    table={
        "start": (f"{_HERE}.start", "Start a feature's container (a unit's ExecStartPre)"),
        "stop": (f"{_HERE}.stop", "Stop a feature's container (a unit's ExecStop)"),
        "kill": (f"{_HERE}.kill", "Kill a feature's container (warm and fast reboot)"),
        "wait": (f"{_HERE}.wait", "Wait for the end of a feature's container (a unit's ExecStart)"),
        "id": (f"{_HERE}.id", "Print the docker name or id that runs a feature"),
        "inspect": (f"{_HERE}.inspect", "Print what Docker knows of a feature's container"),
        "exec": (f"{_HERE}.exec", "Run a command in a feature's container"),
        "state": (f"{_HERE}.state", "Record that a container is up or down"),
    },
    help="""What units, scripts and containers call; the place of the host's `container` script.

    \b
    Examples:
      system container start snmp
      system container stop -t 60 teamd
      system container id snmp""",
)
