"""What our own row says of a feature to those who show it: why, since when, and when that is over. Pure but for clocks.

Written by many, and by strangers too: nothing here fails for what a row holds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from system_service.model.clock import number
from system_service.model.feature import Owner
from system_service.model.reasons import SAME_VERSION as SAME_VERSION
from system_service.model.reasons import TWO_PODS as TWO_PODS

_MOST = 200  # letters of a reason


def reason(own: Mapping[str, str]) -> str:
    """Why the feature is not as wanted, as a line that a terminal can show; "" where nothing is noted."""
    return "".join(letter if letter.isprintable() else "?" for letter in own.get("reason", "")[:_MOST])


def took(own: Mapping[str, str], owner: Owner) -> float:
    """Since when (Unix time, to be shown) this owner runs it; 0.0 where that is not noted of this one."""
    word, _, moment = own.get("took", "").partition(" ")
    return number(moment) if word == owner.value else 0.0


def stamp(moment: float) -> str:
    """Unix time as RFC 3339 UTC; "" for 0.0."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def settles(own: Mapping[str, str]) -> float:
    """Until when (Unix time, to be shown) the local container serves because a pod failed; 0.0: no longer."""
    if not own.get("fell") or not own.get("settle"):
        return 0.0
    from system_service.handover.own_row import OwnRow  # a switch in legacy mode never comes here
    from system_service.model.boot import boot_id, uptime

    now = uptime()
    row = OwnRow(own, now, boot_id())
    left = max(row.fell, row.heard_at) + row.settle - now if row.settle else 0.0
    return time.time() + left if left > 0 else 0.0


def died(own: Mapping[str, str]) -> float | None:
    """How many seconds ago a pod's container that ran it ended, and not because it was told to; None: lately none."""
    if not own.get("deaths"):
        return None
    from system_service.handover.own_row import OwnRow
    from system_service.model.boot import boot_id, uptime

    now = uptime()
    deaths = OwnRow(own, now, boot_id()).deaths
    return now - deaths[-1] if deaths else None
