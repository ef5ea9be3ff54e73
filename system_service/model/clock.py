"""Docker's times as seconds since 1970 (UTC). datetime would cost the waiter more than these lines."""

from __future__ import annotations

_LAST_YEAR = 9998  # whatever zone it is shown in, a year has four digits
_LAST = 253_370_000_000.0  # in that year


def docker_time(text: str) -> float:
    """`2026-11-24T02:57:39.123456789Z` as Unix time; 0.0 for what is none, as Docker's own zero time is."""
    day, _, clock = text.partition("T")
    clock, zone, _ = clock.partition("Z")
    try:
        year, month, date = (int(word) for word in day.split("-"))
        hour, minute, second = clock.split(":")
        whole, _, fraction = second.partition(".")
        parts = (int(hour), int(minute), int(whole))
        if not zone or not 1970 <= year <= _LAST_YEAR or not _is_moment(month, date, *parts):
            return 0.0
        part = float(f"0.{fraction}") if fraction.isascii() and fraction.isdigit() else 0.0
        return _days(year, month, date) * 86400 + parts[0] * 3600 + parts[1] * 60 + parts[2] + part
    except ValueError:
        return 0.0


def number(text: str) -> float:
    """A field of our own that holds a moment (seconds since 1970) or some seconds; 0.0 for what holds none."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 < found < _LAST else 0.0


def _is_moment(month: int, date: int, hour: int, minute: int, second: int) -> bool:
    return 1 <= month <= 12 and 1 <= date <= 31 and 0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60


def _days(year: int, month: int, date: int) -> int:
    """Days from 1970-01-01 in the civil calendar."""
    if month <= 2:
        year, month = year - 1, month + 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + date - 719469
