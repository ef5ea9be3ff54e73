"""`system service enable`."""

from __future__ import annotations

from system_service.domain.change.plan import Verb
from system_service.terminal.change import verb_command

command = verb_command(
    "enable",
    Verb.ENABLE,
    """Enable features and start them.

    Where featured runs it does the work; the command writes the intent, watches, and does what featured leaves: a unit
    that was masked by hand, say, or a feature that featured excludes.

    \b
    Examples:
      system service enable lldp
      system service enable lldp --no-wait
    """,
    writes_config=True,
)
