"""Features that exist in Kubernetes only: a FEATURE row and a unit, put there and taken away without a trace.

What is to be done is read off the switch each time (`survey`, then a pure plan), so that whoever is killed anywhere is
followed by the same command, or by `system service sync`. Until that is done, `todo` in our own row says which it is.

Installing, the unit comes before the row: a unit without a row does nothing, while a host's featured acts on a row at
once. Taking away, the row goes last, and not before the node's label and the pod have gone: a pod whose feature has no
rows would open its gate.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from system_service.backends import trigger
from system_service.backends.switchdb import Edit
from system_service.backends.unitfiles import text
from system_service.domain.actions import Action, Kind, Plan
from system_service.domain.audit import record
from system_service.domain.execute import Executor
from system_service.domain.interrupt import deferred
from system_service.domain.labels import taken, want
from system_service.domain.lock import held
from system_service.domain.mode import configured, label, why_no_cluster
from system_service.domain.observe import Intent, see
from system_service.domain.operate import Ask, until_so
from system_service.domain.plan import Request, Verb, plan, starting
from system_service.domain.report import report
from system_service.domain.result import Report, Result
from system_service.domain.switch import Switch
from system_service.errors import (
    Failed,
    Interrupted,
    NotPermitted,
    Refused,
    SwitchError,
    TimedOut,
    UnknownFeature,
    UnknownNode,
)
from system_service.model.feature import AdminState, Mode, Owner, parse_feature, valid_name
from system_service.model.naming import feature_of_container
from system_service.model.natural import natural
from system_service.model.pods import pods_of
from system_service.model.snapshot import Active, FeatureSeen, Host, Seen, Snapshot, Unit
from system_service.model.state_row import OWN_TABLE

INSTALL, UNINSTALL = "install", "uninstall"
_CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]{0,200}\.(service|target|socket|timer|path|mount|device)")
_PAUSE = 0.25  # seconds between two looks
_FEATURED = 10.0  # seconds for featured to mask a unit that was disabled

_ROW = {
    "state": AdminState.ENABLED.value,
    "auto_restart": "enabled",
    "set_owner": Mode.KUBERNETES.stored,
    "no_fallback_to_local": "true",
    "has_global_scope": "True",
    "has_per_asic_scope": "False",
    "delayed": "False",
}
# Leaves that not every image knows: written where other rows of the switch have them.
_WHERE_KNOWN = {
    "has_per_dpu_scope": "False",
    "check_up_status": "false",
    "support_syslog_rate_limit": "false",
    "high_mem_alert": "disabled",
}


def valid_container(name: str) -> bool:
    """Whether Kubernetes takes it as a container's name."""
    return _CONTAINER.fullmatch(name) is not None


def unit_name(word: str) -> str:
    """`swss` or `swss.service` as a unit's full name, "" for what could be read as anything else in a unit's file."""
    name = word if "." in word else f"{word}.service"
    return name if _UNIT.fullmatch(name) else ""


class Site(NamedTuple):
    """What there is of one name. `row`: its FEATURE row ({}: none, and `snapshot` has a feature made of nothing).

    `file`: the text of our unit, None: there is none. `foreign`: somebody else has a unit of this name. `leaves`: the
    fields that any FEATURE row has. `owner`: the feature whose per-ASIC container bears this name, "".
    """

    snapshot: Snapshot
    row: Mapping[str, str]
    file: str | None
    foreign: bool
    leaves: frozenset[str]
    owner: str = ""

    @property
    def wanted(self) -> FeatureSeen:
        return self.snapshot.features[0]

    @property
    def name(self) -> str:
        return self.wanted.feature.name

    @property
    def host(self) -> Host:
        return self.snapshot.host

    @property
    def seen(self) -> Seen:
        return self.wanted.seen[0]

    @property
    def unit(self) -> Unit:
        return self.seen.unit or Unit(self.seen.instance.unit)

    @property
    def todo(self) -> str:
        """INSTALL or UNINSTALL while that is not finished, else ""."""
        word = self.wanted.own.get("todo", "").partition(" ")[0]
        return word if word in (INSTALL, UNINSTALL) else ""

    @property
    def after(self) -> tuple[str, ...]:
        """The units of an installation that is not finished."""
        words = self.wanted.own.get("todo", "").split()[1:]
        return tuple(word for word in words if unit_name(word) == word)


def survey(switch: Switch, name: str) -> Site:
    """Look at everything that installing and uninstalling may touch. Raises as `observe`, never UnknownFeature."""
    (rows,) = switch.db.tables(("CONFIG_DB", "FEATURE"))
    keys = (("STATE_DB", f"FEATURE|{name}"), ("STATE_DB", f"{OWN_TABLE}|{name}"))
    state_row, own, server = switch.db.rows(*keys, ("CONFIG_DB", "KUBERNETES_MASTER|SERVER"))
    row = rows.get(name, {})
    feature = parse_feature(name, row or {"set_owner": Mode.KUBERNETES.stored})
    files = switch.unit_files()
    stem, _ = feature_of_container(name, switch.db.namespaces)
    return Site(
        see(switch, Intent((feature,), {name: state_row}, {name: own}, server)),
        row,
        files.read(name),
        files.others(name),
        frozenset(field for other in rows.values() for field in other),
        stem if stem != name else "",
    )


# --- installing


def plan_install(site: Site, after: Sequence[str] = ()) -> Plan:
    """What is left until the feature is installed as asked, and, where it is not disabled, its unit active. Pure.

    Raises Refused: the name is taken, or there is no systemd.
    """
    _refuse_install(site)
    return Plan(tuple(_install(site, text(site.name, after), start=True)))


def plan_repair(site: Site) -> Plan:
    """What an image upgrade or a killed `install` left to do; nothing for a feature that was only stopped. Pure."""
    unit, feature = site.unit, site.wanted.feature
    if not site.host.systemd or site.todo == UNINSTALL or site.seen.container is not None or site.foreign:
        return Plan()
    if site.todo == INSTALL:
        return Plan(tuple(_install(site, text(site.name, site.after), start=True)))
    lost = feature.mode is Mode.KUBERNETES and not feature.fallback
    if not site.row or not site.wanted.kube_only or (site.file is None and not lost):
        return Plan()
    fresh = site.file is None or not unit.exists or unit.file_state == "disabled"
    steps = _install(site, site.file or text(site.name), start=fresh)
    return Plan(tuple(step for step in steps if step.kind is not Kind.ADD))  # what is in its row is the operator's


def _refuse_install(site: Site) -> None:
    name = site.name
    if not site.host.systemd:
        raise Refused("systemd does not run here: nobody would keep the feature", "run it on the switch itself")
    if site.owner:
        raise Refused(f"{name} is the container of feature {site.owner} on this switch", "choose another name")
    if site.seen.container is not None:
        raise Refused(
            f"{name} exists on this switch: container {name}", f"config feature mode {name} kubernetes, or another name"
        )
    if site.foreign:
        raise Refused(f"{name} exists on this switch: {site.seen.instance.unit} is its unit", "choose another name")
    if site.row and not site.wanted.kube_only:
        raise Refused(f"{name} exists on this switch: it has a FEATURE row", f"show feature config {name}")


def _install(site: Site, content: str, start: bool) -> list[Action]:
    name, unit, actions = site.name, site.unit, []
    if site.file != content:
        actions.append(Action(Kind.WRITE_UNIT, unit.name, {"text": content}))
    if actions or unit.stale or not (unit.exists or unit.masked):
        actions.append(Action(Kind.RELOAD, unit.name))
    row = dict(site.row) or {**_ROW, **{k: v for k, v in _WHERE_KNOWN.items() if k in site.leaves}}
    if site.todo == UNINSTALL:
        row["state"] = AdminState.ENABLED.value
    row |= {key: _ROW[key] for key in ("set_owner", "no_fallback_to_local")}
    fields = {key: value for key, value in row.items() if site.row.get(key) != value}
    if fields:
        actions.append(Action(Kind.ADD, name, fields))
    if not start or parse_feature(name, row).state.off:
        return actions
    if unit.masked:
        actions.append(Action(Kind.UNMASK, unit.name))
    if unit.masked or unit.file_state != "enabled":
        actions.append(Action(Kind.ENABLE, unit.name))
    return [*actions, *_start(site)]


def _start(site: Site) -> list[Action]:
    unit = site.unit
    forget = Action(Kind.RESET_FAILED, unit.name)
    if unit.active in (Active.ACTIVE, Active.RELOADING) or starting(site.seen):
        return []
    if unit.active is Active.ACTIVATING:  # in its pause: a start job would wait for it to be over
        return [forget, Action(Kind.RESTART_UNIT, unit.name)]
    settle = [Action(Kind.AWAIT_SETTLED, unit.name)] if unit.active is Active.DEACTIVATING else []
    return [*settle, forget, Action(Kind.START_UNIT, unit.name)]


def install(switch: Switch, ask: Ask, after: Sequence[str] = ()) -> Result:
    """Install the one feature of `ask`; whether a pod has come is not waited for.

    Raises Unreachable, NotPermitted, TimedOut when nothing could be begun.
    """

    def planned(site: Site) -> Plan:
        return plan_install(site, after)

    if ask.dry_run:
        return _rehearse(switch, ask, planned)
    todo = " ".join((INSTALL, *after))
    return _work(switch, ask, lambda executor, name: _put(switch, executor, name, planned, todo))


def _put(
    switch: Switch, executor: Executor, name: str, planned: Callable[[Site], Plan], todo: str = ""
) -> Iterator[bool]:
    site = survey(switch, name)
    steps = planned(site)
    if steps.actions:
        if todo:
            _note(switch, name, todo)
        yield from executor.run(site.wanted, steps)
        executor.check()
        site = survey(switch, name)
        left = [action for action in planned(site).actions if action.kind.changes]
        if executor.block and left:
            raise Failed(f"{name} does not stay as asked: still to do: {left[0]}", f"system service explain {name}")
    if site.todo:
        _note(switch, name, "")
    asked = bool(todo or steps.actions)  # what has just been completed by somebody else asks nobody
    if asked and site.row and site.wanted.owner is not Owner.KUBE and not site.wanted.feature.state.off:
        _call(switch, executor, site)


def _call(switch: Switch, executor: Executor, site: Site) -> None:
    """Let a pod come, and note why there is none yet. Nothing far away makes an installation fail."""
    name = site.name
    try:
        unsent = want(switch.db, name, True)
        if not configured(site.snapshot.server):
            why = why_no_cluster(site.snapshot)[0]
        else:
            cluster = switch.cluster()
            if unsent:
                executor.tell(f"{name}: {Action(Kind.LABEL, name, {label(name): 'true'})}")
                cluster.label({label(name): "true"})
                taken(switch.db, name, True)
            why = cluster.why(name)
    except SwitchError as error:
        record(executor.command, name, "label", f"failed: {error}")
        trigger.ask(switch.run_dir)  # the oneshot goes on trying
        why = str(error)
    if why:
        rows = switch.keeper(name, executor.tell).rows
        rows.read()
        rows.note(time.time(), reason=why)


# --- uninstalling


def refuse_uninstall(site: Site) -> None:
    """Raises UnknownFeature for a name that is nowhere, Refused for what was not installed by us. Pure."""
    name = site.name
    if not site.row and site.file is None and not site.todo:
        raise UnknownFeature(f"there is no feature {name}", "system service list")
    if site.seen.container is not None or site.foreign or (site.row and not site.wanted.kube_only):
        raise Refused(
            f"{name} belongs to this switch's image, and was not installed by `config feature install`",
            f"system service disable {name}",
        )


def plan_removal(site: Site) -> Plan:
    """What takes the unit away, once the feature is down. Pure."""
    unit, actions = site.unit, []
    if unit.active not in (Active.INACTIVE, Active.FAILED):
        settle = [Action(Kind.AWAIT_SETTLED, unit.name)] if starting(site.seen) else []
        actions += [*settle, Action(Kind.STOP_UNIT, unit.name)]
    if unit.active is Active.FAILED:
        actions.append(Action(Kind.RESET_FAILED, unit.name))
    if unit.masked:
        actions.append(Action(Kind.UNMASK, unit.name))
    if site.file is not None and (unit.masked or unit.file_state == "enabled"):
        actions.append(Action(Kind.DISABLE, unit.name))
    if site.file is not None:
        actions.append(Action(Kind.REMOVE_UNIT, unit.name))
    if site.file is not None or unit.stale or (unit.exists and not unit.masked):
        actions.append(Action(Kind.RELOAD, unit.name))
    return Plan(tuple(actions))


def uninstall(switch: Switch, ask: Ask) -> Result:
    """Take the one feature of `ask` from the switch. Raises as `install`."""
    if ask.dry_run:
        return _rehearse(switch, ask, _removal)
    return _work(switch, ask, lambda executor, name: _take(switch, executor, name))


def _removal(site: Site) -> Plan:
    """All of it, to be shown."""
    refuse_uninstall(site)
    name = site.name
    down = plan(site.snapshot, site.wanted, Request(Verb.DISABLE)).actions if site.row else ()
    masks = [a for a in down if a.kind is Kind.MASK]
    unit = site.unit._replace(active=Active.INACTIVE, file_state="masked" if masks else site.unit.file_state)
    bare = site.wanted._replace(seen=(site.seen._replace(unit=unit),))
    rest = plan_removal(site._replace(snapshot=site.snapshot._replace(features=(bare,)))).actions
    drop = () if any(a.kind is Kind.LABEL for a in down) else (Action(Kind.LABEL, name, {label(name): None}),)
    return Plan((*down, *rest, *drop, Action(Kind.AWAIT_GONE, name), Action(Kind.FORGET, name)))


def _take(switch: Switch, executor: Executor, name: str) -> Iterator[bool]:
    site = survey(switch, name)
    refuse_uninstall(site)
    if site.row:
        plan(site.snapshot, site.wanted, Request(Verb.DISABLE))  # what is refused is refused before anything is noted
    _note(switch, name, UNINSTALL)
    if site.row:
        outcome = until_so(switch, name, Request(Verb.DISABLE), executor)
        yield outcome.changed
        if outcome.error:
            raise outcome.error
        if site.host.featured:
            _let_featured_mask(switch, executor, site)
    yield from executor.run(site.wanted, plan_removal(survey(switch, name)))
    _send_away(switch, executor, site)
    yield from executor.run(site.wanted, Plan((Action(Kind.FORGET, name),)))


def _let_featured_mask(switch: Switch, executor: Executor, site: Site) -> None:
    """featured masks what is disabled, after a while: a mask that came later would stay for ever."""
    until = min(executor.deadline, time.monotonic() + _FEATURED)
    while time.monotonic() < until and not switch.units.show(site.unit.name)[site.unit.name].masked:
        executor.check()
        time.sleep(_PAUSE)


def _send_away(switch: Switch, executor: Executor, site: Site) -> None:
    """Drop the node's label, and see the pod gone. Raises what keeps it: then the row stays, and its gate closed."""
    name = site.name
    want(switch.db, name, False)
    # Where ctrmgrd is at work it speaks to the API server, and nobody of ours does.
    cluster = switch.cluster() if configured(site.snapshot.server) and not site.host.ctrmgrd else None
    try:
        if cluster and site.wanted.own.get("label") != "false":
            executor.tell(f"{name}: {Action(Kind.LABEL, name, {label(name): None})}")
            with suppress(UnknownNode):  # without a node there is no label
                cluster.label({label(name): None})
            taken(switch.db, name, False)
        executor.tell(f"{name}: {Action(Kind.AWAIT_GONE, name)}")
        while pods_of(name, switch.engine.containers()) or (cluster and cluster.present(name)):
            executor.check()
            if time.monotonic() >= executor.deadline:
                raise TimedOut("it is still there", "kubectl get pods")
            time.sleep(_PAUSE)
    except Interrupted:
        raise
    except SwitchError as error:
        trigger.ask(switch.run_dir)  # the oneshot goes on trying
        raise type(error)(
            f"{name} is down and its unit removed; its row stays, disabled, until its pod has gone: {error}",
            f"that is finished by itself, or at once by: config feature uninstall {name}",
        ) from error


# --- what both have


def _rehearse(switch: Switch, ask: Ask, planned: Callable[[Site], Plan]) -> Result:
    (name,) = ask.names
    site = survey(switch, name)
    try:
        found = planned(site)
    except SwitchError as refusal:
        found = Plan(verdict=refusal)
    shown = _shown(site, any(a.kind.changes for a in found.actions), found.verdict)
    shown = shown.plus(plan=[str(action) for action in found.actions])
    return Result(ask.command, (shown,), True, found.verdict)


def _work(switch: Switch, ask: Ask, do: Callable[[Executor, str], Iterator[bool]]) -> Result:
    """Do it under the feature's lock; what failed is in the Result, and what was done before that counts."""
    (name,) = ask.names
    if os.geteuid() != 0:
        raise NotPermitted(f"'{ask.command}' needs root", "run it as root (sudo)")
    deadline = switch.engine.until = time.monotonic() + ask.timeout
    changed, error = False, None
    with deferred() as interrupts:
        executor = Executor(switch, ask.command, deadline, ask.tell, interrupts.check, ask.wait)
        try:
            with held(switch.run_dir, name, deadline, interrupts.check):
                for did in do(executor, name):
                    changed |= did  # one by one: what was done stands, also when a later step fails
        except SwitchError as failure:
            error = failure
        try:
            shown = _shown(survey(switch, name), changed, error)
        except SwitchError:  # what was done stands, and the outcome carries its own error
            shown = Report(name, {"detail": str(error or "")}, changed, error)
    return Result(ask.command, (shown,), error=error)


def _shown(site: Site, changed: bool, error: SwitchError | None) -> Report:
    if site.row:
        return report(site.wanted, changed=changed, error=error)
    return Report(site.name, {"detail": str(error or "")}, changed, error)


def _note(switch: Switch, name: str, todo: str) -> None:
    edit = Edit({"todo": todo}) if todo else Edit(delete=("todo",))
    switch.db.update("STATE_DB", f"{OWN_TABLE}|{name}", lambda row: edit)


# --- what is left to `system service sync`


def repair(switch: Switch, ask: Ask) -> tuple[Report, ...]:
    """Finish what was interrupted, and make units anew that an image upgrade lost: of the names of `ask`, all if none.

    Only the features that needed something are in the answer, each with its error. Raises as `install`.
    """
    rows, own = switch.db.tables(("CONFIG_DB", "FEATURE"), ("STATE_DB", OWN_TABLE))
    done: list[Report] = []
    for name in sorted({*rows, *own} & set(ask.names or {*rows, *own}), key=natural):
        todo = own.get(name, {}).get("todo", "")
        if not valid_name(name) or not (todo or rows.get(name, {}).get("set_owner") == "kube"):
            continue
        mine = ask._replace(names=(name,))
        if todo == UNINSTALL:
            done += _work(switch, mine, lambda executor, name: _take(switch, executor, name)).reports
        elif todo or plan_repair(survey(switch, name)).actions:
            done += _work(switch, mine, lambda executor, name: _put(switch, executor, name, plan_repair)).reports
    return tuple(done)
