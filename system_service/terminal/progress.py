"""What a person at a terminal sees of a command while it is at work."""

from __future__ import annotations

import sys
import time

import click

from system_service.terminal.render import is_terminal, printable
from system_service.terminal.screen import paint


class progress:  # noqa: N801 - used as a function: progress()(sentence)
    """Prints one line a stage on stderr with the seconds since the start, where stderr is a terminal."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.shown = is_terminal(sys.stderr)

    def __call__(self, sentence: str) -> None:
        if self.shown:
            # What an API server says of a pod is among them.
            line = f"{time.monotonic() - self.begun:6.1f} s  {printable(sentence)}"
            try:
                click.echo(paint(line, sys.stderr, dim=True), err=True)
            except OSError:  # nobody is there any more: what is being done goes on
                self.shown = False
