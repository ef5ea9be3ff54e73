"""How our commands become part of the host's `show` and `config`: its groups get what they lack, and keep the rest.

Loaded by every `show` and `config` on the switch, whatever is asked: nothing is imported here that click has not.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from system_service.terminal.groups import LazyGroup


def extend(host: click.Group, ours: click.Group) -> None:
    """Add what our groups name in their tables to the host's groups of the same names.

    A word that the host has stays the host's. A whole group is ours only where the host has none of that name.
    """
    for name, group in ours.commands.items():
        there = host.commands.get(name)
        if there is None:
            host.add_command(group)
        elif isinstance(there, click.Group) and isinstance(group, LazyGroup) and there is not group:
            for word, (module, text) in group.table.items():
                if word not in there.commands:
                    there.add_command(Deferred(word, module, text))


class _Loaded:
    """An attribute of a deferred command that only the real one knows."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, command: Deferred, owner: type) -> Any:
        return getattr(command.load(), self.name)

    def __set__(self, command: Deferred, value: object) -> None:
        """What click presets for every command says nothing of this one."""


class Deferred(click.Command):
    """A command in a group that is not ours: listed without its module, which is imported when it is called."""

    params, help, callback, context_settings = (_Loaded(), _Loaded(), _Loaded(), _Loaded())

    def __init__(self, name: str, module: str, text: str) -> None:
        """The attribute `command` of `module` is the real one; `text` is what the group's help says of it."""
        super().__init__(name, short_help=text)
        self.module = module

    def load(self) -> click.Command:
        """The real command. Raises ClickException: its module, or one that it needs, is not there."""
        try:
            command: click.Command = import_module(self.module).command
        except ImportError as error:
            raise click.ClickException(
                f"`{self.name}` cannot be loaded: {error}\nTry: install the package's wheel again"
            ) from error
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        # The context is the real command's: from here on it is parsed, run, completed and helped as standalone.
        return self.load().make_context(*args, **kwargs)
