"""A command of ours: errors become a sentence, a next step and an exit code, or the JSON envelope. The only such place.

Commands return a Result; what they print beside it is data on stdout.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from system_service.errors import NotPermitted, SwitchError
from system_service.terminal.groups import HELP_NAMES, OrderedHelp

if TYPE_CHECKING:
    from system_service.domain.result import Result

# Whoever runs the command, the host's program or ours, under whatever name.
_PROGRAMS = {"show_kube": "show", "config_kube": "config"}


class Command(OrderedHelp):
    """A click command whose callback may raise SwitchError or return a Result."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", HELP_NAMES)
        super().__init__(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        # What the host's `show` would say to these two, around a command of ours, is not what ours say.
        try:
            return self._shown(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(130)
        except OSError as error:
            if error.errno == errno.EPIPE:  # nobody reads on: click ends quietly
                raise
            from system_service.terminal.program import output_lost

            ctx.exit(output_lost(error))

    def _shown(self, ctx: click.Context) -> Any:
        try:
            outcome = super().invoke(ctx)
        except SwitchError as error:
            outcome = _failure(ctx, error)
        except PermissionError as error:
            # Whatever file it was: the operator's answer is the same.
            message = f"{error.filename or 'a file'}: {error.strerror}"
            outcome = _failure(ctx, NotPermitted(message, "run it as root (sudo)"))
        # A command that has printed its table returns None, and does not pay for the import of Result.
        if outcome is not None:
            if ctx.params.get("as_json"):
                echo_json(outcome)
            elif outcome.error:
                echo_error(outcome.error)
            if outcome.exit_code:
                ctx.exit(outcome.exit_code)
        return outcome


def _failure(ctx: click.Context, error: SwitchError) -> Result:
    from system_service.domain.result import Result

    return Result(spoken(ctx), dry_run=ctx.params.get("dry_run", False), error=error)


def spoken(ctx: click.Context) -> str:
    """The command as the host's operator says it, in full words: `show feature mode`, `system service stop`."""
    package = (ctx.command.callback.__module__ if ctx.command.callback else "").partition(".")[0]
    words: list[str] = []
    while ctx.parent is not None:
        words.insert(0, ctx.command.name or "")
        ctx = ctx.parent
    return " ".join([_PROGRAMS.get(package, "system"), *words])


def echo_json(result: Result) -> None:
    """The result on stdout, as one JSON object."""
    import json

    from system_service.terminal.envelope import envelope

    click.echo(json.dumps(envelope(result), indent=2))


def echo_error(error: SwitchError) -> None:
    """An error on stderr: its sentence, and what to try."""
    # Not at the top: a command that succeeds does not pay for it.
    from system_service.terminal.render import printable
    from system_service.terminal.screen import remark

    remark("Error", str(error), "red")
    # In one piece, whatever the width: it is there to be copied.
    click.echo(f"Try: {printable(error.resolution)}", err=True)


def echo_steps(steps: Sequence[str], *, failed: bool, of: str = "") -> None:
    """Steps on stdout, a line each, after the name of what they are taken on.

    Where there is none, and none failed, that is said.
    """
    from system_service.terminal.render import printable

    for step in steps or ([] if failed else ["nothing to do"]):
        # Keys of a database and words of others are among them.
        click.echo(printable(f"{of}: {step}" if of else step))


def echo_stage(sentence: str) -> None:
    """A step that was taken, for the journal of the unit that calls."""
    from system_service.terminal.render import printable

    click.echo(printable(sentence), err=True)


def echo_warning(sentence: str) -> None:
    """A sentence on stderr that is no error."""
    from system_service.terminal.screen import remark

    remark("Warning", sentence, "yellow")
