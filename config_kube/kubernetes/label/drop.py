"""`config kubernetes label drop`."""

from __future__ import annotations

import click

from config_kube.kubernetes.label.row import change
from config_kube.kubernetes.words import LabelKey
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import json_option


@click.command("drop", cls=Command)
@click.argument("key", type=LabelKey())
@json_option()
def command(key: str, as_json: bool) -> Result:
    """Drop a label from this switch's node. In the row it stays, with the value `false`.

    \b
    Example:
      config kubernetes label drop rack
    """
    return change(key, "false")
