"""The list of `system host` commands: name, module, one line of help."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup

_HERE = "system_service.host"

command = LazyGroup(
    "host",
    table={
        "install": (f"{_HERE}.install", "After pip has installed or upgraded the package"),
        "uninstall": (f"{_HERE}.uninstall", "Before pip removes it"),
    },
    help="""Set the package up on this switch, and take it back: what pip cannot do.

    \b
    Examples:
      system host install
      system host install --kubernetes
      system host uninstall --dry-run""",
)
