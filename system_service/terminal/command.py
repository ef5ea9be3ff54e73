"""A command of ours: errors become a sentence, a next step and an exit code, or the JSON envelope. The only such place.

Commands return a Result; what they print beside it is data on stdout.
"""

from __future__ import annotations

from typing import Any

import click

from system_service.domain.result import Result
from system_service.errors import NotPermitted, SwitchError
from system_service.terminal.groups import HELP_NAMES


class Command(click.Command):
    """A click command whose callback may raise SwitchError or return a Result."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", HELP_NAMES)
        super().__init__(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            outcome = super().invoke(ctx)
        except SwitchError as error:
            outcome = Result(spoken(ctx), error=error)
        except PermissionError as error:
            # Whatever file it was: the operator's answer is the same.
            outcome = Result(
                spoken(ctx),
                error=NotPermitted(f"{error.filename or 'a file'}: {error.strerror}", "run it as root (sudo)"),
            )
        if isinstance(outcome, Result):
            if ctx.params.get("as_json"):
                echo_json(outcome)
            elif outcome.error:
                echo_error(outcome.error)
            if outcome.exit_code:
                ctx.exit(outcome.exit_code)
        return outcome


def spoken(ctx: click.Context) -> str:
    """The command as the host's operator says it: `show feature mode`, `system service stop`."""
    words = ctx.command_path.split()
    first = words[0].rsplit("/", 1)[-1]
    names = {"show-kube": "show", "config-kube": "config"}
    return " ".join([names.get(first, first), *words[1:]])


def echo_json(result: Result) -> None:
    import json

    click.echo(json.dumps(result.envelope(), indent=2))


def echo_error(error: SwitchError) -> None:
    click.echo(f"Error: {error}", err=True)
    if error.resolution:
        click.echo(f"Try: {error.resolution}", err=True)
