"""`system service disable`."""

from __future__ import annotations

from system_service.domain.change.plan import Verb
from system_service.terminal.change import verb_command

command = verb_command(
    "disable",
    Verb.DISABLE,
    """Disable features and stop them, for good.

    The unit is stopped, disabled and masked, by featured where it runs and does so. An always_enabled feature is
    refused.

    \b
    Examples:
      system service disable lldp
      system service disable lldp --dry-run
    """,
    writes_config=True,
)
