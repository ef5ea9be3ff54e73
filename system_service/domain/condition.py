"""In what condition one instance of a feature is: the one place that tells, and the word and the sentence for it. Pure.

Two things are seen of it: who runs it, and what its unit does. A unit that systemd is at comes first, for the word; the
sentence is that of what is there nonetheless. What happens next is told by `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from system_service.domain.noted import SAME_VERSION, TWO_PODS
from system_service.domain.waiting_for import awaited, same_version, why_not_kube
from system_service.model.feature import Mode
from system_service.model.snapshot import Active, FeatureSeen, Run, Seen, Unit


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

    BESIDE_FROZEN = "a pod runs it, beside a local container that is paused or dead"
    LEAVING = "a pod runs it, and the local container is to"
    ALONE = "a pod runs it, as wanted, and nothing here could take over"
    CLAIMED = "a pod runs it, as wanted, and another one claims it"
    POD = "a pod runs it, as wanted"

    FROZEN = "nobody runs it, its local container is paused or dead"
    AGAIN = "nobody runs it until systemd starts its unit again"
    FAILED = "nobody runs it, its unit has failed"
    AT_GATE = "nobody runs it, and its unit waits for a pod that is here"
    PENDING = "nobody runs it, and its unit waits for a pod"
    EMPTY = "nobody runs it, and its unit is active"
    STOPPED = "nobody runs it"


_WORDS: Mapping[Condition, str] = {
    Condition.STOPPING: "stopping",
    Condition.STARTING: "starting",
    Condition.FROZEN: "failed",
    Condition.AGAIN: "starting",
    Condition.FAILED: "failed",
    Condition.AT_GATE: "handover",
    Condition.PENDING: "pending",
    Condition.EMPTY: "failed",
    Condition.STOPPED: "stopped",
}
"""The others are those of a feature that somebody runs: their word is by who does and who is to."""
_DOWN = frozenset({Condition.FAILED, Condition.AT_GATE, Condition.PENDING, Condition.EMPTY, Condition.STOPPED})
"""Where nobody runs it and that may last."""


def condition(wanted: FeatureSeen, seen: Seen) -> Condition:
    """The condition of this instance of the feature; without a unit, as far as Docker tells."""
    unit, lasting = unit_of(seen), _lasting(wanted, seen)
    if unit.active is Active.DEACTIVATING:
        return Condition.STOPPING
    if unit.active is Active.ACTIVATING and not again(unit) and lasting is not Condition.FROZEN:
        return Condition.STARTING
    if unit.active is Active.RELOADING and lasting is Condition.STOPPED:
        return Condition.STARTING
    return lasting


def word(wanted: FeatureSeen, seen: Seen) -> str:
    """The status word of this instance."""
    found = condition(wanted, seen)
    if found not in _WORDS:
        return _by_owner(wanted, seen)
    if found in _DOWN and seen.run is Run.RESTARTING:
        return "starting"
    if found in _DOWN and wanted.feature.state.off:
        return "disabled"
    return _WORDS[found]


def sentence(wanted: FeatureSeen, seen: Seen) -> str:
    """Why this instance is not as wanted, or ""."""
    container, unit = seen.instance.container, unit_of(seen)
    if hindrance := _not_installed(wanted, seen):
        return hindrance
    match _lasting(wanted, seen):
        case Condition.UNWATCHED:
            return f"container {container} runs although {unit.name} is {unit.active.value}"
        case Condition.UNWANTED:
            return "runs although it is disabled"
        case Condition.SAME_VERSION:
            return SAME_VERSION
        case Condition.FALLBACK:
            return f"the local image serves: {why_not_kube(wanted, seen)}"
        case Condition.BESIDE_A_POD | Condition.LEAVING:
            return "a pod still runs it, the local container is about to take over"
        case Condition.ALONE:
            return "a pod runs it, and nothing here could take over: there is no image of it on this switch"
        case Condition.CLAIMED:
            return TWO_PODS
        case Condition.FROZEN | Condition.BESIDE_FROZEN:
            remedy = f": docker rm -f {container}" if seen.run is Run.DEAD else ""
            return f"container {container} is {seen.run.value}{remedy}"
        case Condition.AGAIN:
            return f"{unit.name} waits to be started again"
        case Condition.FAILED:
            return f"{unit.name} failed{f': {unit.result}' if unit.result else ''}"
        case Condition.AT_GATE | Condition.PENDING:
            return awaited(wanted, seen)
        case Condition.EMPTY:
            return f"{unit.name} is active, but its container is {seen.run.value}"
        case Condition.LOCAL | Condition.POD | Condition.STOPPED:
            return ""
        case Condition.STOPPING | Condition.STARTING:  # which nothing is while it lasts
            return ""


def unit_of(seen: Seen) -> Unit:
    """Its unit; where it has none, or systemd was not asked, one that does not exist."""
    unit = seen.unit
    return unit if unit is not None and unit.exists else Unit(seen.instance.unit)


def again(unit: Unit) -> bool:
    """Whether it has ended, and systemd starts it again after its RestartSec."""
    return unit.active is Active.ACTIVATING and unit.sub == "auto-restart"


def _lasting(wanted: FeatureSeen, seen: Seen) -> Condition:
    """What is there, whatever systemd is at: neither STOPPING nor STARTING."""
    if seen.run is Run.RUNNING:
        return _run_here(wanted, seen)
    return _run_by_pod(wanted, seen) if seen.serving else _run_by_nobody(wanted, seen)


def _run_here(wanted: FeatureSeen, seen: Seen) -> Condition:
    unit = unit_of(seen)
    if unit.exists and unit.active in (Active.INACTIVE, Active.FAILED):
        return Condition.UNWATCHED
    if wanted.feature.state.off:
        return Condition.UNWANTED
    if same_version(wanted, seen):
        return Condition.SAME_VERSION
    if wanted.feature.mode is Mode.KUBERNETES:
        return Condition.FALLBACK
    return Condition.BESIDE_A_POD if seen.serving else Condition.LOCAL


def _run_by_pod(wanted: FeatureSeen, seen: Seen) -> Condition:
    if _frozen(seen):
        return Condition.BESIDE_FROZEN
    if wanted.feature.mode is Mode.LEGACY:
        return Condition.LEAVING
    if wanted.bare:
        return Condition.ALONE
    return Condition.CLAIMED if wanted.own.reason == TWO_PODS else Condition.POD


def _run_by_nobody(wanted: FeatureSeen, seen: Seen) -> Condition:
    unit = unit_of(seen)
    if _frozen(seen):
        return Condition.FROZEN
    if again(unit):
        return Condition.AGAIN
    if unit.active is Active.FAILED:
        return Condition.FAILED
    if unit.active is not Active.ACTIVE:
        return Condition.STOPPED
    if wanted.feature.mode is Mode.LEGACY:
        return Condition.EMPTY
    return Condition.AT_GATE if seen.pods else Condition.PENDING


def _frozen(seen: Seen) -> bool:
    """Whether its local container is in a state that neither runs nor ends by itself."""
    return seen.run in (Run.PAUSED, Run.DEAD)


def _by_owner(wanted: FeatureSeen, seen: Seen) -> str:
    """The word of what somebody runs: while the other owner does, kubernetes is not there yet, or legacy not back."""
    if seen.owner.value == wanted.feature.mode.stored or same_version(wanted, seen):
        return "running"
    return "fallback" if wanted.feature.mode is Mode.KUBERNETES else "handover"


def _not_installed(wanted: FeatureSeen, seen: Seen) -> str:
    """Of a feature that is in Kubernetes alone: what keeps it from being here at all, or ""."""
    if not wanted.kube_only:
        return ""
    if wanted.own.todo == "uninstall":
        return f"being uninstalled: config feature uninstall {wanted.feature.name}"
    if seen.unit is not None and not seen.unit.exists and not wanted.feature.state.off:
        return f"{seen.instance.unit} is missing: system service sync"
    return ""
