"""The list of `system service` commands: name, module, one line of help."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup

_HERE = "system_service.service"

command = LazyGroup(
    "service",
    table={
        "list": (f"{_HERE}.list", "All features, one line each"),
        "status": (f"{_HERE}.status", "What runs, and why not; exit 3 when something is not running"),
        "start": (f"{_HERE}.start", "Start features"),
        "stop": (f"{_HERE}.stop", "Stop features"),
        "restart": (f"{_HERE}.restart", "Restart features"),
        "enable": (f"{_HERE}.enable", "Enable features and start them"),
        "disable": (f"{_HERE}.disable", "Disable features and stop them"),
        "wait": (f"{_HERE}.wait", "Wait until features are running, stopped or moved"),
        "logs": (f"{_HERE}.logs", "The log of a feature's container"),
        "check": (f"{_HERE}.check", "For monit: do the expected containers and processes run?"),
        "monit": (f"{_HERE}.monit", "The monit configuration for this switch"),
        "sync": (f"{_HERE}.sync", "Send labels that could not be sent, finish what was cut off"),
        "explain": (f"{_HERE}.explain", "Why a feature is in its state, and what happens next"),
    },
    help="""Manage the features of this switch, in either mode.

    \b
    Examples:
      system service list
      system service status snmp --json
      system service stop snmp""",
)
