"""`system container wait`: becomes the waiter, which is a lean process of its own."""

from __future__ import annotations

import os
import sys

import click

import system_service
from system_service.errors import UnknownFeature
from system_service.model.feature import valid_name
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names
from system_service.terminal.options import unused_timeout_option


@click.command("wait", cls=Command)
@unused_timeout_option()
@click.argument("name", shell_complete=feature_names)
def command(name: str) -> None:
    """Wait for the end of a feature's container, as a unit's ExecStart does. Exit code 0: it has ended.

    It lives through restarts of dockerd and of Redis, and through `docker restart` of its container.

    \b
    Examples:
      system container wait snmp
    """
    if not valid_name(name):
        raise UnknownFeature(f"there is no container {name!r}", "docker ps -a")
    argv = waiter_argv(name)
    os.execv(argv[0], argv)  # noqa: S606 - a list of words, and no shell


def waiter_argv(name: str) -> list[str]:
    """The waiter's command line, with the folders it cannot find by itself: it starts without site-packages."""
    import hiredis

    here = os.path.dirname(os.path.abspath(system_service.__file__))
    folders = dict.fromkeys([os.path.dirname(here), os.path.dirname(os.path.dirname(hiredis.__file__))])
    return [sys.executable, "-I", "-S", os.path.join(here, "waiter.py"), name, *folders]
