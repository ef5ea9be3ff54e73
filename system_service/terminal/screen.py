"""What a person at a terminal gets: colours, and lines that fit. Pipes and files get it plain and whole.

For what is ours alone: the host's own tables come from `render`, and are the same everywhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import click

from system_service.terminal import render

_STATUS = {
    "running": "green",
    "starting": "yellow",
    "stopping": "yellow",
    "handover": "yellow",
    "fallback": "yellow",
    "pending": "yellow",
    "stopped": "red",
    "failed": "red",
}
# The column that holds sentences. Fewer columns of them than these tell nothing: then another column goes.
_TEXT = "Detail"
_SENTENCE = 30


def paint(text: str, stream: TextIO, **style: str | bool) -> str:
    """The text in a style of click's (`fg`, `dim`), where the stream takes colours: a terminal, and nobody objects."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb") or not render.is_terminal(stream)
    return text if plain else click.style(text, **style)  # type: ignore[arg-type]


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, spare: Sequence[str] = (), whole: str) -> None:
    """Print a table on stdout, as `render.table` does; on a terminal the words under Status have their colours.

    On a terminal that is too narrow the sentences of the last column are cut, at a word, after the columns `spare` were
    left out as far as needed, in this order; then a line on stderr says so, and that `whole` shows all of it.
    """
    if not render.is_terminal(sys.stdout):
        render.table(header, rows)
        return
    body = [[render.printable(cell).strip() for cell in row] for row in rows]
    lines, widths, lost = _fitted([list(header), *body], spare)
    status = lines[0].index("Status")
    for number, line in enumerate((lines[0], ["-" * width for width in widths], *lines[1:])):
        cells = [*map(str.ljust, line, widths)]
        if number > 1 and line[status] in _STATUS:
            cells[status] = (
                paint(line[status], sys.stdout, fg=_STATUS[line[status]]) + cells[status][len(line[status]) :]
            )
        click.echo(render.GAP.join(cells).rstrip())
    if lost:
        click.echo(f"({lost}. Whole: {whole})", err=True)


def details(facts: Iterable[tuple[str, str]]) -> None:
    """Print one thing's facts on stdout, a line each, names aligned to the right; a terminal gets long ones wrapped."""
    lines = [(name, render.printable(value)) for name, value in facts]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        if name == "Status" and value in _STATUS:
            click.echo(f"{name:>{width}}: {paint(value, sys.stdout, fg=_STATUS[value])}")
        else:
            click.echo(_folded(f"{name:>{width}}: ", value, width + len(": "), sys.stdout))


def sentence(text: str, indent: int) -> None:
    """Print a sentence on stdout, so far from the margin; a terminal gets a long one wrapped, further from it."""
    click.echo(_folded(" " * indent, render.printable(text), indent + 2, sys.stdout))


def remark(word: str, text: str, colour: str) -> None:
    """Print `word: text` on stderr, the word in its colour; a terminal gets a long one wrapped."""
    line = _folded(f"{word}: ", render.printable(text), 2, sys.stderr)
    click.echo(paint(f"{word}:", sys.stderr, fg=colour) + line.removeprefix(f"{word}:"), err=True)


def _columns(stream: TextIO) -> int:
    """The width of a stream; more than any line where it is no terminal, or does not say."""
    if render.is_terminal(stream):
        text = os.environ.get("COLUMNS", "")
        columns = int(text) if text.isdecimal() else 0
        columns = columns or os.get_terminal_size(stream.fileno()).columns
        if columns:
            return columns
    return sys.maxsize


def _fitted(lines: list[list[str]], spare: Sequence[str]) -> tuple[list[list[str]], list[int], str]:
    """The lines, header first, as they fit; the widths of the columns; and what was lost, in words."""
    columns = _columns(sys.stdout)
    widths = render.widths(lines)
    if _length(widths) <= columns:
        return lines, widths, ""
    if lines[0][-1] == _TEXT and not any(line[-1] for line in lines[1:]):  # nothing is lost with it
        lines = [line[:-1] for line in lines]
    left_out: list[str] = []
    for name in spare:
        if _least(lines) <= columns:
            break
        place = lines[0].index(name)
        lines = [line[:place] + line[place + 1 :] for line in lines]
        left_out.append(name)
    lost = [f"no {', '.join(left_out)}"] if left_out else []
    widths = render.widths(lines, padding=0)
    over = _length(widths) - columns
    if over > 0 and lines[0][-1] == _TEXT:
        widths[-1] = max(widths[-1] - over, len(_TEXT))
        lines = [[*line[:-1], _cut(line[-1], widths[-1])] for line in lines]
        lost.append(f"{_TEXT} cut")
    return lines, widths, "; ".join(lost)


def _least(lines: Sequence[Sequence[str]]) -> int:
    """The columns that these lines need, when their text is cut as far as it makes sense."""
    widths = render.widths(lines, padding=0)
    if lines[0][-1] == _TEXT:
        widths[-1] = min(widths[-1], _SENTENCE)
    return _length(widths)


def _length(widths: Sequence[int]) -> int:
    return sum(widths) + len(render.GAP) * (len(widths) - 1)


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    more = "\u2026" if (sys.stdout.encoding or "").lower().startswith("utf") else "..."
    kept = text[: width - len(more) + 1]
    words, space, _ = kept.rpartition(" ")
    return (words.rstrip(" ,;:") if space else kept[:-1]) + more


def _folded(begin: str, text: str, indent: int, stream: TextIO) -> str:
    """`begin` and the text, in lines that fit, the second and further ones indented."""
    columns = _columns(stream)
    if len(begin) + len(text) <= columns:
        return begin + text
    import textwrap

    return textwrap.fill(
        text,
        max(columns, indent + _SENTENCE),
        initial_indent=begin,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
