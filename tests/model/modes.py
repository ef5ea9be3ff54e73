"""The change of mode over every row, gate, server and request: pure intent, so one write and no run to explore."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace
from typing import Any

from system_service.domain.change.actions import Kind
from system_service.errors import Refused, Unreachable
from system_service.model.feature import AdminState, Instance, Mode, Owner, parse_feature
from system_service.model.snapshot import (
    Active,
    Container,
    FeatureState,
    Host,
    InstanceState,
    Notes,
    Run,
    Snapshot,
    Unit,
)

from .explore import Wrong

_ROWS = tuple(product((None, "local", "kube", "", "elsewhere"), (None, "true", "True", "false", "")))
_SERVERS = ({}, {"ip": ""}, {"ip": "10.0.0.1"}, {"ip": "10.0.0.1", "disable": "False"}, {"ip": "x", "disable": "True"})
_GATES = (("snmp", None), ("snmp", {}), ("bgp", None), ("bgp", {}), ("bgp", {"sonic.startup-gate": "true"}))
# Where it runs, and whether ctrmgrd is at work: then under a unit that is active.
_PLACES = ((("",), False), (("asic0",), False), (("", "asic0"), False), (("asic0", "asic1"), False), (("",), True))
_REQUESTS = tuple(product(Mode, (None, True, False)))


@dataclass(frozen=True)
class Case:
    row: dict[str, str]
    server: dict[str, str]
    name: str
    labels: dict[str, str] | None  # of the container; None: there is no container
    places: tuple[str, ...]
    ctrmgrd: bool
    mode: Mode
    fallback: bool | None
    only: bool = False  # nothing here could run it


def cases() -> list[Case]:
    found = []
    for (owner, fixed), server, (name, labels), (places, ctrmgrd), (mode, fallback) in product(
        _ROWS, _SERVERS, _GATES, _PLACES, _REQUESTS
    ):
        if ctrmgrd and labels is None:
            continue
        row = {"state": "enabled", "set_owner": owner, "no_fallback_to_local": fixed}
        kept = {k: v for k, v in row.items() if v is not None}
        found.append(Case(kept, server, name, labels, places, ctrmgrd, mode, fallback))
        if labels is None and places == ("",) and owner is not None:
            found.append(Case(kept, server, name, labels, places, ctrmgrd, mode, fallback, True))
    return found


def check(planner: Any) -> int:
    """Judge every case, each followed by its write and by the same request again; how many plans were made."""
    made = 0
    for case in cases():
        made += 1
        try:
            first = _plan(planner, case, case.row)
        except Refused:
            if not _refused(case):
                raise Wrong(f"refused without need: {case}") from None
            continue
        if _refused(case):
            raise Wrong(f"not refused: {case}")
        after = _write(case, first.actions)
        _judge(case, after)
        again = _plan(planner, case, after)
        made += 1
        if [a for a in again.actions if not (case.ctrmgrd and a.kind is Kind.AWAIT_KUBE)]:
            raise Wrong(f"written again: {case}")
        _verdicts(case, first, again)
    _watch_those_on_their_way_home(planner)
    return made


def _watch_those_on_their_way_home(planner: Any) -> None:
    """Legacy is written, the gate is closed, the local container does not run yet: who asks again is to see it run."""
    pod = Container("1" * 64, "k8s_snmp", Run.RUNNING)
    row = parse_feature("snmp", {"state": "enabled", "set_owner": "local"})
    request = planner.Request(planner.Verb.MODE, Mode.LEGACY, None)
    for run, active, pods in product((Run.EXITED, Run.RUNNING), (Active.ACTIVE, Active.INACTIVE), ((), (pod,))):
        box, unit = Container("0" * 64, "snmp", run), Unit("snmp.service", True, active)
        seen = InstanceState(Instance("snmp", "", unit.name, "snmp"), box, unit, pods)
        wanted = FeatureState(row, (seen,))
        planned = planner.plan(Snapshot(Host(True), (wanted,)), wanted, request)
        due = run is Run.EXITED and active is Active.ACTIVE and bool(pods)
        # A pod that is here speaks for a label that is to go, whatever is noted of it.
        if [a.kind for a in planned.actions] != [Kind.AWAIT_LOCAL] * due + [Kind.LABEL] * bool(pods):
            raise Wrong(f"on the way home, {run}, {active}, {len(pods)} pods: {planned.actions}")


def _plan(planner: Any, case: Case, row: dict[str, str]) -> Any:
    # The local container runs, and no cluster answers: nothing but intent. Not the state, not the daemons.
    request = planner.Request(planner.Verb.MODE, case.mode, case.fallback)
    if case.ctrmgrd:
        return planner.plan(_supervised(case, row), _supervised(case, row).features[0], request)
    parsed = parse_feature(case.name, row)
    feature = SimpleNamespace(
        name=parsed.name,
        mode=parsed.mode,
        knows_owner=parsed.knows_owner,
        fallback=parsed.fallback,
        state=AdminState.ENABLED,
    )
    box = None if case.labels is None else SimpleNamespace(labels=case.labels)
    seen = tuple(
        SimpleNamespace(spec=SimpleNamespace(namespace=p), container=box, unit=None, serving=None, pods=())
        for p in case.places
    )
    owner = Owner.NONE if case.only else Owner.LOCAL
    wanted = SimpleNamespace(spec=feature, instances=seen, owner=owner, own=Notes(), kube_only=case.only, bare=False)
    host = SimpleNamespace(systemd=True, ctrmgrd=False)
    return planner.plan(SimpleNamespace(server=case.server, node=None, host=host), wanted, request)


def _supervised(case: Case, row: dict[str, str]) -> Snapshot:
    """Beside ctrmgrd, and under an active unit, which it restarts."""
    unit = f"{case.name}.service"
    box = Container("0" * 64, case.name, Run.RUNNING, labels=case.labels or {})
    seen = InstanceState(Instance(case.name, "", unit, case.name), box, Unit(unit, True, Active.ACTIVE))
    return Snapshot(Host(True, False, True), (FeatureState(parse_feature(case.name, row), (seen,)),), case.server)


def _refused(case: Case) -> bool:
    if case.only:
        return case.mode is Mode.LEGACY or case.fallback is True
    if case.mode is Mode.LEGACY:  # where it would end a pod for nothing: no container here, nor a unit that makes one
        return case.row.get("set_owner") == "kube" and case.labels is None and case.places == ("",)
    gate = case.name == "snmp" or bool(case.labels)
    falls_back = case.row.get("no_fallback_to_local", "").lower() != "true"
    stays = falls_back if case.fallback is None else case.fallback
    return not gate or case.places != ("",) or not (stays or _by_ctrmgrd(case))


def _by_ctrmgrd(case: Case) -> bool:
    """Whether ctrmgrd goes on from the intent: nobody else asks a cluster, or labels a node."""
    return case.ctrmgrd and bool(case.server.get("ip")) and case.server.get("disable") != "True"


def _write(case: Case, actions: Any) -> dict[str, str]:
    row = dict(case.row)
    if _by_ctrmgrd(case) and case.mode is Mode.KUBERNETES:
        *actions, last = actions
        if last.kind is not Kind.AWAIT_KUBE:
            raise Wrong(f"nobody sees it happen: {case}")
    if case.ctrmgrd and any("set_owner" in a.fields for a in actions):
        first, *actions = actions
        if (first.kind, first.target) != (Kind.RESET_FAILED, f"{case.name}.service"):
            raise Wrong(f"ctrmgrd's restart may meet the start limit: {case}")
    if len(actions) > 1 or any(a.kind is not Kind.WRITE or a.target != case.name for a in actions):
        raise Wrong(f"more than one write: {case}")
    for field, value in (actions[0].fields if actions else {}).items():
        if value is None:
            if row.pop(field, None) is None:
                raise Wrong(f"deletes what is not there: {case}")
        elif row.get(field) == value:
            raise Wrong(f"writes what is there: {case}")
        else:
            row[field] = value
    return row


def _judge(case: Case, after: dict[str, str]) -> None:
    if case.mode is Mode.LEGACY and "set_owner" not in case.row:
        if after != case.row:
            raise Wrong(f"an image without Kubernetes gets fields: {case}")
        return
    was, now = parse_feature(case.name, case.row), parse_feature(case.name, after)
    if now.mode is not case.mode or now.fallback is not (was.fallback if case.fallback is None else case.fallback):
        raise Wrong(f"the intent is another one: {case}: {after}")
    if after.get("no_fallback_to_local") != case.row.get("no_fallback_to_local") and now.fallback is was.fallback:
        raise Wrong(f"fallback was not asked for and is written: {case}")
    if case.mode is Mode.KUBERNETES and after.get("set_owner") != "kube":
        raise Wrong(f"the host's word is kube: {case}")
    if after.get("no_fallback_to_local", "true") not in ("true", case.row.get("no_fallback_to_local")):
        raise Wrong(f"the host's reader takes any word as true: {case}: {after}")


def _verdicts(case: Case, *plans: Any) -> None:
    for planned in plans:
        if case.mode is Mode.LEGACY:
            if planned.verdict is not None:
                raise Wrong(f"legacy is always to be had: {case}")
        elif _by_ctrmgrd(case):
            if planned.verdict is not None:
                raise Wrong(f"the cluster is ctrmgrd's to reach: {case}")
        elif not isinstance(planned.verdict, Unreachable) or not planned.verdict.resolution:
            raise Wrong(f"no cluster, and nobody is told: {case}")
        else:
            ip, off = bool(case.server.get("ip")), case.server.get("disable") == "True"
            step = planned.verdict.resolution
            if ("server ip" not in step, "disable off" in step) != (ip, off):
                raise Wrong(f"the next step is another one: {case}: {step}")
