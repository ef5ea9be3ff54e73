"""`config kubernetes label add`."""

from __future__ import annotations

import click

from config_kube.kubernetes.label.row import change
from config_kube.kubernetes.words import LabelKey, LabelValue
from system_service.domain.result import Result
from system_service.terminal.command import Command
from system_service.terminal.options import json_option


@click.command("add", cls=Command)
@click.argument("key", type=LabelKey())
@click.argument("val", type=LabelValue())
@json_option()
def command(key: str, val: str, as_json: bool) -> Result:
    """Add a label to this switch's node, or change it.

    \b
    Examples:
      config kubernetes label add rack r12
      config kubernetes label add example.com/site berlin
    """
    return change(key, val)
