"""From what is seen to what is said: status, owner, and why a feature is not as wanted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from system_service.domain.noted import SAME_VERSION, TWO_PODS, reason, stamp, took
from system_service.domain.result import Report
from system_service.domain.waiting_for import awaited, same_version, why_not_kube
from system_service.errors import SwitchError
from system_service.model.clock import number
from system_service.model.feature import Feature, Mode, Owner
from system_service.model.snapshot import Active, FeatureSeen, Run, Seen

# The word of a feature with several instances is that of its worst one, in this order.
_WORST_FIRST = ("failed", "stopping", "starting", "stopped", "disabled", "pending", "handover", "fallback", "running")
_RUNNING = frozenset({"running", "fallback", "handover"})
_DIGITS = str.maketrans("123456789", "000000000")


def status(wanted: FeatureSeen) -> str:
    """One of the status words of docs/commands.md; for several instances the worst."""
    words = {_status(wanted, seen) for seen in wanted.seen}
    return next((word for word in _WORST_FIRST if word in words), "stopped")


def running(found: Report) -> bool:
    """Whether somebody runs it, be it not the one that is wanted. On its way to a pod, run by nobody, it does not."""
    return found.fields["status"] in _RUNNING and found.fields["owner"] != Owner.NONE.value


def owner(wanted: FeatureSeen) -> Owner:
    """Who runs it, as seen in Docker, and for Kubernetes only behind an open gate."""
    return wanted.owner


def detail(wanted: FeatureSeen) -> str:
    """Why the feature is not as wanted, or ""."""
    reasons = [_detail(wanted, seen) for seen in wanted.seen]
    return "; ".join(dict.fromkeys(r for r in reasons if r))


def report(wanted: FeatureSeen, *, changed: bool = False, error: SwitchError | None = None) -> Report:
    """The feature as every command's JSON shows it."""
    feature = wanted.feature
    return Report(
        feature.name,
        {
            "mode": feature.mode.value,
            "owner": owner(wanted).value,
            "fallback": feature.fallback,
            "status": status(wanted),
            "version": version(wanted),
            "since": since(wanted),
            "detail": str(error) if error else detail(wanted),
            "state": feature.state.value,
            "auto_restart": feature.auto_restart,
            "auto_restart_state": feature.restarts.value,
            "instances": [_instance(seen) for seen in wanted.seen],
        },
        changed,
        error,
    )


def unseen(feature: Feature, error: SwitchError) -> Report:
    """What is known of a feature when Docker or systemd cannot be asked: what is wanted, and nothing seen."""
    return Report(
        feature.name,
        {
            "mode": feature.mode.value,
            "fallback": feature.fallback,
            "state": feature.state.value,
            "auto_restart": feature.auto_restart,
            "auto_restart_state": feature.restarts.value,
            "detail": str(error),
        },
        error=error,
    )


def unknown(name: str, error: SwitchError) -> Report:
    """A name that was asked for and is no feature's."""
    return Report(name, {"detail": str(error)}, error=error)


def version(wanted: FeatureSeen) -> str:
    """The version that a pod announced at its gate, or the tag of the local image; a digest or an untagged image has
    none."""
    if wanted.owner is Owner.KUBE:
        return wanted.state_row.get("container_version", "")
    image = next((seen.container.image for seen in wanted.seen if seen.container), "")
    name, _, tag = image.rpartition(":")
    return tag if name and "/" not in tag and "@" not in name else ""


def since(wanted: FeatureSeen) -> str:
    """When it came to be so: RFC 3339 UTC, or "".

    Where Kubernetes is wanted, since when the present owner runs it, or since when nobody does for the reason that is
    noted. Else by the STATE_DB row, as far as that agrees with what is seen; else of the (first) unit, where systemd
    was asked for it.
    """
    row, own = wanted.state_row, wanted.own
    if wanted.feature.mode is Mode.KUBERNETES or wanted.owner is Owner.KUBE:
        moment = took(own, wanted.owner)
        if not moment and wanted.owner is Owner.NONE and own.get("reason"):
            moment = number(own.get("since", ""))
        if moment:
            return stamp(moment)
    up = row.get("system_state") == "up"
    agrees = up is any(seen.runs for seen in wanted.seen) and row.get("current_owner", "") in ("", wanted.owner.value)
    if agrees and (noted := utc(row.get("update_time", ""))):
        return noted
    for seen in wanted.seen:
        if seen.unit and seen.unit.exists and seen.unit.since:
            return seen.unit.since
    return ""


def utc(host_time: str) -> str:
    """The host's local `%Y-%m-%d %H:%M:%S` as RFC 3339 UTC; "" for anything else."""
    # Not strptime: its import alone takes 3 ms.
    if host_time.translate(_DIGITS) != "0000-00-00 00:00:00":
        return ""
    try:
        moment = datetime.fromisoformat(host_time).astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # the last hour of the calendar has no time west of here
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def local(rfc3339: str) -> str:
    """RFC 3339 UTC as the host's tables show time; "" for anything else."""
    if rfc3339.translate(_DIGITS) != "0000-00-00T00:00:00Z":
        return ""
    try:
        return datetime.fromisoformat(rfc3339).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return ""


def _status(wanted: FeatureSeen, seen: Seen) -> str:
    feature = wanted.feature
    unit = seen.unit if seen.unit is not None and seen.unit.exists else None
    active = unit.active if unit else None
    if active is Active.DEACTIVATING:
        return "stopping"
    if seen.runs:
        if unit and active is Active.ACTIVATING and unit.sub != "auto-restart":
            return "starting"
        as_wanted = seen.owner.value == feature.mode.stored or same_version(wanted, seen)
        return "running" if as_wanted else _between(feature)
    if seen.run in (Run.PAUSED, Run.DEAD):
        return "failed"
    if seen.run is Run.RESTARTING or active in (Active.ACTIVATING, Active.RELOADING):
        return "starting"
    if feature.state.off:
        return "disabled"
    if active is Active.ACTIVE and feature.mode is Mode.KUBERNETES:
        # The unit's `wait` is at it: a pod is about to take over, or none has come yet.
        return "handover" if seen.pods else "pending"
    return "failed" if active in (Active.FAILED, Active.ACTIVE) else "stopped"


def _between(feature: Feature) -> str:
    """The word while the other owner runs it: kubernetes wanted and not there yet, or legacy and not back yet."""
    return "fallback" if feature.mode is Mode.KUBERNETES else "handover"


def pending(feature: Feature) -> bool:
    """Whether the local image may not serve while Kubernetes cannot: a unit without container waits then."""
    return feature.mode is Mode.KUBERNETES and not feature.fallback


def _detail(wanted: FeatureSeen, seen: Seen) -> str:
    feature = wanted.feature
    container, unit = seen.instance.container, seen.unit if seen.unit and seen.unit.exists else None
    if seen.run is Run.PAUSED:
        return f"container {container} is paused"
    if seen.run is Run.DEAD:
        return f"container {container} is dead: docker rm -f {container}"
    if wanted.kube_only and wanted.own.get("todo") == "uninstall":
        return f"being uninstalled: config feature uninstall {feature.name}"
    if wanted.kube_only and unit is None and seen.unit is not None and not feature.state.off:
        return f"{seen.instance.unit} is missing: system service sync"
    if unit and not seen.runs:
        if unit.active is Active.FAILED:
            return f"{unit.name} failed{f': {unit.result}' if unit.result else ''}"
        if unit.active is Active.ACTIVE and feature.mode is Mode.KUBERNETES:
            return awaited(wanted, seen)
        if unit.active is Active.ACTIVE:
            return f"{unit.name} is active, but its container is {seen.run.value}"
        if unit.sub == "auto-restart":
            return f"{unit.name} waits to be started again"
    if seen.run is Run.RUNNING:
        if unit and unit.active in (Active.INACTIVE, Active.FAILED):
            return f"container {container} runs although {unit.name} is {unit.active.value}"
        if feature.state.off:
            return "runs although it is disabled"
        if same_version(wanted, seen):
            return SAME_VERSION
        if feature.mode is Mode.KUBERNETES:
            return f"the local image serves: {why_not_kube(wanted, seen)}"
    if seen.serving and feature.mode is Mode.LEGACY:
        return "a pod still runs it, the local container is about to take over"
    if seen.serving and wanted.bare:
        return "a pod runs it, and nothing here could take over: there is no image of it on this switch"
    if seen.serving and reason(wanted.own) == TWO_PODS:
        return TWO_PODS
    return ""


def _instance(seen: Seen) -> dict[str, Any]:
    unit = seen.unit if seen.unit and seen.unit.exists else None
    return {
        "namespace": seen.instance.namespace,
        "container": seen.instance.container,
        "container_state": seen.run.value,
        "container_id": seen.container.id[:12] if seen.container else "",
        "image": seen.container.image if seen.container else "",
        "health": seen.container.health if seen.container else "",
        "pods": [{"container_id": pod.id[:12], "image": pod.image, "open": pod is seen.serving} for pod in seen.pods],
        "unit": unit.name if unit else "",
        "unit_state": f"{unit.active.value} ({unit.sub})" if unit else "",
    }
