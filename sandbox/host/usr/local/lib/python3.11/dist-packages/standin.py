"""What stands in for the host's command line: its kinds of groups, its way to load plugins, its own commands.

The host's own words are there with their names; what they print and write is what our standalone programs do, which is
held to recordings of the real ones.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

import click

CONTEXT = {"help_option_names": ["-h", "--help", "-?"]}


class AbbreviationGroup(click.Group):
    """Takes a unique prefix, and of several the shortest word when all the others begin with it."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        exact = super().get_command(ctx, cmd_name)
        if exact is not None:
            return exact
        matches = [word for word in self.list_commands(ctx) if word.lower().startswith(cmd_name.lower())]
        if not matches:
            return None
        shortest = min(matches, key=len)
        if not all(word.startswith(shortest) for word in matches):
            ctx.fail(f"Too many matches: {', '.join(sorted(matches))}")
        return super().get_command(ctx, shortest)


class AliasedGroup(click.Group):
    """Takes a unique prefix; the root of `show`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        exact = super().get_command(ctx, cmd_name)
        if exact is not None:
            return exact
        matches = [word for word in self.list_commands(ctx) if word.lower().startswith(cmd_name.lower())]
        if len(matches) > 1:
            if ctx.resilient_parsing:
                return None
            ctx.fail(f"Too many matches: {', '.join(sorted(matches))}")
        return super().get_command(ctx, matches[0]) if matches else None


def own(program: str, *path: str, text: str) -> click.Command:
    """A command that the host has by itself; `program` does its work."""

    @click.argument("args", nargs=-1, type=click.UNPROCESSED)
    def run(args: tuple[str, ...]) -> None:
        os.execvp(program, [program, *path, *args])  # noqa: S606 - a program of ours, no shell

    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    return click.command(path[-1], short_help=text, context_settings=settings)(run)


def register_plugins(package: ModuleType, root: click.Group) -> None:
    """Import every module of the package, in alphabetical order, and let it register; what fails is printed."""
    for name, module in _imported(package):
        _told(name, functools.partial(_register, module, root))


def _imported(package: ModuleType) -> Iterator[tuple[str, ModuleType]]:
    for _, name, is_package in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if is_package:
            yield from _imported(importlib.import_module(name))
        else:
            module = _told(name, functools.partial(importlib.import_module, name))
            if module is not None:
                yield name, module


def _register(module: ModuleType, root: click.Group) -> None:
    module.register(root)


def _told(name: str, act: Callable[[], ModuleType | None]) -> ModuleType | None:
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - so does the host
        click.echo(f"failed to import plugin {name}: {error}")
        return None
