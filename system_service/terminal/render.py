"""Tables as the host prints them, with untrusted values made harmless for a terminal.

The host's tables are tabulate's format "simple" with strings in all cells. That much of it is a dozen lines, held to
tabulate 0.9 by a property test; importing the package costs a looking command a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

_GAP = "  "
# A column is at least this much wider than its header.
_PADDING = 2


def printable(value: str) -> str:
    """The value with control characters escaped: what comes from Redis or an API must not drive the terminal."""
    return value if value.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of strings under a header on stdout; numbers stay the strings they are."""
    body = [[printable(cell).strip() for cell in row] for row in rows]
    widths = [max([len(head) + _PADDING, *map(len, cells)]) for head, *cells in zip(header, *body, strict=True)]
    for line in (header, ["-" * width for width in widths], *body):
        click.echo(_GAP.join(map(str.ljust, line, widths)).rstrip())


def details(facts: Iterable[tuple[str, str]]) -> None:
    """Print one thing's facts on stdout, a line each, names aligned to the right."""
    lines = [(name, printable(value)) for name, value in facts]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name:>{width}}: {value}")
