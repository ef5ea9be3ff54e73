"""`system service wait`."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from system_service.domain.interrupt import deferred
from system_service.domain.observe import observe
from system_service.domain.report import RUNNING, report
from system_service.domain.result import Report, Result
from system_service.domain.switch import Switch
from system_service.errors import TimedOut
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, names_argument, timeout_option
from system_service.terminal.progress import progress

_PAUSE = 0.25  # seconds between two looks
_GOALS: dict[str, Callable[[Report], bool]] = {
    "running": lambda r: r.fields["status"] in RUNNING,
    "stopped": lambda r: r.fields["status"] in ("stopped", "disabled", "failed") and r.fields["owner"] == "none",
    "legacy": lambda r: r.fields["owner"] == "local" and r.fields["mode"] == "legacy",
    "kubernetes": lambda r: r.fields["owner"] == "kube",
}


@click.command("wait", cls=Command)
@names_argument()
@click.option("--for", "goal", type=click.Choice(list(_GOALS)), required=True, help="What to wait for.")
@timeout_option(60)
@json_option()
def command(names: tuple[str, ...], goal: str, timeout: float, as_json: bool) -> Result:
    """Wait until features are running, stopped, or run in a mode. Exit code 6: not within the time limit.

    \b
    Examples:
      system service wait snmp --for running
      system service wait snmp lldp --for stopped --timeout 30
    """
    switch, tell = Switch.from_env(), progress()
    told: dict[str, str] = {}
    deadline = switch.engine.until = time.monotonic() + timeout
    with deferred() as interrupts:
        while True:
            reports = tuple(report(wanted) for wanted in observe(switch, names).features)
            missing = [r for r in reports if not _GOALS[goal](r)]
            if not missing or time.monotonic() >= deadline:
                break
            interrupts.check()
            for r in missing:
                status = r.fields["status"]
                if told.get(r.name) != status:
                    tell(f"{r.name} is {status}")
                told[r.name] = status
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
    if not as_json:
        for r in reports:
            click.echo(f"{r.name}: {r.fields['status']}")
    return Result("system service wait", reports, error=_late(missing, goal) if missing else None)


def _late(missing: list[Report], goal: str) -> TimedOut:
    words = ", ".join(f"{r.name} is {r.fields['status']}" for r in missing)
    return TimedOut(f"not {goal} in time: {words}", f"system service explain {missing[0].name}")
