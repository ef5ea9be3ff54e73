"""`system service restart`."""

from __future__ import annotations

from system_service.domain.change.plan import Verb
from system_service.terminal.change import verb_command

command = verb_command(
    "restart",
    Verb.RESTART,
    """Restart features, in either mode; a stopped one is started.

    Earlier failures are forgotten, so that the unit's start limit is not spent.

    \b
    Examples:
      system service restart snmp
      system service restart snmp lldp --json
    """,
)
