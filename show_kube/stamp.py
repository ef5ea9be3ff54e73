"""Times of STATE_DB, which the switch's scripts write as local time, for --json."""

from __future__ import annotations

import time


def utc(stamp: str) -> str | None:
    """RFC 3339 in UTC; None for what is no such time."""
    try:
        seconds = time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
