"""Tables as the host prints them (tabulate "simple"), with untrusted values made harmless for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
from tabulate import tabulate


def printable(value: str) -> str:
    """The value with control characters escaped: what comes from Redis or an API must not drive the terminal."""
    return value if value.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of strings under a header on stdout; numbers stay the strings they are."""
    body = [[printable(cell) for cell in row] for row in rows]
    click.echo(tabulate(body, header, disable_numparse=True))


def details(facts: Iterable[tuple[str, str]]) -> None:
    """Print one thing's facts on stdout, a line each, names aligned to the right."""
    lines = [(name, printable(value)) for name, value in facts]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name:>{width}}: {value}")
