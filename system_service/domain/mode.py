"""Deciding on a change of mode: which features may move at all, and what can be had when no cluster can.

Pure, as `plan` is. The handover itself is the unit's `wait`'s (system_service/handover).
"""

from __future__ import annotations

from system_service.domain.actions import Action, Kind, Plan
from system_service.errors import Refused, SwitchError, Unreachable
from system_service.model.feature import Mode, Owner
from system_service.model.kube_server import configured, why_no_server
from system_service.model.naming import LONGEST_LABEL, label
from system_service.model.snapshot import Active, FeatureSeen, Host, Node, Seen, Snapshot

# Features whose images run the start-up gate. Others are addressed by their docker name in the switch's scripts.
GATED = frozenset(
    {"bmp", "dhcp_relay", "dhcp_server", "gnmi", "lldp", "otel", "pmon", "radv", "snmp", "telemetry"},
)
GATE_LABEL = "sonic.startup-gate"


def plan_mode(snapshot: Snapshot, wanted: FeatureSeen, mode: Mode, fallback: bool | None) -> Plan:
    """The plan that makes `mode` and `fallback` (None: as it is) the feature's intent.

    Raises:
        Refused: the feature cannot move, or there is no cluster and no fallback.
    """
    feature = wanted.feature
    if wanted.kube_only and (mode is Mode.LEGACY or fallback):
        what = "run in legacy mode" if mode is Mode.LEGACY else "fall back"
        raise Refused(
            f"{feature.name} cannot {what}: there is no image of it on this switch",
            f"take it from the switch with: config feature uninstall {feature.name}",
        )
    write = _write(snapshot.host, wanted, mode, fallback)
    if mode is Mode.LEGACY and feature.mode is Mode.KUBERNETES and _nothing_at_home(snapshot.host, wanted):
        raise Refused(
            f"{feature.name} cannot run in legacy mode: there is no image of it on this switch",
            f"bring the image back (docker load, docker pull), then: config feature mode {feature.name} legacy",
        )
    if mode is Mode.LEGACY:
        # An image built without Kubernetes has no such field, and gets none from us.
        return Plan(_home(snapshot, wanted, write) if feature.knows_owner else ())
    if refusal := _why_it_cannot_move(wanted):
        raise refusal
    # Where ctrmgrd is at work it speaks to the API server, and nobody of ours does.
    by_ctrmgrd = snapshot.host.ctrmgrd and configured(snapshot.server)
    if by_ctrmgrd or isinstance(snapshot.node, Node):
        node = snapshot.node if isinstance(snapshot.node, Node) else Node()
        return Plan((*write, *_away(snapshot.host, wanted, node)))
    reason, resolution = why_no_cluster(snapshot)
    if wanted.kube_only:
        # It waits, whatever comes: here is nothing that could be lost.
        return Plan(write, Unreachable(f"{feature.name} waits for Kubernetes: {reason}", resolution))
    stays = feature.fallback if fallback is None else fallback
    if not stays:
        raise Refused(
            f"{feature.name} cannot move to kubernetes: {reason}, and it has no fallback",
            f"{resolution}, or allow the local image to serve meanwhile with --fallback",
        )
    served = f"kubernetes is wanted for {feature.name}; the local image serves until it can be had"
    return Plan(write, Unreachable(f"{served}: {reason}", resolution))


def wants_label(host: Host, wanted: FeatureSeen) -> bool:
    """Whether a pod may be here: kubernetes is wanted, and the feature is to run."""
    return wanted.feature.mode is Mode.KUBERNETES and not wanted.feature.state.off and is_up(host, wanted)


def is_up(host: Host, wanted: FeatureSeen) -> bool:
    """Whether it is started, as far as units tell; what has none is."""
    return all(not supervised(host, seen) or _up(seen) for seen in wanted.seen)


def supervised(host: Host, seen: Seen) -> bool:
    """Whether systemd starts and stops this instance; where it does not, Docker is driven directly."""
    return host.systemd and seen.unit is not None and seen.unit.exists


def _up(seen: Seen) -> bool:
    unit = seen.unit
    return unit is not None and not unit.masked and unit.active in (Active.ACTIVE, Active.ACTIVATING, Active.RELOADING)


def _away(host: Host, wanted: FeatureSeen, node: Node) -> list[Action]:
    """Let a pod come, and see it take over. A feature that is down gets the intent alone."""
    name = wanted.feature.name
    moved = wanted._replace(feature=wanted.feature._replace(mode=Mode.KUBERNETES))
    if not wants_label(host, moved):
        return []
    key = label(name)
    labelled = _follows(host, wanted) or (wanted.own.want if host.ctrmgrd else node.labels.get(key)) == "true"
    actions = [] if labelled else [Action(Kind.LABEL, name, {key: "true"})]
    if wanted.owner is not Owner.KUBE or wanted.feature.mode is not Mode.KUBERNETES:
        actions.append(_see(host, wanted, Kind.AWAIT_KUBE))
    return actions


def _home(snapshot: Snapshot, wanted: FeatureSeen, write: tuple[Action, ...]) -> tuple[Action, ...]:
    """See the local container take over, and let the pod go. What never was away costs nothing."""
    name = wanted.feature.name
    actions = list(write)
    to_run = is_up(snapshot.host, wanted)
    # Typed again before the local container runs, there is nothing to write, and somebody to wait for all the same.
    away = wanted.owner is not Owner.LOCAL and (bool(write) or any(seen.pods for seen in wanted.seen))
    if to_run and not wanted.feature.state.off and (away or any(seen.serving for seen in wanted.seen)):
        actions.append(_see(snapshot.host, wanted, Kind.AWAIT_LOCAL))
    if _may_have_label(wanted) and not (_follows(snapshot.host, wanted) and to_run):
        actions.append(Action(Kind.LABEL, name, {label(name): None}))
    return tuple(actions)


def _nothing_at_home(host: Host, wanted: FeatureSeen) -> bool:
    """Whether no local container could take over: the pod that serves would end for nothing, with no way back."""
    if any(seen.container or seen.instance.namespace for seen in wanted.seen):
        return False
    return wanted.bare or not all(supervised(host, seen) for seen in wanted.seen)


def _follows(host: Host, wanted: FeatureSeen) -> bool:
    """Whether ctrmgrd sets the label as soon as the owner is written: for units that are active, and no others."""
    return host.ctrmgrd and all(supervised(host, seen) and _up(seen) for seen in wanted.seen)


def _may_have_label(wanted: FeatureSeen) -> bool:
    """Whether the API server has the label, or was told so by somebody who did not live to note it.

    Where nothing is noted (Redis was lost), a pod that is here tells of one.
    """
    known = wanted.own.label
    if known is None and any(seen.pods for seen in wanted.seen):
        return True
    return known not in (None, "", "false") or wanted.own.want == "true"


def _see(host: Host, wanted: FeatureSeen, kind: Kind) -> Action:
    """The unit's `wait` hands over; where there is no unit, nobody does but the command."""
    watched = all(supervised(host, seen) for seen in wanted.seen)
    return Action(kind if watched else Kind.KEEP, wanted.feature.name)


def has_gate(wanted: FeatureSeen) -> bool:
    """Whether the feature's image waits at a start-up gate: a known one, or one that says so in a label.

    The image of a feature that exists in Kubernetes only is not here to be asked: it has one, as it has to.
    """
    return (
        wanted.feature.name in GATED
        or wanted.kube_only
        or any(seen.container is not None and seen.container.labels.get(GATE_LABEL) == "true" for seen in wanted.seen)
    )


def goes_with_all(wanted: FeatureSeen, mode: Mode) -> bool:
    """Whether it is meant where nobody is named: what is here and enabled and can move; home, what has one here."""
    if mode is Mode.LEGACY:
        return not wanted.kube_only
    here = wanted.kube_only or any(seen.container or (seen.unit and seen.unit.exists) for seen in wanted.seen)
    return here and _why_it_cannot_move(wanted) is None and not wanted.feature.state.off


def _why_it_cannot_move(wanted: FeatureSeen) -> Refused | None:
    name = wanted.feature.name
    if not has_gate(wanted):
        return Refused(
            f"{name} cannot move to kubernetes: its image has no start-up gate",
            f"leave {name} in legacy mode, or use an image with the label {GATE_LABEL}=true",
        )
    if len(label(name)) > LONGEST_LABEL:
        return Refused(
            f"{name} cannot move to kubernetes: {label(name)} is too long for a node's label",
            f"leave {name} in legacy mode: Kubernetes takes {LONGEST_LABEL} letters",
        )
    if any(seen.instance.namespace for seen in wanted.seen):
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


def _write(host: Host, wanted: FeatureSeen, mode: Mode, fallback: bool | None) -> tuple[Action, ...]:
    feature = wanted.feature
    fields: dict[str, str | None] = {}
    if feature.mode is not mode or not feature.knows_owner:
        fields["set_owner"] = mode.stored
    if fallback is not None and fallback is not feature.fallback:
        # The host's reader takes any value as "no fallback", so on means: no field.
        fields["no_fallback_to_local"] = None if fallback else "true"
    if not fields:
        return ()
    # ctrmgrd restarts the unit, and that has to find its start limit unspent.
    restarts = [s.instance.unit for s in wanted.seen if host.ctrmgrd and "set_owner" in fields and supervised(host, s)]
    forget = [Action(Kind.RESET_FAILED, unit) for unit in restarts]
    return (*forget, Action(Kind.WRITE, feature.name, fields))
