"""Deciding on a change of mode: which features may move at all, and what can be had when no cluster can.

Pure, as `plan` is. The handover itself is the unit's `wait`'s (system_service/handover).
"""

from __future__ import annotations

from system_service.domain.change.actions import Action, Kind, Plan
from system_service.errors import Refused, SwitchError, Unreachable
from system_service.model.feature import Mode, Owner
from system_service.model.kube_server import configured, why_no_server
from system_service.model.naming import LONGEST_LABEL, label
from system_service.model.snapshot import Active, FeatureState, Host, InstanceState, Node, Snapshot

# Features whose images run the start-up gate. Others are addressed by their docker name in the switch's scripts.
GATED = frozenset(
    {"bmp", "dhcp_relay", "dhcp_server", "gnmi", "lldp", "otel", "pmon", "radv", "snmp", "telemetry"},
)
GATE_LABEL = "sonic.startup-gate"


def plan_mode(snapshot: Snapshot, feature: FeatureState, mode: Mode, fallback: bool | None) -> Plan:
    """The plan that makes `mode` and `fallback` (None: as it is) the feature's intent.

    Raises:
        Refused: the feature cannot move, or there is no cluster and no fallback.
    """
    spec = feature.spec
    if feature.kube_only and (mode is Mode.LEGACY or fallback):
        what = "run in legacy mode" if mode is Mode.LEGACY else "fall back"
        raise Refused(
            f"{spec.name} cannot {what}: there is no image of it on this switch",
            f"take it from the switch with: config feature uninstall {spec.name}",
        )
    write = _write(snapshot.host, feature, mode, fallback)
    if mode is Mode.LEGACY and spec.mode is Mode.KUBERNETES and _nothing_at_home(snapshot.host, feature):
        raise Refused(
            f"{spec.name} cannot run in legacy mode: there is no image of it on this switch",
            f"bring the image back (docker load, docker pull), then: config feature mode {spec.name} legacy",
        )
    if mode is Mode.LEGACY:
        # An image built without Kubernetes has no such field, and gets none from us.
        return Plan(_home(snapshot, feature, write) if spec.knows_owner else ())
    if refusal := _why_it_cannot_move(feature):
        raise refusal
    # Where ctrmgrd is at work it speaks to the API server, and nobody of ours does.
    by_ctrmgrd = snapshot.host.ctrmgrd and configured(snapshot.server)
    if by_ctrmgrd or isinstance(snapshot.node, Node):
        node = snapshot.node if isinstance(snapshot.node, Node) else Node()
        return Plan((*write, *_away(snapshot.host, feature, node)))
    reason, resolution = why_no_cluster(snapshot)
    if feature.kube_only:
        # It waits, whatever comes: here is nothing that could be lost.
        return Plan(write, Unreachable(f"{spec.name} waits for Kubernetes: {reason}", resolution))
    stays = spec.fallback if fallback is None else fallback
    if not stays:
        raise Refused(
            f"{spec.name} cannot move to kubernetes: {reason}, and it has no fallback",
            f"{resolution}, or allow the local image to serve meanwhile with --fallback",
        )
    served = f"kubernetes is wanted for {spec.name}; the local image serves until it can be had"
    return Plan(write, Unreachable(f"{served}: {reason}", resolution))


def wants_label(host: Host, feature: FeatureState) -> bool:
    """Whether a pod may be here: kubernetes is wanted, and the feature is to run."""
    return feature.spec.mode is Mode.KUBERNETES and not feature.spec.state.off and is_up(host, feature)


def is_up(host: Host, feature: FeatureState) -> bool:
    """Whether it is started, as far as units tell; what has none is."""
    return all(not supervised(host, instance) or _up(instance) for instance in feature.instances)


def supervised(host: Host, instance: InstanceState) -> bool:
    """Whether systemd starts and stops this instance; where it does not, Docker is driven directly."""
    return host.systemd and instance.unit is not None and instance.unit.exists


def _up(instance: InstanceState) -> bool:
    unit = instance.unit
    return unit is not None and not unit.masked and unit.active in (Active.ACTIVE, Active.ACTIVATING, Active.RELOADING)


def _away(host: Host, feature: FeatureState, node: Node) -> list[Action]:
    """Let a pod come, and see it take over. A feature that is down gets the intent alone."""
    name = feature.spec.name
    moved = feature._replace(spec=feature.spec._replace(mode=Mode.KUBERNETES))
    if not wants_label(host, moved):
        return []
    key = label(name)
    labelled = _follows(host, feature) or (feature.own.want if host.ctrmgrd else node.labels.get(key)) == "true"
    actions = [] if labelled else [Action(Kind.LABEL, name, {key: "true"})]
    if feature.owner is not Owner.KUBE or feature.spec.mode is not Mode.KUBERNETES:
        actions.append(_see(host, feature, Kind.AWAIT_KUBE))
    return actions


def _home(snapshot: Snapshot, feature: FeatureState, write: tuple[Action, ...]) -> tuple[Action, ...]:
    """See the local container take over, and let the pod go. What never was away costs nothing."""
    name = feature.spec.name
    actions = list(write)
    to_run = is_up(snapshot.host, feature)
    # Typed again before the local container runs, there is nothing to write, and somebody to wait for all the same.
    away = feature.owner is not Owner.LOCAL and (bool(write) or any(instance.pods for instance in feature.instances))
    if to_run and not feature.spec.state.off and (away or any(instance.serving for instance in feature.instances)):
        actions.append(_see(snapshot.host, feature, Kind.AWAIT_LOCAL))
    if _may_have_label(feature) and not (_follows(snapshot.host, feature) and to_run):
        actions.append(Action(Kind.LABEL, name, {label(name): None}))
    return tuple(actions)


def _nothing_at_home(host: Host, feature: FeatureState) -> bool:
    """Whether no local container could take over: the pod that serves would end for nothing, with no way back."""
    if any(instance.container or instance.spec.namespace for instance in feature.instances):
        return False
    return feature.bare or not all(supervised(host, instance) for instance in feature.instances)


def _follows(host: Host, feature: FeatureState) -> bool:
    """Whether ctrmgrd sets the label as soon as the owner is written: for units that are active, and no others."""
    return host.ctrmgrd and all(supervised(host, instance) and _up(instance) for instance in feature.instances)


def _may_have_label(feature: FeatureState) -> bool:
    """Whether the API server has the label, or was told so by somebody who did not live to note it.

    Where nothing is noted (Redis was lost), a pod that is here tells of one.
    """
    known = feature.own.label
    if known is None and any(instance.pods for instance in feature.instances):
        return True
    return known not in (None, "", "false") or feature.own.want == "true"


def _see(host: Host, feature: FeatureState, kind: Kind) -> Action:
    """The unit's `wait` hands over; where there is no unit, nobody does but the command."""
    watched = all(supervised(host, instance) for instance in feature.instances)
    return Action(kind if watched else Kind.KEEP, feature.spec.name)


def has_gate(feature: FeatureState) -> bool:
    """Whether the feature's image waits at a start-up gate: a known one, or one that says so in a label.

    The image of a feature that exists in Kubernetes only is not here to be asked: it has one, as it has to.
    """
    return (
        feature.spec.name in GATED
        or feature.kube_only
        or any(
            instance.container is not None and instance.container.labels.get(GATE_LABEL) == "true"
            for instance in feature.instances
        )
    )


def goes_with_all(feature: FeatureState, mode: Mode) -> bool:
    """Whether it is meant where nobody is named: what is here and enabled and can move; home, what has one here."""
    if mode is Mode.LEGACY:
        return not feature.kube_only
    here = feature.kube_only or any(
        instance.container or (instance.unit and instance.unit.exists) for instance in feature.instances
    )
    return here and _why_it_cannot_move(feature) is None and not feature.spec.state.off


def _why_it_cannot_move(feature: FeatureState) -> Refused | None:
    name = feature.spec.name
    if not has_gate(feature):
        return Refused(
            f"{name} cannot move to kubernetes: its image has no start-up gate",
            f"leave {name} in legacy mode, or use an image with the label {GATE_LABEL}=true",
        )
    if len(label(name)) > LONGEST_LABEL:
        return Refused(
            f"{name} cannot move to kubernetes: {label(name)} is too long for a node's label",
            f"leave {name} in legacy mode: Kubernetes takes {LONGEST_LABEL} letters",
        )
    if any(instance.spec.namespace for instance in feature.instances):
        return Refused(
            f"{name} cannot move to kubernetes: it runs once per ASIC on this switch", f"leave {name} in legacy mode"
        )
    return None


def why_no_cluster(snapshot: Snapshot) -> tuple[str, str]:
    """Why no cluster can be used, and the next step."""
    if no_server := why_no_server(snapshot.server):
        return no_server
    if isinstance(snapshot.node, SwitchError):
        return str(snapshot.node), snapshot.node.resolution or "system service explain"
    return "the cluster was not asked", "config feature mode again"


def _write(host: Host, feature: FeatureState, mode: Mode, fallback: bool | None) -> tuple[Action, ...]:
    spec = feature.spec
    fields: dict[str, str | None] = {}
    if spec.mode is not mode or not spec.knows_owner:
        fields["set_owner"] = mode.stored
    if fallback is not None and fallback is not spec.fallback:
        # The host's reader takes any value as "no fallback", so on means: no field.
        fields["no_fallback_to_local"] = None if fallback else "true"
    if not fields:
        return ()
    # ctrmgrd restarts the unit, and that has to find its start limit unspent.
    restarts = [
        s.spec.unit for s in feature.instances if host.ctrmgrd and "set_owner" in fields and supervised(host, s)
    ]
    forget = [Action(Kind.RESET_FAILED, unit) for unit in restarts]
    return (*forget, Action(Kind.WRITE, spec.name, fields))
