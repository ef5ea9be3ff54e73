"""Tables as the host prints them, with untrusted values made harmless for a terminal.

The host's tables are tabulate's format "simple" with strings in all cells. That much of it is a dozen lines, held to
tabulate 0.9 by a property test; importing the package costs a looking command a tenth of its time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import click

GAP = "  "
# A column is at least this much wider than its header.
_PADDING = 2


def printable(value: str) -> str:
    """The value with control characters escaped: what comes from Redis or an API must not drive the terminal.

    So is what stdout's encoding has no sign for: one letter of a pod's message must not cost the whole table.
    """
    if not value.isprintable():
        value = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    if value.isascii() or sys.stdout is None:
        return value
    encoding = sys.stdout.encoding or "utf-8"
    return value.encode(encoding, "backslashreplace").decode(encoding)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody may be looking at it; Python has None in the place of a stream that was closed for us."""
    return stream is not None and stream.isatty()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of strings under a header on stdout; numbers stay the strings they are."""
    body = [[printable(cell).strip() for cell in row] for row in rows]
    columns = widths([header, *body])
    for line in (header, ["-" * width for width in columns], *body):
        click.echo(GAP.join(map(str.ljust, line, columns)).rstrip())


def widths(lines: Sequence[Sequence[str]], padding: int = _PADDING) -> list[int]:
    """How wide the columns are; the first line is the header, and has `padding` after it."""
    return [max([len(head) + padding, *map(len, cells)]) for head, *cells in zip(*lines, strict=True)]
