"""The order of the host's tables: lldp2 before lldp10. Apart from `feature`, so that a table costs no dataclasses."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key for any string, as natsort's default orders ASCII.

    Numbers come before text, never converted: int() refuses thousands of digits, and a name is whatever somebody
    wrote into Redis.
    """
    parts = _DIGITS.split(name)
    return tuple(_number(p) if i % 2 else (1, 0, p) for i, p in enumerate(parts) if p)


def _number(digits: str) -> tuple[int, int, str]:
    digits = digits.lstrip("0")
    return 0, len(digits), digits
