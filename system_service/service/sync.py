"""`system service sync`."""

from __future__ import annotations

import click

from system_service.backends import ctrmgrd, trigger
from system_service.domain.change import retry
from system_service.domain.change.labels import UNKNOWN, ask_node, close_gates, record_desired, send
from system_service.domain.change.operate import Ask
from system_service.domain.change.plan import Request, Verb
from system_service.domain.kube_only.install import repair
from system_service.domain.result import Result, RowReport
from system_service.domain.status.observe import intent, kube_only, see
from system_service.domain.status.report import report
from system_service.domain.switch import Switch
from system_service.errors import SwitchError
from system_service.model.feature import Mode
from system_service.model.kube_server import configured
from system_service.model.naming import feature_of_label
from system_service.model.snapshot import FeatureState, Host, Snapshot
from system_service.terminal.change import outcome
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, names_argument
from system_service.terminal.progress import progress

_TIMEOUT = 60.0  # seconds for each feature that needs something


@click.command("sync", cls=Command)
@names_argument(required=False)
@click.option(
    "--boot", is_flag=True, help="Before the kubelet starts: close the gates of features nobody spoke of yet."
)
@click.option("--again", is_flag=True, help="What fails is tried again by systemd, later each time; exit code 75 then.")
@json_option()
def command(names: tuple[str, ...], boot: bool, again: bool, as_json: bool) -> Result:
    """Send node labels that could not be sent, and finish what was interrupted.

    A unit that an image upgrade lost, of a feature that exists in Kubernetes only, is made anew; a `config feature
    install` or `uninstall` that was cut off is completed. Nothing to send: no question to the API server. Exit code 7:
    it cannot be reached; as its unit calls it (--again) systemd tries again after 15 s, later each time, up to five
    minutes.

    \b
    Examples:
      system service sync
      system service sync snmp --json
    """
    if boot:
        return _close(names, as_json)
    try:
        result = _sync(names, as_json)
    except SwitchError as error:
        if again:
            retry.again(error)
        raise
    if again:
        retry.again(result.error)
    return result


def _close(names: tuple[str, ...], as_json: bool) -> Result:
    switch = Switch.from_env()
    intended = intent(switch, names)
    # Docker need not answer for this.
    features = tuple(
        FeatureState(f, (), intended.state_rows[f.name], kube_only=kube_only(switch, f, ())) for f in intended.features
    )
    closed = close_gates(switch, Snapshot(Host(), features))
    if configured(intended.server):
        # A database that began anew has forgotten which labels the node has: whoever was to drop one may be dead.
        trigger.ask(switch.run_dir)
    if not as_json:
        click.echo(f"gates closed: {', '.join(closed) or 'none to close'}")
    return Result("system service sync", tuple(RowReport(name, changed=True) for name in closed))


def _sync(names: tuple[str, ...], as_json: bool) -> Result:
    switch = Switch.from_env()
    intended = intent(switch, names)
    ask = Ask("system service sync", names, Request(Verb.MODE, Mode.KUBERNETES), _TIMEOUT, wait=False, tell=progress())
    repaired = repair(switch, ask)
    _settle(switch, names)
    sent = send(switch, names, tell=ask.tell)
    if not as_json:
        for one in repaired:
            click.echo(f"{one.name}: {'failed' if one.error else outcome(one)}")
        for key, value in sent.labels.items():
            click.echo(f"{key}: {'removed' if value is None else value}")
        if not sent.labels and not sent.failures and not repaired:
            click.echo("nothing to send")
    changed = {feature_of_label(key) for key in sent.labels} | {one.name for one in repaired if one.changed}
    errors: dict[str, SwitchError | None] = {feature_of_label(key): error for key, error in sent.failures.items()}
    errors |= {one.name: one.error for one in repaired if one.error or one.name not in errors}
    snapshot = see(switch, intent(switch, names) if repaired else intended)
    reports = tuple(report(f, changed=f.spec.name in changed, error=errors.get(f.spec.name)) for f in snapshot.features)
    left = {r.name for r in reports}
    gone = tuple(one for one in repaired if one.name not in left)
    return Result("system service sync", reports + gone, error=next((e for e in errors.values() if e), None))


def _settle(switch: Switch, names: tuple[str, ...]) -> None:
    """Note what is wanted of the labels by now; where it is not known what the node has, ask, once."""
    if ctrmgrd.present():
        return
    try:
        snapshot = see(switch, intent(switch, names))
    except SwitchError:  # what is noted already can be sent all the same
        return
    doubtful = record_desired(switch, snapshot)
    if not doubtful or not configured(snapshot.server):
        return
    try:
        ask_node(switch, doubtful)
    except SwitchError:
        # To be asked again, and said, only where something speaks for a label that is wrong.
        features = [f for f in snapshot.features if f.spec.name in doubtful]
        if any(f.own.label == UNKNOWN or any(instance.pods for instance in f.instances) for f in features):
            raise
