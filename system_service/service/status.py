"""`system service status`."""

from __future__ import annotations

import click

from system_service.domain.result import FeatureReport, Result
from system_service.domain.status.overview import look
from system_service.domain.status.report import local, running
from system_service.domain.switch import Switch
from system_service.errors import NotRunning
from system_service.model.feature import Owner
from system_service.terminal.command import Command
from system_service.terminal.options import json_option, names_argument
from system_service.terminal.screen import details, table


@click.command("status", cls=Command)
@names_argument(required=False)
@json_option()
def command(names: tuple[str, ...], as_json: bool) -> Result:
    """What runs, and why not.

    Exit code 3: a named feature, or without names an enabled one, is not running. A feature that runs by fallback is
    running.

    \b
    Examples:
      system service status
      system service status snmp
      system service status snmp lldp --json
    """
    looked = look(Switch.from_env(), "system service status", names, partial=as_json)
    down = [r for r in looked.observed if not running(r) and (names or r.feature.state.value.endswith("enabled"))]
    if not as_json:
        _show(looked.observed, one=len(names) == 1)
    verdict = None
    if down:
        verdict = NotRunning(
            f"not running: {', '.join(r.name for r in down)}", f"system service explain {down[0].name}"
        )
    return Result(looked.command, looked.reports, error=looked.error or verdict)


def _show(reports: list[FeatureReport], *, one: bool) -> None:
    if one:
        details(_facts(reports[0]))
        return
    table(
        ("Feature", "Status", "Mode", "Owner", "Since", "Detail"),
        ((r.name, r.status, r.feature.mode.value, r.owner.value, local(r.since), r.detail) for r in reports),
        spare=("Since", "Owner"),
        whole="--json, or with its NAME",
    )


def _facts(r: FeatureReport) -> list[tuple[str, str]]:
    facts = [
        ("Feature", r.name),
        ("Status", r.status),
        ("State", r.feature.state.value),
        ("Mode", r.feature.mode.value),
        ("Owner", r.owner.value),
        ("Fallback", "on" if r.feature.fallback else "off"),
        ("Version", r.version),
        ("Since", local(r.since)),
    ]
    for instance in r.instances:
        unit, container, pod = instance.unit, instance.container, instance.serving
        facts.append(("Unit", f"{unit.name} {unit.words}" if unit and unit.exists else "none"))
        words = (instance.spec.container, container.id[:12] if container else "", instance.run.value)
        box = " ".join(word for word in words if word)
        if pod and r.owner is Owner.KUBE:
            facts += [("Container", f"{pod.id[:12]} of a pod"), ("Image", pod.image)]
            # It stands by, for coming home.
            facts += [("Local", f"{box}, {container.image}")] if container else []
        else:
            facts.append(("Container", box))
            facts += [("Image", container.image), ("Health", container.health)] if container else []
    return [*(fact for fact in facts if fact[1]), *([("Detail", r.detail)] if r.detail else [])]
