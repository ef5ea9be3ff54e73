"""Groups that load a command's module only when it is called, and take any unique prefix of its name.

A bare group prints its help on stdout and ends with 0 under every click version, as the host's groups do.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP_NAMES = {"help_option_names": ["-h", "-?", "--help"]}


class OrderedHelp(click.Command):
    """Names the help option in the order given; click 8.1 takes them from a set, and shuffles the line."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        names = super().get_help_option_names(ctx)
        return [name for name in ctx.help_option_names if name in names]


class LazyGroup(OrderedHelp, click.Group):
    """A group whose commands are named by a table: name -> (module, one line of help).

    The module's attribute `command` is the click command. Listing the group imports none of them.
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", HELP_NAMES)
        kwargs.setdefault("subcommand_metavar", "COMMAND [ARGS]...")  # click 8.2 and newer would bracket it
        super().__init__(*args, invoke_without_command=True, no_args_is_help=False, callback=_help_when_bare, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.table, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self._full_name(ctx, cmd_name)
        if name is None or name in self.commands:
            return self.commands.get(name) if name else None
        module, _ = self.table[name]
        command: click.Command = import_module(module).command
        return command

    def _full_name(self, ctx: click.Context, word: str) -> str | None:
        names = self.list_commands(ctx)
        if word in names:
            return word
        matches = [n for n in names if n.lower().startswith(word.lower())]
        if len(matches) > 1:
            # The host takes the shortest when it begins all the others (`show feature` beside `show feature-x`).
            shortest = min(matches, key=len)
            if all(m.startswith(shortest) for m in matches):
                return shortest
            if ctx.resilient_parsing:  # completion: no usage error in the middle of a Tab
                return None
            ctx.fail(f"Too many matches: {', '.join(sorted(matches))}")
        return matches[0] if matches else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and not args[0].startswith("-") and self._full_name(ctx, args[0]) is None:
            self._fail(ctx, args)
        # The usage line shows the full name, whatever prefix was typed.
        _, command, rest = super().resolve_command(ctx, args)
        return (command.name if command else None), command, rest

    def _fail(self, ctx: click.Context, args: list[str]) -> NoReturn:
        """In the words of the newest click, which knows of no command in a table."""
        from system_service.model.near import near

        word = args[0]
        found = near(word, self.list_commands(ctx)) or self._elsewhere(ctx, args)
        meant = ", ".join(map(repr, sorted(found)))
        hint = f" (Did you mean one of: {meant}?)" if "," in meant else f" Did you mean {meant}?" if meant else ""
        ctx.fail(f"No such command {word!r}.{hint}")

    def _elsewhere(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Where the words of a wrong order may belong: `snmp stop` is `stop snmp`, `stop` is `service stop`."""
        word, after = args[0], args[1:2]
        if after and after[0] in self.list_commands(ctx):
            return [f"{after[0]} {word}"]
        groups = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return [
            f"{name} {word}"
            for name, group in groups.items()
            if isinstance(group, click.Group) and word in group.list_commands(ctx)
        ]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # The table knows what a Tab asks; click would import every command that fits.
        from click.shell_completion import CompletionItem

        words = [w for w in self.list_commands(ctx) if w.startswith(incomplete)]
        items = [CompletionItem(word, help=self._line(word)) for word in words]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def _line(self, name: str) -> str:
        return self.table[name][1] if name in self.table else self.commands[name].get_short_help_str()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._line(name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.pass_context
def _help_when_bare(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
