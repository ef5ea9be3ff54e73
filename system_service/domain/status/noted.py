"""What our own row notes of a feature, for those who show it: moments, and when what is noted is over.

Pure but for clocks.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from system_service.model.snapshot import Notes


def stamp(moment: float) -> str:
    """Unix time as RFC 3339 UTC; "" for 0.0."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def settles(own: Notes) -> float:
    """Until when (Unix time, to be shown) the local container serves because a pod failed; 0.0: no longer."""
    if not own.fell:
        return 0.0
    from system_service.handover.own_row import OwnRow  # a switch in legacy mode never comes here
    from system_service.model.boot import boot_id, uptime

    now = uptime()
    row = OwnRow(own.row, now, boot_id())
    left = max(row.fell, row.heard_at) + row.settle - now if row.settle else 0.0
    return time.time() + left if left > 0 else 0.0


def died(own: Notes) -> float | None:
    """How many seconds ago a pod's container that ran it ended, and not because it was told to; None: lately none."""
    if not own.died:
        return None
    from system_service.handover.own_row import OwnRow
    from system_service.model.boot import boot_id, uptime

    now = uptime()
    deaths = OwnRow(own.row, now, boot_id()).deaths
    return now - deaths[-1] if deaths else None
