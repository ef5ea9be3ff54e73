"""`system service wait`."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from system_service.domain.change.meanwhile import Meanwhile
from system_service.domain.change.plan_mode import is_up
from system_service.domain.interrupt import deferred
from system_service.domain.result import FeatureReport, Result
from system_service.domain.status.observe import observe
from system_service.domain.status.report import report, running
from system_service.domain.switch import Switch
from system_service.errors import Busy, SwitchError, TimedOut, UnknownFeature, Unreachable
from system_service.model.feature import Mode, Owner
from system_service.model.snapshot import FeatureState, Host
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, names_argument, timeout_option
from system_service.terminal.progress import progress

_PAUSE = 0.25  # seconds between two looks
_GOALS: dict[str, Callable[[FeatureReport], bool]] = {
    "running": running,
    "stopped": lambda r: r.status in ("stopped", "disabled", "failed") and r.owner is Owner.NONE,
    "legacy": lambda r: r.owner is Owner.LOCAL and r.feature.mode is Mode.LEGACY,
    "kubernetes": lambda r: r.owner is Owner.KUBE,
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
    shown: dict[str, str] = {}
    reports: tuple[FeatureReport, ...] = ()
    watched = _Watched(goal)
    deadline = switch.docker.until = time.monotonic() + timeout
    with deferred() as interrupts:
        while True:
            lost: SwitchError | None = None
            try:
                snapshot = observe(switch, names)
            except (Unreachable, TimedOut, UnknownFeature) as error:
                # A reload, a daemon that restarts; a name that was never known is a mistake.
                if isinstance(error, UnknownFeature) and not reports:
                    raise
                lost = error
            else:
                reports = tuple(report(feature) for feature in snapshot.features)
                missing = [r for r in reports if not _GOALS[goal](r)]
                lost = next((e for f in snapshot.features if (e := watched.ended(snapshot.host, f))), None)
                if not missing or lost:
                    break
                for r in missing:
                    if shown.get(r.name) != r.status:
                        tell(f"{r.name} is {r.status}")
                    shown[r.name] = r.status
            if time.monotonic() >= deadline:
                break
            interrupts.check()
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
    if not as_json:
        for r in reports:
            click.echo(f"{r.name}: {r.status}")
    if isinstance(lost, TimedOut) and reports:  # the last look was cut off by the limit
        lost = None
    return Result("system service wait", reports, error=lost or (_late(missing, goal) if missing else None))


class _Watched:
    """Whether somebody has put an end to what is waited for: then it does not come any more."""

    def __init__(self, goal: str) -> None:
        self._goal = goal
        self._first: dict[str, FeatureState] = {}
        self._meanwhile = Meanwhile()

    def ended(self, host: Host, feature: FeatureState) -> SwitchError | None:
        name = feature.spec.name
        first = self._first.setdefault(name, feature)
        if self._goal == first.spec.mode.value != feature.spec.mode.value:
            return Busy(f"{name} is wanted in {feature.spec.mode.value} mode meanwhile", f"show feature mode {name}")
        if self._goal == "stopped" or first.spec.state.off or not is_up(host, first):
            return None
        return self._meanwhile.ended(host, feature)


def _late(missing: list[FeatureReport], goal: str) -> TimedOut:
    words = ", ".join(f"{r.name} is {r.status}" for r in missing)
    return TimedOut(f"not {goal} in time: {words}", f"system service explain {missing[0].name}")
