"""`system service status`."""

from __future__ import annotations

import click

from system_service.domain.look import look
from system_service.domain.report import local, running
from system_service.domain.result import Report, Result
from system_service.domain.switch import Switch
from system_service.errors import NotRunning
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
    reports = [r for r in looked.reports if "status" in r.fields]
    down = [r for r in reports if not running(r) and (names or r.fields["state"].endswith("enabled"))]
    if not as_json:
        _show(reports, one=len(names) == 1)
    verdict = None
    if down:
        verdict = NotRunning(
            f"not running: {', '.join(r.name for r in down)}", f"system service explain {down[0].name}"
        )
    return Result(looked.command, looked.reports, error=looked.error or verdict)


def _show(reports: list[Report], *, one: bool) -> None:
    if one:
        details(_facts(reports[0]))
        return
    table(
        ("Feature", "Status", "Mode", "Owner", "Since", "Detail"),
        (
            (r.name, *(r.fields[k] for k in ("status", "mode", "owner")), local(r.fields["since"]), r.fields["detail"])
            for r in reports
        ),
        spare=("Since", "Owner"),
        whole="--json, or with its NAME",
    )


def _facts(r: Report) -> list[tuple[str, str]]:
    f = r.fields
    facts = [
        ("Feature", r.name),
        ("Status", f["status"]),
        ("State", f["state"]),
        ("Mode", f["mode"]),
        ("Owner", f["owner"]),
        ("Fallback", "on" if f["fallback"] else "off"),
        ("Version", f["version"]),
        ("Since", local(f["since"])),
    ]
    for i in f["instances"]:
        facts.append(("Unit", f"{i['unit']} {i['unit_state']}" if i["unit"] else "none"))
        box = f"{i['container']} {i['container_id']} {i['container_state']}".replace("  ", " ")
        pod = next((pod for pod in i["pods"] if pod["open"]), None)
        if pod and f["owner"] == "kube":
            facts += [("Container", f"{pod['container_id']} of a pod"), ("Image", pod["image"])]
            # It stands by, for coming home.
            facts += [("Local", f"{box}, {i['image']}")] if i["container_id"] else []
        else:
            facts += [("Container", box), ("Image", i["image"]), ("Health", i["health"])]
    return [*(fact for fact in facts if fact[1]), *([("Detail", f["detail"])] if f["detail"] else [])]
