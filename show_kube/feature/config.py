"""`show feature config`: what CONFIG_DB asks of each feature, as the host prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from show_kube import rows
from system_service.terminal.command import Command
from system_service.terminal.host import optional_name
from system_service.terminal.options import json_option

if TYPE_CHECKING:
    from system_service.domain.result import Result

COLUMNS = (
    ("State", "state", ""),
    ("AutoRestart", "auto_restart", ""),
    ("Owner", "set_owner", "local"),
    ("fallback", "no_fallback_to_local", ""),
)
# The row says when there is NO fallback; the table says when there is one.
_NEGATED = {"true": "false", "false": "true"}


@click.command("config", cls=Command)
@optional_name
@json_option()
def command(feature_name: str | None, as_json: bool) -> Result | None:
    """Show what is configured for all features, or for one.

    \b
    Examples:
      show-kube feature config
      show-kube feature config snmp --json
    """
    found = rows.read(feature_name, "CONFIG_DB")
    if as_json:
        return rows.result([(name, _plain(row)) for name, row in found])
    for _, row in found:
        if "no_fallback_to_local" in row:
            word = row["no_fallback_to_local"].lower()
            row["no_fallback_to_local"] = _NEGATED.get(word, word)
    rows.show(found, COLUMNS)
    return None


def _plain(row: dict[str, str]) -> dict[str, Any]:
    from system_service.model.feature_row import falls_back  # a table shows the word that is there

    fields: dict[str, Any] = {field: row[field] for _, field, _ in COLUMNS if field in row}
    if fields.pop("no_fallback_to_local", None) is not None:
        fields["fallback"] = falls_back(row)
    return fields
