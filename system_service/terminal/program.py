"""How the console scripts run their group."""

from __future__ import annotations

import gc

import click


def run(group: click.Group, name: str) -> None:
    """Run the program under its own name, `python -m` or not, and end the process with its exit code."""
    try:
        group(prog_name=name)
    finally:
        # The interpreter's last collection would walk all of click to free nothing that matters: a tenth of the time
        # that a command takes.
        gc.freeze()
