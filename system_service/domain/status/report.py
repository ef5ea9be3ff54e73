"""From what is seen to what is said: status, owner, and why a feature is not as wanted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from system_service.domain.result import FeatureReport
from system_service.domain.status.condition import sentence, word
from system_service.domain.status.noted import stamp
from system_service.errors import SwitchError
from system_service.model.feature import Feature, Mode, Owner
from system_service.model.snapshot import FeatureState

# The word of a feature with several instances is that of its worst one, in this order.
_WORST_FIRST = ("failed", "stopping", "starting", "stopped", "disabled", "pending", "handover", "fallback", "running")
_RUNNING = frozenset({"running", "fallback", "handover"})
_DIGITS = str.maketrans("123456789", "000000000")


def status(feature: FeatureState) -> str:
    """One of the status words of docs/commands.md; for several instances the worst."""
    words = {word(feature, instance) for instance in feature.instances}
    return next((worst for worst in _WORST_FIRST if worst in words), "stopped")


def running(found: FeatureReport) -> bool:
    """Whether somebody runs it, be it not the one that is wanted. On its way to a pod, run by nobody, it does not."""
    return found.status in _RUNNING and found.owner is not Owner.NONE


def owner(feature: FeatureState) -> Owner:
    """Who runs it, as seen in Docker, and for Kubernetes only behind an open gate."""
    return feature.owner


def detail(feature: FeatureState) -> str:
    """Why the feature is not as wanted, or ""."""
    reasons = [sentence(feature, instance) for instance in feature.instances]
    return "; ".join(dict.fromkeys(r for r in reasons if r))


def report(feature: FeatureState, *, changed: bool = False, error: SwitchError | None = None) -> FeatureReport:
    """The feature as most commands show it."""
    return FeatureReport(
        feature.spec,
        owner(feature),
        status(feature),
        version(feature),
        since(feature),
        str(error) if error else detail(feature),
        feature.instances,
        changed,
        error,
    )


def version(feature: FeatureState) -> str:
    """The version that a pod announced at its gate, or the tag of the local image.

    "" for an image that has a digest or no tag.
    """
    if feature.owner is Owner.KUBE:
        return feature.state_row.get("container_version", "")
    image = next((instance.container.image for instance in feature.instances if instance.container), "")
    name, _, tag = image.rpartition(":")
    return tag if name and "/" not in tag and "@" not in name else ""


def since(feature: FeatureState) -> str:
    """When it came to be so: RFC 3339 UTC, or "".

    Where Kubernetes is wanted, since when the present owner runs it, or since when nobody does for the reason that is
    noted. Else by the STATE_DB row, as far as that agrees with what is seen; else of the (first) unit, where systemd
    was asked for it.
    """
    row, own = feature.state_row, feature.own
    if feature.spec.mode is Mode.KUBERNETES or feature.owner is Owner.KUBE:
        moment = own.took(feature.owner)
        if not moment and feature.owner is Owner.NONE and own.reason:
            moment = own.since
        if moment:
            return stamp(moment)
    up = row.get("system_state") == "up"
    agrees = up is any(instance.runs for instance in feature.instances) and row.get("current_owner", "") in (
        "",
        feature.owner.value,
    )
    if agrees and (noted := utc(row.get("update_time", ""))):
        return noted
    for instance in feature.instances:
        if instance.unit and instance.unit.exists and instance.unit.since:
            return instance.unit.since
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


def pending(feature: Feature) -> bool:
    """Whether the local image may not serve while Kubernetes cannot: a unit without container waits then."""
    return feature.mode is Mode.KUBERNETES and not feature.fallback
