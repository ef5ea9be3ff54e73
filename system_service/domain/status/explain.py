"""Why a feature is in its state, what it waits for, what would happen next, and its last changes. Only looks."""

from __future__ import annotations

from collections.abc import Mapping

from system_service.backends.journal import read
from system_service.domain.result import Explanation
from system_service.domain.status.condition import Condition, condition, unit_of
from system_service.domain.status.observe import observe
from system_service.domain.status.report import detail, local, owner, pending, report, since, status
from system_service.domain.status.waiting_for import same_version, takes_over
from system_service.domain.switch import Switch
from system_service.errors import SwitchError
from system_service.model.feature import Mode, Owner
from system_service.model.kube_server import why_no_server
from system_service.model.naming import label
from system_service.model.pods import namespace
from system_service.model.snapshot import Active, FeatureState, InstanceState, Run, Snapshot

_CHANGES = 10  # last changes shown
_LOG_LINES = 5  # of a container that has ended


def explain(switch: Switch, name: str) -> Explanation:
    """The feature's report with four lists of sentences: now, why, next, changes. Raises as `observe`."""
    return reasons(switch, name)._replace(changes=_changes(name))


def reasons(switch: Switch, name: str) -> Explanation:
    """The same without the changes, which are the journal's."""
    snapshot = observe(switch, (name,))
    feature = snapshot.features[0]
    return Explanation(
        report(feature),
        now=tuple(_now(feature)),
        why=(*_why(feature), *_last_words(switch, feature)),
        next=tuple(line for instance in feature.instances for line in outlook(snapshot, feature, instance)),
    )


def _now(feature: FeatureState) -> list[str]:
    spec = feature.spec
    when = local(since(feature))
    fallback = "on" if spec.fallback else "off"
    return [
        f"{spec.name} is {status(feature)}{f' since {when}' if when else ''}, run by {owner(feature).value}",
        f"wanted: state {spec.state.value}, mode {spec.mode.value}, fallback {fallback}",
        *(f"{_box(feature, s)}{_unit_words(s)}" for s in feature.instances),
    ]


def _box(feature: FeatureState, instance: InstanceState) -> str:
    if instance.serving and instance.run is not Run.RUNNING:
        return f"a pod's container {instance.serving.id[:12]} is {instance.serving.run.value}"
    if feature.kube_only:
        return "there is no image of it on this switch"
    return f"container {instance.spec.container} is {instance.run.value}"


def _unit_words(instance: InstanceState) -> str:
    unit = unit_of(instance)
    if not unit.exists:
        return ", and has no unit"
    masked = ", masked" if unit.masked else ""
    return f", {unit.name} is {unit.active.value} ({unit.sub}{masked})"


def _why(feature: FeatureState) -> list[str]:
    reasons = [detail(feature)] if detail(feature) else []
    if feature.spec.state.off:
        reasons.append(f"its state in CONFIG_DB is {feature.spec.state.value}")
    for instance in feature.instances:
        if instance.unit and instance.unit.result == "start-limit-hit":
            reasons.append(f"{instance.unit.name} was started too often in a short time")
        if instance.container and not instance.runs and instance.container.status:
            reasons.append(f"Docker says of container {instance.spec.container}: {instance.container.status}")
    # While a unit waits for a pod, up is what is wanted and no mistake.
    waits = status(feature) in ("pending", "handover")
    if feature.state_row.get("system_state") == "up" and not waits and not any(s.runs for s in feature.instances):
        reasons.append("STATE_DB still says up: it is a hint, and out of date")
    return reasons


def _last_words(switch: Switch, feature: FeatureState) -> list[str]:
    ended = next((s.container for s in feature.instances if s.container and s.run in (Run.EXITED, Run.DEAD)), None)
    if ended is None or status(feature) != "failed":
        return []
    try:
        text = switch.docker.logs(ended.id, _LOG_LINES).decode("utf-8", "replace")
    except SwitchError as error:
        return [f"its log cannot be read: {error}"]
    return [f"its last words: {line}" for line in text.splitlines()[-_LOG_LINES:]]


def outlook(snapshot: Snapshot, feature: FeatureState, instance: InstanceState) -> list[str]:
    """What happens next to this instance, and what would change that: a sentence or two."""
    if not snapshot.host.systemd or not unit_of(instance).exists:
        return [_without_a_unit(feature, instance)]
    if line := _by_its_unit(feature, instance):
        return [line]
    match condition(feature, instance):
        case Condition.SAME_VERSION | Condition.FALLBACK | Condition.LOCAL | Condition.BESIDE_A_POD:
            return _by_its_container(snapshot.server, feature, instance)
        case (
            Condition.RETURNING
            | Condition.NO_LOCAL_IMAGE
            | Condition.SEVERAL_PODS
            | Condition.POD
            | Condition.BESIDE_HALTED
        ):
            return [_after_the_pod(feature)]
        case Condition.HALTED | Condition.AT_GATE | Condition.PENDING | Condition.ACTIVE_WITHOUT_CONTAINER:
            awaited = _awaited(feature, instance)
            return [awaited] if awaited else _by_its_container(snapshot.server, feature, instance)
        # What is left is told by its unit, above.
        case Condition.STOPPING | Condition.STARTING | Condition.UNWATCHED | Condition.UNWANTED:
            return []
        case Condition.AUTO_RESTART | Condition.FAILED | Condition.STOPPED:
            return []


def _without_a_unit(feature: FeatureState, instance: InstanceState) -> str:
    if feature.spec.state.off and not instance.runs:
        return f"nothing, until: system service enable {feature.spec.name}"
    if feature.kube_only:
        return f"nobody watches its pod: {instance.spec.unit} is missing; system service sync makes it anew"
    if instance.serving and instance.run is not Run.RUNNING:
        return "no unit watches its pod: nobody takes over when that ends"
    return f"no unit watches container {instance.spec.container}: nobody starts it again when it ends"


def _by_its_unit(feature: FeatureState, instance: InstanceState) -> str:
    """What systemd is going to do or has ceased to, whoever runs it; "" where its unit is up."""
    name, unit = feature.spec.name, unit_of(instance)
    if unit.masked and not feature.spec.state.off:
        ends = "once it has ended nothing" if unit.active is Active.ACTIVE else "nothing, the next boot neither,"
        return f"{unit.name} is masked: {ends} starts it again, until: system service enable {name}"
    if unit.in_auto_restart:
        return f"systemd starts {unit.name} again after its RestartSec; sooner: system service start {name}"
    if unit.active is Active.ACTIVATING or condition(feature, instance) is Condition.STARTING:
        return f"systemd is starting {unit.name}"
    if feature.spec.state.off:
        return f"nothing, until: system service enable {name}"
    match unit.active:
        case Active.DEACTIVATING:
            return f"systemd is stopping {unit.name}"
        case Active.FAILED:
            return f"systemd has given up on {unit.name}: system service start {name}"
        case Active.INACTIVE if instance.runs:
            # `start` takes over what runs; a restart would interrupt it.
            return f"nobody watches the container; under its unit again: system service start {name}"
        case Active.INACTIVE:
            return f"nothing, until the next boot or: system service start {name}"
    return ""


def _awaited(feature: FeatureState, instance: InstanceState) -> str:
    """What the `wait` of a feature that nobody runs waits for; "" where that is no pod."""
    name = feature.spec.name
    if feature.kube_only:
        look = f"kubectl --namespace {namespace()} get pods"
        return f"its wait waits for a pod: {look}; show kubernetes manifest {name} --image REF"
    if pending(feature.spec):
        return f"its wait waits for Kubernetes; from the local image meanwhile: config feature mode {name} legacy"
    if feature.spec.mode is Mode.LEGACY or instance.owner is Owner.LOCAL:
        return ""
    if feature.bare:
        return "its wait waits for a pod: there is no image of it on this switch that could serve meanwhile"
    return "its wait waits for a pod; if none comes, the local image serves"


def _by_its_container(server: Mapping[str, str], feature: FeatureState, instance: InstanceState) -> list[str]:
    """Where the local container runs it, or is what its unit waits for."""
    lines = [f"when its container ends, systemd applies {unit_of(instance).name}'s restart rules"]
    kubernetes = feature.spec.mode is Mode.KUBERNETES and not feature.kube_only
    return [*lines, _before_the_pod(server, feature, instance)] if kubernetes else lines


def _before_the_pod(server: Mapping[str, str], feature: FeatureState, instance: InstanceState) -> str:
    """What ends the local container's turn, where kubernetes is wanted."""
    name = feature.spec.name
    if same_version(feature, instance):
        return "the next version that a pod brings takes over from it"
    if len(instance.pods) > 1:
        return "one of its pods takes over once the other is gone"
    if at := takes_over(feature) if instance.pods else "":
        return f"its pod takes over at {at}, if it stays at its gate until then"
    if instance.pods:
        return "its pod takes over as soon as it asks for it at its gate"
    if no_server := why_no_server(server):
        return f"the local image serves until a Kubernetes cluster can be used: {no_server[1]}"
    return f"a pod takes over when one comes; whether the node still has the label {label(name)}: system service sync"


def _after_the_pod(feature: FeatureState) -> str:
    from system_service.handover.view import DEATH_GRACE  # a switch in legacy mode never comes here

    if feature.spec.mode is Mode.LEGACY:
        return f"the local container takes over: system service status {feature.spec.name}"
    if feature.kube_only or feature.bare or pending(feature.spec):
        return "when its pod's container ends, nobody runs it until a new one does"
    return f"when its pod's container ends, a new one is awaited for {DEATH_GRACE:g} s; then the local image serves"


def _changes(name: str) -> tuple[str, ...]:
    entries, reason = read(name, _CHANGES)
    if reason:
        return (f"the audit log cannot be read: {reason}",)
    changes = (f"{local(e.time)} {e.who}: {e.command}: {e.action}: {e.result}" for e in entries)
    return tuple(changes) or ("none on record",)
