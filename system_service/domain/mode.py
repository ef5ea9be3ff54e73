"""Deciding on a change of mode: which features may move at all, and what can be had when no cluster can.

Pure, as `plan` is. Handing over between owners gets its room here.
"""

from __future__ import annotations

from system_service.domain.actions import Action, Kind, Plan
from system_service.errors import Refused, Unreachable
from system_service.model.feature import Mode
from system_service.model.snapshot import FeatureSeen, Snapshot

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
    if mode is Mode.LEGACY:
        # An image built without Kubernetes has no such field, and gets none from us.
        return Plan(_write(wanted, mode, fallback) if feature.knows_owner else ())
    _refuse_what_cannot_move(snapshot, wanted)
    reason, resolution = _why_no_cluster(snapshot)
    stays = feature.fallback if fallback is None else fallback
    if not stays:
        raise Refused(
            f"{feature.name} cannot move to kubernetes: {reason}, and it has no fallback",
            f"{resolution}, or allow the local image to serve meanwhile with --fallback",
        )
    return Plan(
        _write(wanted, mode, fallback),
        Unreachable(f"{feature.name} goes on from the local image: {reason}", resolution),
    )


def has_gate(wanted: FeatureSeen) -> bool:
    """Whether the feature's image waits at a start-up gate: a known one, or one that says so in a label."""
    return wanted.feature.name in GATED or any(
        seen.container is not None and seen.container.labels.get(GATE_LABEL) == "true" for seen in wanted.seen
    )


def _refuse_what_cannot_move(snapshot: Snapshot, wanted: FeatureSeen) -> None:
    name = wanted.feature.name
    if not has_gate(wanted):
        raise Refused(
            f"{name} cannot move to kubernetes: its image has no start-up gate",
            f"leave {name} in legacy mode, or use an image with the label {GATE_LABEL}=true",
        )
    if any(seen.instance.namespace for seen in wanted.seen):
        raise Refused(
            f"{name} cannot move to kubernetes: it runs once per ASIC on this switch", f"leave {name} in legacy mode"
        )


def _why_no_cluster(snapshot: Snapshot) -> tuple[str, str]:
    if not snapshot.server.get("ip"):
        return "no Kubernetes server is configured", "config kubernetes server ip ADDRESS"
    if snapshot.server.get("disable", "").lower() == "true":
        return "the Kubernetes server is disabled", "config kubernetes server disable off"
    return "this version has no Kubernetes client", "update sonic-system-service"


def _write(wanted: FeatureSeen, mode: Mode, fallback: bool | None) -> tuple[Action, ...]:
    feature = wanted.feature
    fields: dict[str, str | None] = {}
    if feature.mode is not mode or not feature.knows_owner:
        fields["set_owner"] = mode.stored
    if fallback is not None and fallback is not feature.fallback:
        # The host's reader takes any value as "no fallback", so on means: no field.
        fields["no_fallback_to_local"] = None if fallback else "true"
    return (Action(Kind.WRITE, feature.name, fields),) if fields else ()
