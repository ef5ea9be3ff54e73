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
        return output_lost(error)
    return outcome if isinstance(outcome, int) else 0


def output_lost(error: OSError) -> int:
    """Say that stdout could not be written (a full disk): the backends have turned their own errors into ours."""
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), 1)  # what is still in the buffer would fail once more at the end
    click.echo(f"Error: the output cannot be written: {error.strerror or error}", err=True)
    click.echo("Try: see to the place it is written to (`df`)", err=True)
    return 1
