"""`system service start`."""

from __future__ import annotations

from system_service.domain.change.plan import Verb
from system_service.terminal.change import verb_command

command = verb_command(
    "start",
    Verb.START,
    """Start features, in either mode.

    A disabled feature is refused: enable it first. A running one is left alone.

    \b
    Examples:
      system service start snmp
      system service start snmp lldp --timeout 30
    """,
)
