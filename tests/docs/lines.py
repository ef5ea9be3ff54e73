"""The command lines that the documents show: those of fenced `sh` and `console` blocks, and the examples of the help.

A block that no test runs has a comment before it, `<!-- not run: REASON -->`. The examples of the help are found in
docs/commands.md; those that no test runs are in NOT_RUN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = "docs/commands.md"
PROMPT = re.compile(r"(?:root@sonic:~#|\$) ")
LANGUAGES = {"console", "json", "mermaid", "sh", "text", "yaml"}
# Example of a command's help -> why no test runs it.
NOT_RUN: dict[str, str] = {}

_FENCE = re.compile(r"```(\w*)$")
_MARK = re.compile(r"<!-- not run: (.+) -->$")
_HEADING = re.compile(r"#+ (.+)$")
_EXAMPLES = re.compile(r"  Examples?:$")


@dataclass(frozen=True)
class Line:
    """One command line: where it stands, what is typed, what the document shows below it."""

    page: str
    number: int
    typed: str
    shown: tuple[str, ...] = ()
    not_run: str = ""
    chapter: str = ""
    """Heading above it."""

    def __str__(self) -> str:
        return f"{self.page}:{self.number}: {self.typed}"

    @property
    def fails(self) -> bool:
        """Whether the document shows that it ends with another exit code than 0."""
        return any(line.startswith(("Error:", "fatal:")) for line in self.shown) and "echo $?" not in self.typed


@dataclass
class Block:
    """A fenced block: its language, its lines from `number` on, and the mark before it."""

    page: str
    language: str
    number: int
    not_run: str
    chapter: str
    lines: list[str] = field(default_factory=list)


def pages() -> list[str]:
    """Every document that may show a command line, but for the reference."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(path.relative_to(ROOT)) for path in found if str(path.relative_to(ROOT)) != REFERENCE]


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page. AssertionError for one that is not closed."""
    open_block: Block | None = None
    mark = chapter = ""
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        if open_block is not None:
            if line == "```":
                yield open_block
                open_block, mark = None, ""
            else:
                open_block.lines.append(line)
        elif fence := _FENCE.match(line):
            open_block = Block(page, fence[1], number + 1, mark, chapter)
        elif line.strip():
            marked, heading = _MARK.match(line), _HEADING.match(line)
            mark = marked[1] if marked else ""
            chapter = heading[1] if heading else chapter
    assert open_block is None, f"{page}: a block has no end"


def lines(page: str) -> list[Line]:
    """The command lines of a page, in its order."""
    if page == REFERENCE:
        return list(_examples())
    read = {"sh": _script, "console": _session}
    return [line for block in blocks(page) if block.language in read for line in read[block.language](block)]


def _script(block: Block) -> Iterator[Line]:
    """Of a `sh` block: each line is a command, a backslash joins it with the next."""
    typed, first = "", 0
    for number, text in enumerate(block.lines, block.number):
        if not typed and (not text.strip() or text.startswith("#")):
            continue
        typed, first = (f"{typed}\n{text}", first) if typed else (text, number)
        if not text.endswith("\\"):
            yield Line(block.page, first, typed, not_run=block.not_run, chapter=block.chapter)
            typed = ""
    assert not typed, f"{block.page}:{first}: the line goes on and the block ends"


def _session(block: Block) -> Iterator[Line]:
    """Of a `console` block: what follows a prompt is typed, everything else is shown."""
    starts = [i for i, text in enumerate(block.lines) if PROMPT.match(text)]
    assert starts[:1] == [0], f"{block.page}:{block.number}: a console block begins with a prompt"
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        typed = PROMPT.sub("", block.lines[start], count=1)
        shown = tuple(text for text in block.lines[start + 1 : end] if text.strip())
        yield Line(block.page, block.number + start, typed, shown, block.not_run, block.chapter)


def _examples() -> Iterator[Line]:
    chapter, below = "", False
    for number, text in enumerate((ROOT / REFERENCE).read_text().splitlines(), 1):
        if heading := _HEADING.match(text):
            chapter = heading[1]
        if below and text.startswith("    "):
            typed = text.strip()
            yield Line(REFERENCE, number, typed, not_run=NOT_RUN.get(typed, ""), chapter=chapter)
        below = bool(_EXAMPLES.match(text)) or (below and text.startswith("    "))
