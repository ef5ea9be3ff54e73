"""Why a feature is in its state, what it waits for, what would happen next, and its last changes. Only looks."""

from __future__ import annotations

from collections.abc import Mapping

from system_service.backends.journal import read
from system_service.domain.condition import Condition, again, condition, unit_of
from system_service.domain.observe import observe
from system_service.domain.report import detail, local, owner, pending, report, since, status
from system_service.domain.result import Explanation
from system_service.domain.switch import Switch
from system_service.domain.waiting_for import same_version, takes_over
from system_service.errors import SwitchError
from system_service.model.feature import Mode, Owner
from system_service.model.kube_server import why_no_server
from system_service.model.naming import label
from system_service.model.pods import namespace
from system_service.model.snapshot import Active, FeatureSeen, Run, Seen, Snapshot

_CHANGES = 10  # last changes shown
_LOG_LINES = 5  # of a container that has ended


def explain(switch: Switch, name: str) -> Explanation:
    """The feature's report with four lists of sentences: now, why, next, changes. Raises as `observe`."""
    return reasons(switch, name)._replace(changes=_changes(name))


def reasons(switch: Switch, name: str) -> Explanation:
    """The same without the changes, which are the journal's."""
    snapshot = observe(switch, (name,))
    wanted = snapshot.features[0]
    return Explanation(
        report(wanted),
        now=tuple(_now(wanted)),
        why=(*_why(wanted), *_last_words(switch, wanted)),
        next=tuple(line for seen in wanted.seen for line in outlook(snapshot, wanted, seen)),
    )


def _now(wanted: FeatureSeen) -> list[str]:
    feature = wanted.feature
    when = local(since(wanted))
    fallback = "on" if feature.fallback else "off"
    return [
        f"{feature.name} is {status(wanted)}{f' since {when}' if when else ''}, run by {owner(wanted).value}",
        f"wanted: state {feature.state.value}, mode {feature.mode.value}, fallback {fallback}",
        *(f"{_box(wanted, s)}{_unit_words(s)}" for s in wanted.seen),
    ]


def _box(wanted: FeatureSeen, seen: Seen) -> str:
    if seen.serving and seen.run is not Run.RUNNING:
        return f"a pod's container {seen.serving.id[:12]} is {seen.serving.run.value}"
    if wanted.kube_only:
        return "there is no image of it on this switch"
    return f"container {seen.instance.container} is {seen.run.value}"


def _unit_words(seen: Seen) -> str:
    unit = unit_of(seen)
    if not unit.exists:
        return ", and has no unit"
    masked = ", masked" if unit.masked else ""
    return f", {unit.name} is {unit.active.value} ({unit.sub}{masked})"


def _why(wanted: FeatureSeen) -> list[str]:
    reasons = [detail(wanted)] if detail(wanted) else []
    if wanted.feature.state.off:
        reasons.append(f"its state in CONFIG_DB is {wanted.feature.state.value}")
    for seen in wanted.seen:
        if seen.unit and seen.unit.result == "start-limit-hit":
            reasons.append(f"{seen.unit.name} was started too often in a short time")
        if seen.container and not seen.runs and seen.container.status:
            reasons.append(f"Docker says of container {seen.instance.container}: {seen.container.status}")
    # While a unit waits for a pod, up is what is wanted and no mistake.
    waits = status(wanted) in ("pending", "handover")
    if wanted.state_row.get("system_state") == "up" and not waits and not any(s.runs for s in wanted.seen):
        reasons.append("STATE_DB still says up: it is a hint, and out of date")
    return reasons


def _last_words(switch: Switch, wanted: FeatureSeen) -> list[str]:
    ended = next((s.container for s in wanted.seen if s.container and s.run in (Run.EXITED, Run.DEAD)), None)
    if ended is None or status(wanted) != "failed":
        return []
    try:
        text = switch.docker.logs(ended.id, _LOG_LINES).decode("utf-8", "replace")
    except SwitchError as error:
        return [f"its log cannot be read: {error}"]
    return [f"its last words: {line}" for line in text.splitlines()[-_LOG_LINES:]]


def outlook(snapshot: Snapshot, wanted: FeatureSeen, seen: Seen) -> list[str]:
    """What happens next to this instance, and what would change that: a sentence or two."""
    if not snapshot.host.systemd or not unit_of(seen).exists:
        return [_without_a_unit(wanted, seen)]
    if told := _by_its_unit(wanted, seen):
        return [told]
    match condition(wanted, seen):
        case Condition.SAME_VERSION | Condition.FALLBACK | Condition.LOCAL | Condition.BESIDE_A_POD:
            return _by_its_container(snapshot.server, wanted, seen)
        case Condition.LEAVING | Condition.ALONE | Condition.CLAIMED | Condition.POD | Condition.BESIDE_FROZEN:
            return [_after_the_pod(wanted)]
        case Condition.FROZEN | Condition.AT_GATE | Condition.PENDING | Condition.EMPTY:
            awaited = _awaited(wanted, seen)
            return [awaited] if awaited else _by_its_container(snapshot.server, wanted, seen)
        # What is left is told by its unit, above.
        case Condition.STOPPING | Condition.STARTING | Condition.UNWATCHED | Condition.UNWANTED:
            return []
        case Condition.AGAIN | Condition.FAILED | Condition.STOPPED:
            return []


def _without_a_unit(wanted: FeatureSeen, seen: Seen) -> str:
    if wanted.feature.state.off and not seen.runs:
        return f"nothing, until: system service enable {wanted.feature.name}"
    if wanted.kube_only:
        return f"nobody watches its pod: {seen.instance.unit} is missing; system service sync makes it anew"
    if seen.serving and seen.run is not Run.RUNNING:
        return "no unit watches its pod: nobody takes over when that ends"
    return f"no unit watches container {seen.instance.container}: nobody starts it again when it ends"


def _by_its_unit(wanted: FeatureSeen, seen: Seen) -> str:
    """What systemd is going to do or has ceased to, whoever runs it; "" where its unit is up."""
    name, unit = wanted.feature.name, unit_of(seen)
    if unit.masked and not wanted.feature.state.off:
        ends = "once it has ended nothing" if unit.active is Active.ACTIVE else "nothing, the next boot neither,"
        return f"{unit.name} is masked: {ends} starts it again, until: system service enable {name}"
    if again(unit):
        return f"systemd starts {unit.name} again after its RestartSec; sooner: system service start {name}"
    if unit.active is Active.ACTIVATING or condition(wanted, seen) is Condition.STARTING:
        return f"systemd is starting {unit.name}"
    if wanted.feature.state.off:
        return f"nothing, until: system service enable {name}"
    match unit.active:
        case Active.DEACTIVATING:
            return f"systemd is stopping {unit.name}"
        case Active.FAILED:
            return f"systemd has given up on {unit.name}: system service start {name}"
        case Active.INACTIVE if seen.runs:
            # `start` takes over what runs; a restart would interrupt it.
            return f"nobody watches the container; under its unit again: system service start {name}"
        case Active.INACTIVE:
            return f"nothing, until the next boot or: system service start {name}"
    return ""


def _awaited(wanted: FeatureSeen, seen: Seen) -> str:
    """What the `wait` of a feature that nobody runs waits for; "" where that is no pod."""
    name = wanted.feature.name
    if wanted.kube_only:
        look = f"kubectl --namespace {namespace()} get pods"
        return f"its wait waits for a pod: {look}; show kubernetes manifest {name} --image REF"
    if pending(wanted.feature):
        return f"its wait waits for Kubernetes; from the local image meanwhile: config feature mode {name} legacy"
    if wanted.feature.mode is Mode.LEGACY or seen.owner is Owner.LOCAL:
        return ""
    if wanted.bare:
        return "its wait waits for a pod: there is no image of it on this switch that could serve meanwhile"
    return "its wait waits for a pod; if none comes, the local image serves"


def _by_its_container(server: Mapping[str, str], wanted: FeatureSeen, seen: Seen) -> list[str]:
    """Where the local container runs it, or is what its unit waits for."""
    lines = [f"when its container ends, systemd applies {unit_of(seen).name}'s restart rules"]
    kubernetes = wanted.feature.mode is Mode.KUBERNETES and not wanted.kube_only
    return [*lines, _before_the_pod(server, wanted, seen)] if kubernetes else lines


def _before_the_pod(server: Mapping[str, str], wanted: FeatureSeen, seen: Seen) -> str:
    """What ends the local container's turn, where kubernetes is wanted."""
    name = wanted.feature.name
    if same_version(wanted, seen):
        return "the next version that a pod brings takes over from it"
    if len(seen.pods) > 1:
        return "one of its pods takes over once the other is gone"
    if at := takes_over(wanted) if seen.pods else "":
        return f"its pod takes over at {at}, if it stays at its gate until then"
    if seen.pods:
        return "its pod takes over as soon as it asks for it at its gate"
    if no_server := why_no_server(server):
        return f"the local image serves until a Kubernetes cluster can be used: {no_server[1]}"
    return f"a pod takes over when one comes; whether the node still has the label {label(name)}: system service sync"


def _after_the_pod(wanted: FeatureSeen) -> str:
    from system_service.handover.view import DEATH_GRACE  # a switch in legacy mode never comes here

    if wanted.feature.mode is Mode.LEGACY:
        return f"the local container takes over: system service status {wanted.feature.name}"
    if wanted.kube_only or wanted.bare or pending(wanted.feature):
        return "when its pod's container ends, nobody runs it until a new one does"
    return f"when its pod's container ends, a new one is awaited for {DEATH_GRACE:g} s; then the local image serves"


def _changes(name: str) -> tuple[str, ...]:
    entries, reason = read(name, _CHANGES)
    if reason:
        return (f"the audit log cannot be read: {reason}",)
    changes = (f"{local(e.time)} {e.who}: {e.command}: {e.action}: {e.result}" for e in entries)
    return tuple(changes) or ("none on record",)
