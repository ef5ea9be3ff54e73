"""`config feature state`: the feature's state in CONFIG_DB, which featured acts on; `--block` waits until it has."""

from __future__ import annotations

import time

import click

from config_kube.row import change_everywhere
from system_service.backends.switchdb import SwitchDB
from system_service.domain.result import Result
from system_service.errors import Failed, Interrupted, TimedOut
from system_service.terminal import host
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, timeout_option

# Seconds between two looks at STATE_DB. A look costs Redis a tenth of a millisecond.
_PAUSE = 0.2
_SIGINT = 2


@click.command("state", cls=Command)
@host.required_name
@click.argument("state", metavar="<state>", type=click.Choice(["enabled", "disabled"]))
@click.option("--block", is_flag=True, help="Wait till operation is finished")
@timeout_option(60)
@json_option()
def command(name: str, state: str, block: bool, timeout: float, as_json: bool) -> Result:
    """Enable/disable a feature.

    \b
    Examples:
      config-kube feature state lldp disabled
      config-kube feature state lldp enabled --block --timeout 120
    """
    deadline = time.monotonic() + timeout
    db = SwitchDB.from_config()
    stale = _seen(db, name) if block else ""
    result = change_everywhere(db, name, "state", "state", state)
    if not block or result.error:
        return result
    try:
        # A failure that was there before our change is no answer to it; without a change it is the last word.
        word = _wait(db, name, state, deadline, stale if result.changed else "")
    except KeyboardInterrupt:
        stopped = Interrupted(
            _SIGINT,
            f"stopped waiting: the state of {name} is written and will be acted on",
            f"show feature status {name}",
        )
        return result._replace(error=stopped)
    if word == state:
        return result
    if word == "failed":
        host.fail(Failed(f"Feature failed to be {state}", f"journalctl -u {name}"), result.reports)
    late = TimedOut(
        f"{name} was not {state} within {timeout:g} s (STATE_DB says {word or 'nothing'})",
        "systemctl status featured",
    )
    return result._replace(error=late)


def _wait(db: SwitchDB, name: str, state: str, deadline: float, stale: str) -> str:
    """STATE_DB's word for the feature once it is `state`, or `failed` and not `stale`, or the deadline is over."""
    from system_service.terminal.progress import progress  # not for those that do not wait

    tell, last = progress(), ""
    while True:
        word = _seen(db, name)
        left = deadline - time.monotonic()
        if word == state or not left > 0 or (word == "failed" and word != stale):
            return word
        if word != stale:
            stale = ""
        if last != (says := f"{name}: STATE_DB says {word or 'nothing'}"):
            tell(says)
        last = says
        time.sleep(min(_PAUSE, left))


def _seen(db: SwitchDB, name: str) -> str:
    return db.rows(("STATE_DB", f"FEATURE|{name}"))[0].get("state", "")
