"""What --json prints of a result: the one place that knows the keys of docs/json-output.md, and their order.

Rows that are shown as the databases have them bring their fields' names along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from system_service.domain.result import CheckReport, Explanation, FeatureReport, RowReport, Unseen

if TYPE_CHECKING:
    from system_service.domain.result import NodeReport, Report, Result
    from system_service.model.snapshot import InstanceState


def envelope(result: Result) -> dict[str, Any]:
    """The JSON object of the result, of plain values."""
    error = result.error
    return {
        "command": result.command,
        "changed": result.changed,
        "dry_run": result.dry_run,
        "features": [{"name": r.name, **_keys(r), "changed": r.changed} for r in result.reports],
        "error": error
        and {
            "kind": error.kind,
            "message": str(error),
            "resolution": error.resolution,
            "exit_code": error.exit_code,
        },
        **result.facts,
        **({} if result.node is None else {"node": _node(result.node)}),
        **({} if result.steps is None else {"steps": list(result.steps)}),
    }


def _node(report: NodeReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "joined": report.joined,
        "server": report.server,
        "warnings": list(report.warnings),
        **_plan(report),
    }


def _keys(report: Report) -> dict[str, Any]:
    """What stands between `name` and `changed`."""
    match report:
        case FeatureReport():
            return _seen(report)
        case Unseen():
            return _unseen(report)
        case CheckReport():
            return _checked(report)
        case Explanation():
            lists = {"now": report.now, "why": report.why, "next": report.next, "changes": report.changes}
            return _seen(report.report) | {heading: list(lines) for heading, lines in lists.items()}
        case RowReport():
            return dict(report.fields)


def _seen(report: FeatureReport) -> dict[str, Any]:
    feature = report.feature
    return {
        "mode": feature.mode.value,
        "owner": report.owner.value,
        "fallback": feature.fallback,
        "status": report.status,
        "version": report.version,
        "since": report.since,
        "detail": report.detail,
        "state": feature.state.value,
        "auto_restart": feature.auto_restart,
        "auto_restart_state": feature.restarts.value,
        "instances": [_instance(instance) for instance in report.instances],
        **_plan(report),
        **({"warning": report.warning} if report.warning else {}),
    }


def _unseen(report: Unseen) -> dict[str, Any]:
    feature = report.feature
    intent = feature and {
        "mode": feature.mode.value,
        "fallback": feature.fallback,
        "state": feature.state.value,
        "auto_restart": feature.auto_restart,
        "auto_restart_state": feature.restarts.value,
    }
    return {**(intent or {}), "detail": report.detail, **_plan(report)}


def _plan(report: FeatureReport | Unseen | NodeReport) -> dict[str, Any]:
    return {} if report.plan is None else {"plan": list(report.plan)}


def _checked(report: CheckReport) -> dict[str, Any]:
    return {
        "mode": report.feature.mode.value,
        "owner": report.owner.value,
        "fallback": report.feature.fallback,
        "state": report.feature.state.value,
        "expected": report.expected,
        "running": report.running,
        "alarm": report.alarm,
        "missing": list(report.missing),
        "missing_processes": [
            {"container": dead.container, "owner": dead.owner.value, "process": dead.process}
            for dead in report.missing_processes
        ],
        "detail": report.detail,
    }


def _instance(instance: InstanceState) -> dict[str, Any]:
    box, unit = instance.container, instance.unit if instance.unit and instance.unit.exists else None
    return {
        "namespace": instance.spec.namespace,
        "container": instance.spec.container,
        "container_state": instance.run.value,
        "container_id": box.id[:12] if box else "",
        "image": box.image if box else "",
        "health": box.health if box else "",
        "pods": [
            {"container_id": pod.id[:12], "image": pod.image, "open": pod is instance.serving} for pod in instance.pods
        ],
        "unit": unit.name if unit else "",
        "unit_state": unit.words if unit else "",
    }
