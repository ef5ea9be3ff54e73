"""How the console scripts run their group."""

from __future__ import annotations

import gc
import os
import sys

import click


def run(group: click.Group, name: str) -> None:
    """Run the program under its own name, `python -m` or not, and end the process with its exit code."""
    try:
        sys.exit(_exit_code(group, name))
    finally:
        # The interpreter's last collection would walk all of click to free nothing that matters: a tenth of the time
        # that a command takes.
        gc.freeze()


def _exit_code(group: click.Group, name: str) -> int:
    try:
        outcome = group.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130  # Ctrl-C, where click itself would say 1
    except OSError as error:
        # The backends have turned their own into ours: this is the output's (a full disk).
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), 1)  # what is still in the buffer would fail once more at the end
        click.echo(f"Error: the output cannot be written: {error.strerror or error}", err=True)
        return 1
    return outcome if isinstance(outcome, int) else 0
