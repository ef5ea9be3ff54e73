"""What an operator at a terminal may want to hear after a command. Scripts never see it."""

from __future__ import annotations

import sys

import click

from system_service.terminal.render import is_terminal

_SAID = "system_service.save_hint"


def save_hint() -> None:
    """Say, once a command, that CONFIG_DB is not kept over a reboot: on stderr, and only if that is a terminal."""
    said = click.get_current_context().find_root().meta
    if not said.get(_SAID) and is_terminal(sys.stderr):
        click.echo("Run `config save` to keep this over a reboot.", err=True)
    said[_SAID] = True
