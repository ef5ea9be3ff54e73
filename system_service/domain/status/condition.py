"""In what condition one instance of a feature is: the one place that tells, and the word and the sentence for it. Pure.

Two things are seen of it: who runs it, and what its unit does. A unit that systemd is at comes first, for the word; the
sentence is that of what is there nonetheless. What happens next is told by `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from system_service.domain.status.waiting_for import awaited, same_version, why_not_kube
from system_service.model.feature import Mode
from system_service.model.handover_reasons import SAME_VERSION, TWO_PODS
from system_service.model.snapshot import Active, FeatureState, InstanceState, Run, Unit


class Condition(Enum):
    """The value says it in words."""

    STOPPING = "systemd is stopping its unit"
    STARTING = "systemd is starting its unit"

    UNWATCHED = "the local container runs it, and its unit does not run"
    UNWANTED = "the local container runs it, and it is disabled"
    SAME_VERSION = "the local container runs it, in the version of a pod at its gate"
    FALLBACK = "the local container runs it, and a pod is to"
    BESIDE_A_POD = "the local container runs it, as wanted, and a pod still does"
    LOCAL = "the local container runs it, as wanted"

    BESIDE_HALTED = "a pod runs it, beside a local container that is paused or dead"
    RETURNING = "a pod runs it, and the local container is to"
    NO_LOCAL_IMAGE = "a pod runs it, as wanted, and nothing here could take over"
    SEVERAL_PODS = "a pod runs it, as wanted, and another one claims it"
    POD = "a pod runs it, as wanted"

    HALTED = "nobody runs it, its local container is paused or dead"
    AUTO_RESTART = "nobody runs it until systemd starts its unit again"
    FAILED = "nobody runs it, its unit has failed"
    AT_GATE = "nobody runs it, and its unit waits for a pod that is here"
    PENDING = "nobody runs it, and its unit waits for a pod"
    ACTIVE_WITHOUT_CONTAINER = "nobody runs it, and its unit is active"
    STOPPED = "nobody runs it"


_WORDS: Mapping[Condition, str] = {
    Condition.STOPPING: "stopping",
    Condition.STARTING: "starting",
    Condition.HALTED: "failed",
    Condition.AUTO_RESTART: "starting",
    Condition.FAILED: "failed",
    Condition.AT_GATE: "handover",
    Condition.PENDING: "pending",
    Condition.ACTIVE_WITHOUT_CONTAINER: "failed",
    Condition.STOPPED: "stopped",
}
"""The others are those of a feature that somebody runs: their word is by who does and who is to."""
_DOWN = frozenset(
    {Condition.FAILED, Condition.AT_GATE, Condition.PENDING, Condition.ACTIVE_WITHOUT_CONTAINER, Condition.STOPPED}
)
"""Where nobody runs it and that may last."""


def condition(feature: FeatureState, instance: InstanceState) -> Condition:
    """The condition of this instance of the feature; without a unit, as far as Docker tells."""
    unit, lasting = unit_of(instance), _lasting(feature, instance)
    if unit.active is Active.DEACTIVATING:
        return Condition.STOPPING
    if unit.active is Active.ACTIVATING and not unit.in_auto_restart and lasting is not Condition.HALTED:
        return Condition.STARTING
    if unit.active is Active.RELOADING and lasting is Condition.STOPPED:
        return Condition.STARTING
    return lasting


def word(feature: FeatureState, instance: InstanceState) -> str:
    """The status word of this instance."""
    found = condition(feature, instance)
    if found not in _WORDS:
        return _by_owner(feature, instance)
    if found in _DOWN and instance.run is Run.RESTARTING:
        return "starting"
    if found in _DOWN and feature.spec.state.off:
        return "disabled"
    return _WORDS[found]


def sentence(feature: FeatureState, instance: InstanceState) -> str:
    """Why this instance is not as wanted, or ""."""
    container, unit = instance.spec.container, unit_of(instance)
    if hindrance := _not_installed(feature, instance):
        return hindrance
    match _lasting(feature, instance):
        case Condition.UNWATCHED:
            return f"container {container} runs although {unit.name} is {unit.active.value}"
        case Condition.UNWANTED:
            return "runs although it is disabled"
        case Condition.SAME_VERSION:
            return SAME_VERSION
        case Condition.FALLBACK:
            return f"the local image serves: {why_not_kube(feature, instance)}"
        case Condition.BESIDE_A_POD | Condition.RETURNING:
            return "a pod still runs it, the local container is about to take over"
        case Condition.NO_LOCAL_IMAGE:
            return "a pod runs it, and nothing here could take over: there is no image of it on this switch"
        case Condition.SEVERAL_PODS:
            return TWO_PODS
        case Condition.HALTED | Condition.BESIDE_HALTED:
            remedy = f": docker rm -f {container}" if instance.run is Run.DEAD else ""
            return f"container {container} is {instance.run.value}{remedy}"
        case Condition.AUTO_RESTART:
            return f"{unit.name} waits to be started again"
        case Condition.FAILED:
            return f"{unit.name} failed{f': {unit.result}' if unit.result else ''}"
        case Condition.AT_GATE | Condition.PENDING:
            return awaited(feature, instance)
        case Condition.ACTIVE_WITHOUT_CONTAINER:
            return f"{unit.name} is active, but its container is {instance.run.value}"
        case Condition.LOCAL | Condition.POD | Condition.STOPPED:
            return ""
        case Condition.STOPPING | Condition.STARTING:  # which nothing is while it lasts
            return ""


def unit_of(instance: InstanceState) -> Unit:
    """Its unit; where it has none, or systemd was not asked, one that does not exist."""
    unit = instance.unit
    return unit if unit is not None and unit.exists else Unit(instance.spec.unit)


def _lasting(feature: FeatureState, instance: InstanceState) -> Condition:
    """What is there, whatever systemd is at: neither STOPPING nor STARTING."""
    if instance.run is Run.RUNNING:
        return _run_here(feature, instance)
    return _run_by_pod(feature, instance) if instance.serving else _run_by_nobody(feature, instance)


def _run_here(feature: FeatureState, instance: InstanceState) -> Condition:
    unit = unit_of(instance)
    if unit.exists and unit.active in (Active.INACTIVE, Active.FAILED):
        return Condition.UNWATCHED
    if feature.spec.state.off:
        return Condition.UNWANTED
    if same_version(feature, instance):
        return Condition.SAME_VERSION
    if feature.spec.mode is Mode.KUBERNETES:
        return Condition.FALLBACK
    return Condition.BESIDE_A_POD if instance.serving else Condition.LOCAL


def _run_by_pod(feature: FeatureState, instance: InstanceState) -> Condition:
    if _frozen(instance):
        return Condition.BESIDE_HALTED
    if feature.spec.mode is Mode.LEGACY:
        return Condition.RETURNING
    if feature.bare:
        return Condition.NO_LOCAL_IMAGE
    return Condition.SEVERAL_PODS if feature.own.reason == TWO_PODS else Condition.POD


def _run_by_nobody(feature: FeatureState, instance: InstanceState) -> Condition:
    unit = unit_of(instance)
    if _frozen(instance):
        return Condition.HALTED
    if unit.in_auto_restart:
        return Condition.AUTO_RESTART
    if unit.active is Active.FAILED:
        return Condition.FAILED
    if unit.active is not Active.ACTIVE:
        return Condition.STOPPED
    if feature.spec.mode is Mode.LEGACY:
        return Condition.ACTIVE_WITHOUT_CONTAINER
    return Condition.AT_GATE if instance.pods else Condition.PENDING


def _frozen(instance: InstanceState) -> bool:
    """Whether its local container is in a state that neither runs nor ends by itself."""
    return instance.run in (Run.PAUSED, Run.DEAD)


def _by_owner(feature: FeatureState, instance: InstanceState) -> str:
    """The word of what somebody runs: while the other owner does, kubernetes is not there yet, or legacy not back."""
    if instance.owner.value == feature.spec.mode.stored or same_version(feature, instance):
        return "running"
    return "fallback" if feature.spec.mode is Mode.KUBERNETES else "handover"


def _not_installed(feature: FeatureState, instance: InstanceState) -> str:
    """Of a feature that is in Kubernetes alone: what keeps it from being here at all, or ""."""
    if not feature.kube_only:
        return ""
    if feature.own.todo == "uninstall":
        return f"being uninstalled: config feature uninstall {feature.spec.name}"
    if instance.unit is not None and not instance.unit.exists and not feature.spec.state.off:
        return f"{instance.spec.unit} is missing: system service sync"
    return ""
