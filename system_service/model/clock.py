"""Docker's and the host's times as seconds since 1970 (UTC). datetime would cost the waiter more than these lines."""

from __future__ import annotations

import time


def docker_time(text: str) -> float:
    """`2026-11-24T02:57:39.123456789Z` as Unix time; 0.0 for what is none, as Docker's own zero time is."""
    day, _, clock = text.partition("T")
    clock, zone, _ = clock.partition("Z")
    try:
        year, month, date = (int(word) for word in day.split("-"))
        hour, minute, second = clock.split(":")
        if not zone or year < 1970:
            return 0.0
        return _days(year, month, date) * 86400 + int(hour) * 3600 + int(minute) * 60 + float(second)
    except ValueError:
        return 0.0


def host_seconds(text: str) -> float:
    """`update_time` of a STATE_DB row (local time, whole seconds) as Unix time; 0.0 for what is none."""
    day, _, clock = text.partition(" ")
    try:
        year, month, date = (int(word) for word in day.split("-"))
        hour, minute, second = (int(word) for word in clock.split(":"))
        return time.mktime((year, month, date, hour, minute, second, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0


def number(text: str) -> float:
    """A field of our own that holds a number; 0.0 for what holds none."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 < found < 1e12 else 0.0


def _days(year: int, month: int, date: int) -> int:
    """Days from 1970-01-01 in the civil calendar."""
    if month <= 2:
        year, month = year - 1, month + 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + date - 719469
