"""Whether this process may change the switch."""

from __future__ import annotations

import os

from system_service.errors import NotPermitted


def need_root(command: str) -> None:
    """Raises NotPermitted where it may not. `command`: as it was typed."""
    if os.geteuid() != 0:
        raise NotPermitted(f"'{command}' needs root", "run it as root (sudo)")
