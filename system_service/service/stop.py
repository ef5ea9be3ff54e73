"""`system service stop`."""

from __future__ import annotations

from system_service.domain.change.plan import Verb
from system_service.terminal.change import verb_command

command = verb_command(
    "stop",
    Verb.STOP,
    """Stop features, in either mode.

    The feature stays enabled and comes back at the next boot; `disable` is for good.

    \b
    Examples:
      system service stop snmp
      system service stop snmp --dry-run
    """,
)
