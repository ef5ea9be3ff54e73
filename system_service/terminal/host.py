"""What the host's own `feature` commands share: how they name their argument, and their way to fail.

The host prints a failure's sentence on stdout and ends with 1, and scripts depend on it. Only what the switch itself
decides fails this way; a backend that is down is ours to report (stderr, docs/exit-codes.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from system_service.errors import SwitchError
from system_service.terminal.command import echo_json, spoken
from system_service.terminal.complete import feature_names

if TYPE_CHECKING:
    from system_service.domain.result import Report

optional_name = click.argument("feature_name", required=False, shell_complete=feature_names)
required_name = click.argument("name", metavar="<feature-name>", shell_complete=feature_names)


def fail(error: SwitchError, reports: Sequence[Report] = ()) -> NoReturn:
    """End the command as the host does: the sentence on stdout, exit code 1; with --json the envelope says the same.

    `reports` are the features of the envelope: what is known in spite of the failure.
    """
    context = click.get_current_context()
    error.exit_code = 1
    if context.params.get("as_json"):
        from system_service.domain.result import Result

        echo_json(Result(spoken(context), tuple(reports), error=error))
    else:
        from system_service.terminal.render import printable

        click.echo(printable(str(error)))
    context.exit(error.exit_code)
