"""Makes docs/commands.md and the manual pages from the commands' own help: `python -m tests.docs.generate`.

And the drawing of docs/architecture.md from the imports.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from config_kube.cli import cli as config_kube
from show_kube.cli import cli as show_kube
from system_service.cli import cli as system
from tests.docs import man, structure

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
ROOTS = {"system": system, "show-kube": show_kube, "config-kube": config_kube}
HEAD = """# Command reference

Made from the commands' own help by `make docs`; a test compares the two. On a switch, `show-kube feature ...` is also
`show feature ...`, and `config-kube feature ...` is `config feature ...`. Any unique prefix of a word will do. What the
exit codes mean: [exit-codes.md](exit-codes.md); what `--json` prints: [json-output.md](json-output.md).
"""


def walk(command: click.Command, word: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """A context for this command and for every one below, each under its group's, as when it is typed."""
    context = click.Context(
        command,
        info_name=word,
        parent=parent,
        terminal_width=100,
        max_content_width=100,
        **command.context_settings,
    )
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, f"{context.command_path} lists {name} and has no such command"
            yield from walk(child, name, context)


def page() -> str:
    parts = [HEAD]
    for root, command in ROOTS.items():
        for context in walk(command, root):
            words = context.command_path
            mark = "#" * min(len(words.split()) + 1, 4)
            parts.append(f"{mark} {words}\n\n```text\n{context.get_help()}\n```\n")
    return "\n".join(parts)


def manuals() -> dict[Path, str]:
    """The manual pages: where each is, and what it is to be."""
    return {man.PAGES / f"{root}.1": man.page(root, list(walk(command, root))) for root, command in ROOTS.items()}


if __name__ == "__main__":
    PAGE.write_text(page())
    for path, text in manuals().items():
        path.write_text(text)
    structure.PAGE.write_text(structure.redrawn(structure.PAGE.read_text()))
