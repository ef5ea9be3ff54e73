"""Makes docs/commands.md from the help of the commands themselves: `python -m tests.docs.generate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from config_kube.cli import cli as config_kube
from show_kube.cli import cli as show_kube
from system_service.cli import cli as system

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
ROOTS = {"system": system, "show-kube": show_kube, "config-kube": config_kube}
HEAD = """# Command reference

Made from the commands' own help by `make docs`; a test compares the two. On a switch, `show-kube feature ...` is also
`show feature ...`, and `config-kube feature ...` is `config feature ...`. Any unique prefix of a word will do. What the
exit codes mean: [exit-codes.md](exit-codes.md); what `--json` prints: [json-output.md](json-output.md).
"""


def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below and including this one, with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, f"{' '.join(path)} lists {name} and has no such command"
            yield from walk(child, (*path, name))


def page() -> str:
    parts = [HEAD]
    for root, command in ROOTS.items():
        for path, found in walk(command, (root,)):
            context = None
            for word in path:
                # With the command's own settings: click remembers the help option that it made first.
                context = click.Context(
                    found,
                    info_name=word,
                    parent=context,
                    terminal_width=100,
                    max_content_width=100,
                    **found.context_settings,
                )
            assert context is not None
            parts.append(f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}\n\n```text\n{found.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
