"""Why Kubernetes does not run a feature that it is to run, in words: what was noted, or what is plain to see."""

from __future__ import annotations

import time

from system_service.domain.status.noted import settles
from system_service.model.feature import Mode, Owner
from system_service.model.handover_reasons import OF_A_POD, SAME_VERSION, SETTLING, TWO_PODS
from system_service.model.snapshot import FeatureState, InstanceState, Run


def same_version(feature: FeatureState, instance: InstanceState) -> bool:
    """Whether the local container runs it in the very version of its pod, whose gate therefore never opens."""
    return (
        feature.spec.mode is Mode.KUBERNETES
        and instance.run is Run.RUNNING
        and bool(instance.pods)
        and feature.own.reason == SAME_VERSION
    )


def stopped(feature: FeatureState) -> bool:
    """Whether it is down because it is to be: no gate opens then."""
    return feature.state_row.get("system_state") == "down"


def awaited(feature: FeatureState, instance: InstanceState) -> str:
    """What a feature that nobody runs waits for, where kubernetes is wanted."""
    if stopped(feature):
        return f"it was stopped: system service start {feature.spec.name}"
    if instance.pods:
        return f"a pod is at its gate: {_at_its_gate(feature, instance) or 'about to take over'}"
    ending = "" if feature.spec.fallback or feature.kube_only else ", and there is no fallback"
    return f"pending deployment: {why_not_kube(feature, instance)}{ending}"


def why_not_kube(feature: FeatureState, instance: InstanceState) -> str:
    """Why no pod runs it."""
    if instance.pods:
        return _at_its_gate(feature, instance) or "a pod is on its way"
    noted = feature.own.reason
    if noted in OF_A_POD:
        return "the pod has gone, and no other has come yet"
    when = _clock(feature.own.since, day=True)
    return (noted or "no pod has come yet") + (f" (since {when})" if noted and when else "")


def takes_over(feature: FeatureState) -> str:
    """The time of day at which a pod that is at its gate may take over; "" where nothing has to settle."""
    if feature.spec.mode is not Mode.KUBERNETES or feature.owner is Owner.KUBE:
        return ""
    return _clock(settles(feature.own))


def _at_its_gate(feature: FeatureState, instance: InstanceState) -> str:
    """What keeps a pod that is here; "" where nothing is known to."""
    if len(instance.pods) > 1:
        return TWO_PODS
    noted = feature.own.reason
    if at := takes_over(feature):
        because = f", for {noted}" if noted and noted not in OF_A_POD else ""
        return f"settling: takes over at {at}{because}"
    # What the cluster said before there was a container is over; and so is what has settled.
    return "" if noted == feature.own.cluster or noted == SETTLING else noted


def _clock(moment: float, day: bool = False) -> str:
    """A moment as the host's tables show it; "" for 0.0, and for what no clock of this zone can show."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S", time.localtime(moment)) if moment else ""
    except (ValueError, OverflowError, OSError):
        return ""
