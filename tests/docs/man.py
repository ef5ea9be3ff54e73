"""Makes the manual pages from the commands' own help, and from docs/ what holds for all of them."""

from __future__ import annotations

import configparser
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "share" / "man" / "man1"
_CELLS = re.compile(r"(?<!\\)\|")


def page(program: str, contexts: list[click.Context]) -> str:
    """The page of a program in roff (man macros); `contexts` are its own and those of the commands below it."""
    root, *commands = contexts
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    summary, *_ = root.command.help.split(".")
    version = f"{setup['metadata']['name']} {setup['metadata']['version']}"
    lines = [
        f'.TH {program.upper()} 1 "" "{version}" "SONiC system service"',
        ".nh",  # the words of a command are neither hyphenated
        ".ad l",  # ... nor set apart
        ".SH NAME",
        f"{_text(program)} \\- {_text(summary[:1].lower() + summary[1:])}",
        ".SH SYNOPSIS",
        f".B {_text(program)}",
        _text("COMMAND [ARGS]..."),
        ".SH DESCRIPTION",
        *_paragraphs(root.command.help),
        ".PP",
        _text("Any unique prefix of a command's word will do. -h, -? and --help explain each command."),
        ".SH COMMANDS",
    ]
    for context in commands:
        if not isinstance(context.command, click.Group):
            lines += _command(context)
    lines += [".SH EXIT STATUS", *_exit_status()]
    lines += [".SH ENVIRONMENT", *_environment()]
    lines += [".SH FILES", *_files()]
    pages = [f"{other}(1)" for other in ("config-kube", "show-kube", "system") if other != program]
    others = [*pages, "docker(1)", "journalctl(1)", "systemctl(1)"]
    lines += [".SH SEE ALSO", _text(", ".join(others))]
    return "\n".join(lines) + "\n"


def _command(context: click.Context) -> Iterator[str]:
    words = context.command_path
    yield f".SS {_text(words)}"
    usage = " ".join(context.command.collect_usage_pieces(context))
    yield f".B {_text(words)}"
    yield _text(usage)
    yield ".PP"
    yield from _paragraphs(context.command.help)
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record and "--help" not in parameter.opts:
            yield ".TP"
            yield f".B {_text(record[0])}"
            yield _text(record[1])


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a command's help; one that begins with \\b keeps its lines."""
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ".PP"
        first, *lines = paragraph.splitlines()
        if first != "\b":
            yield _text(" ".join([first, *lines]))
            continue
        yield ".nf"
        yield from map(_text, lines)
        yield ".fi"


def _exit_status() -> Iterator[str]:
    for code, _, meaning, step in _rows("docs/exit-codes.md", "code"):
        yield ".TP"
        yield f".B {_text(code)}"
        yield _text(meaning + (f". Next: {step}." if step else "."))


def _environment() -> Iterator[str]:
    for variable, default, meaning in _settings():
        yield ".TP"
        yield f".B {_text(variable.strip('`'))}"
        yield _text(f"{meaning}. Default: {default}." if default else f"{meaning}.")


def _files() -> Iterator[str]:
    """The settings that are a file of the host."""
    for variable, default, meaning in _settings():
        path = default.strip("`").removeprefix("unix://")
        if path.startswith("/") and " " not in path:
            yield ".TP"
            yield f".I {_text(path)}"
            yield _text(f"{meaning} ({variable.strip('`')}).")


def _settings() -> Iterator[list[str]]:
    return (row for row in _rows("docs/settings.md", "variable") if not row[2].startswith("sandbox only"))


def _rows(page: str, head: str) -> Iterator[list[str]]:
    """The cells of the table of a page that has this word above its first column."""
    inside = False
    for line in (ROOT / page).read_text().splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]
        inside = bool(cells) and (inside or cells[0] == head)
        if inside and cells[0] != head and not cells[0].startswith("---"):
            yield cells


def _text(words: str) -> str:
    """Plain text, with `code` of Markdown, as roff takes it: one line, with nothing in it that is a request."""
    for plain, roff in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("^", "\\(ha"), ("~", "\\(ti")):
        words = words.replace(plain, roff)
    words = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", words)
    words = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", words).replace("`", "\\(ga")
    return f"\\&{words}" if words.startswith(".") else words
