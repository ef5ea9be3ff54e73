"""Why Kubernetes does not run a feature that it is to run, in words: what was noted, or what is plain to see."""

from __future__ import annotations

import time

from system_service.domain.noted import settles
from system_service.model.feature import Mode, Owner
from system_service.model.reasons import OF_A_POD, SAME_VERSION, SETTLING, TWO_PODS
from system_service.model.snapshot import FeatureSeen, Run, Seen


def same_version(wanted: FeatureSeen, seen: Seen) -> bool:
    """Whether the local container runs it in the very version of its pod, whose gate therefore never opens."""
    return (
        wanted.feature.mode is Mode.KUBERNETES
        and seen.run is Run.RUNNING
        and bool(seen.pods)
        and wanted.own.reason == SAME_VERSION
    )


def stopped(wanted: FeatureSeen) -> bool:
    """Whether it is down because it is to be: no gate opens then."""
    return wanted.state_row.get("system_state") == "down"


def awaited(wanted: FeatureSeen, seen: Seen) -> str:
    """What a feature that nobody runs waits for, where kubernetes is wanted."""
    if stopped(wanted):
        return f"it was stopped: system service start {wanted.feature.name}"
    if seen.pods:
        return f"a pod is at its gate: {_at_its_gate(wanted, seen) or 'about to take over'}"
    ending = "" if wanted.feature.fallback or wanted.kube_only else ", and there is no fallback"
    return f"pending deployment: {why_not_kube(wanted, seen)}{ending}"


def why_not_kube(wanted: FeatureSeen, seen: Seen) -> str:
    """Why no pod runs it."""
    if seen.pods:
        return _at_its_gate(wanted, seen) or "a pod is on its way"
    noted = wanted.own.reason
    if noted in OF_A_POD:
        return "the pod has gone, and no other has come yet"
    when = _clock(wanted.own.since, day=True)
    return (noted or "no pod has come yet") + (f" (since {when})" if noted and when else "")


def takes_over(wanted: FeatureSeen) -> str:
    """The time of day at which a pod that is at its gate may take over; "" where nothing has to settle."""
    if wanted.feature.mode is not Mode.KUBERNETES or wanted.owner is Owner.KUBE:
        return ""
    return _clock(settles(wanted.own))


def _at_its_gate(wanted: FeatureSeen, seen: Seen) -> str:
    """What keeps a pod that is here; "" where nothing is known to."""
    if len(seen.pods) > 1:
        return TWO_PODS
    noted = wanted.own.reason
    if at := takes_over(wanted):
        because = f", for {noted}" if noted and noted not in OF_A_POD else ""
        return f"settling: takes over at {at}{because}"
    # What the cluster said before there was a container is over; and so is what has settled.
    return "" if noted == wanted.own.cluster or noted == SETTLING else noted


def _clock(moment: float, day: bool = False) -> str:
    """A moment as the host's tables show it; "" for 0.0, and for what no clock of this zone can show."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S", time.localtime(moment)) if moment else ""
    except (ValueError, OverflowError, OSError):
        return ""
