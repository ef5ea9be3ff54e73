"""Our part of the host's `config`: installed into config/plugins, and loaded by every `config`, whatever is asked."""

from __future__ import annotations

from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    import click


def register(cli: click.Group) -> None:
    """Add our commands to the host's groups; the host's loader calls this."""
    # Whatever is wrong with us, the host's commands must work, and it prints an exception into their output.
    with suppress(Exception):
        from config_kube.cli import cli as ours
        from system_service.terminal.plugin import extend

        extend(cli, ours)
