"""Features that exist in Kubernetes only: a FEATURE row and a unit, put there and taken away without a trace.

What is to be done is read off the switch each time (`survey`, then a pure plan), so that whoever is killed anywhere is
followed by the same command, or by `system service sync`. Until that is done, a note beside the unit says which it is.

Installing, the unit comes before the row: a unit without a row does nothing, while a host's featured acts on a row at
once. Taking away, the row goes last, and not before the node's label and the pod have gone: a pod whose feature has no
rows would open its gate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from system_service.backends import trigger
from system_service.domain.audit import record
from system_service.domain.change.actions import Action, Kind, Plan
from system_service.domain.change.asking import gone
from system_service.domain.change.execute import Executor
from system_service.domain.change.labels import alone, set_acknowledged, set_desired
from system_service.domain.change.operate import Ask, until_so
from system_service.domain.change.plan import Request, Verb, plan
from system_service.domain.change.plan_mode import why_no_cluster
from system_service.domain.command_lock import command_lock
from system_service.domain.interrupt import deferred
from system_service.domain.kube_only.plan import (
    INSTALL,
    UNINSTALL,
    Site,
    installable,
    plan_install,
    plan_removal,
    plan_repair,
    refuse_uninstall,
    survey,
)
from system_service.domain.privilege import need_root
from system_service.domain.result import FeatureReport, Report, Result, Unseen
from system_service.domain.status.report import report
from system_service.domain.switch import Switch
from system_service.errors import (
    Failed,
    Interrupted,
    Refused,
    SwitchError,
    TimedOut,
    UnknownFeature,
    UnknownNode,
    Unreachable,
)
from system_service.model.feature import Owner
from system_service.model.feature_row import wants_kubernetes
from system_service.model.kube_server import configured
from system_service.model.naming import label
from system_service.model.natural import natural
from system_service.model.pods import namespace, pods_of
from system_service.model.snapshot import Active

_PAUSE = 0.25  # seconds between two looks
_FEATURED = 10.0  # seconds for featured to mask a unit that was disabled

# --- installing


def install(switch: Switch, ask: Ask, after: Sequence[str] = ()) -> Result:
    """Install the one feature of `ask`; whether a pod has come is not waited for.

    Raises Unreachable, NotPermitted, TimedOut when nothing could be begun.
    """

    def planned(site: Site) -> Plan:
        return plan_install(site, after)

    if ask.dry_run:
        return _rehearse(switch, ask, planned)
    todo = (INSTALL, *after)
    return _work(switch, ask, lambda executor, name: _put(switch, executor, name, planned, todo))


def _put(
    switch: Switch, executor: Executor, name: str, planned: Callable[[Site], Plan], todo: Sequence[str] = ()
) -> Iterator[bool]:
    site = survey(switch, name)
    steps = planned(site)
    if steps.actions:
        if todo:
            switch.unit_files().note(name, todo)
        yield from executor.run(site.feature, steps)
        executor.check()
        site = survey(switch, name)
        left = [action for action in planned(site).actions if action.kind.changes]
        if executor.block and left:
            raise Failed(f"{name} does not stay as asked: still to do: {left[0]}", f"system service explain {name}")
    if site.noted:
        switch.unit_files().forget(name)
    asked = bool(todo or steps.actions)  # what has just been completed by somebody else asks nobody
    if asked and site.row and site.feature.owner is not Owner.KUBE and not site.feature.spec.state.off:
        _call(switch, executor, site)


def _call(switch: Switch, executor: Executor, site: Site) -> None:
    """Let a pod come, and note why there is none yet. Nothing far away makes an installation fail."""
    name = site.name
    try:
        unsent = set_desired(switch.db, name, True)
        if not configured(site.snapshot.server):
            why = why_no_cluster(site.snapshot)[0]
        else:
            cluster = switch.cluster()
            if unsent:
                executor.tell(f"{name}: {Action(Kind.LABEL, name, {label(name): 'true'})}")
                with alone(switch, executor.check):
                    cluster.label({label(name): "true"})
                    set_acknowledged(switch.db, name, True)
            executor.limit(cluster)
            why = cluster.why(name)
    except Interrupted:
        trigger.ask(switch.run_dir)
        raise
    except TimedOut:  # the label is sent; nobody has had time to say why there is no pod
        why = ""
    except SwitchError as error:
        record(executor.command, name, "label", f"failed: {error}")
        trigger.ask(switch.run_dir)  # the oneshot goes on trying
        why = str(error)
    if why:
        switch.reconciler(name, executor.tell).rows.note(reason=why, cluster=why)


# --- uninstalling


def uninstall(switch: Switch, ask: Ask) -> Result:
    """Take the one feature of `ask` from the switch. Raises as `install`."""
    if ask.dry_run:
        return _rehearse(switch, ask, _removal)
    return _work(switch, ask, lambda executor, name: _take(switch, executor, name))


def _removal(site: Site) -> Plan:
    """All of it, to be shown."""
    refuse_uninstall(site)
    name = site.name
    down = plan(site.snapshot, site.feature, Request(Verb.DISABLE)).actions if site.row else ()
    masks = [a for a in down if a.kind is Kind.MASK]
    unit = site.unit._replace(active=Active.INACTIVE, file_state="masked" if masks else site.unit.file_state)
    bare = site.feature._replace(instances=(site.instance._replace(unit=unit),))
    rest = plan_removal(site._replace(snapshot=site.snapshot._replace(features=(bare,)))).actions
    drop = () if any(a.kind is Kind.LABEL for a in down) else (Action(Kind.LABEL, name, {label(name): None}),)
    return Plan((*down, *rest, *drop, Action(Kind.AWAIT_GONE, name), Action(Kind.FORGET, name)))


def _take(switch: Switch, executor: Executor, name: str) -> Iterator[bool]:
    site = survey(switch, name)
    refuse_uninstall(site)
    if site.row:
        plan(site.snapshot, site.feature, Request(Verb.DISABLE))  # what is refused is refused before anything is noted
    switch.unit_files().note(name, (UNINSTALL,))
    if site.row:
        outcome = until_so(switch, name, Request(Verb.DISABLE), executor)
        yield outcome.changed
        if outcome.error:
            raise outcome.error
        if site.host.featured:
            _let_featured_mask(switch, executor, site)
    yield from executor.run(site.feature, plan_removal(survey(switch, name)))
    _send_away(switch, executor, site)
    yield from executor.run(site.feature, Plan((Action(Kind.FORGET, name),)))
    switch.unit_files().forget(name)


def _let_featured_mask(switch: Switch, executor: Executor, site: Site) -> None:
    """featured masks what is disabled, after a while: a mask that came later would stay for ever."""
    until = min(executor.deadline, time.monotonic() + _FEATURED)
    while time.monotonic() < until and not switch.units.show(site.unit.name)[site.unit.name].masked:
        executor.check()
        time.sleep(_PAUSE)


def _send_away(switch: Switch, executor: Executor, site: Site) -> None:
    """Drop the node's label, and see the pod gone. Raises what keeps it: then the row stays, and its gate closed."""
    name = site.name
    set_desired(switch.db, name, False)
    # Where ctrmgrd is at work it speaks to the API server, and nobody of ours does.
    cluster = switch.cluster() if configured(site.snapshot.server) and not site.host.ctrmgrd else None
    try:
        if cluster and site.feature.own.label != "false":
            executor.tell(f"{name}: {Action(Kind.LABEL, name, {label(name): None})}")
            with alone(switch, executor.check):
                with suppress(UnknownNode):  # without a node there is no label
                    cluster.label({label(name): None})
                set_acknowledged(switch.db, name, False)
        executor.tell(f"{name}: {Action(Kind.AWAIT_GONE, name)}")
        if not gone(executor, cluster, name, lambda: bool(pods_of(name, switch.docker.containers()))):
            raise TimedOut("it is still there", f"kubectl --namespace {namespace()} get pods")
    except Interrupted:
        raise
    except SwitchError as error:
        trigger.ask(switch.run_dir)  # the oneshot goes on trying
        found = type(error)(
            f"{name} is down and its unit removed; its row stays, disabled, until its pod has gone: {error}",
            f"once that is mended it ends by itself, or by the same command; where the cluster is no more: "
            f"config kubernetes server disable on, then config feature uninstall {name}",
        )
        if isinstance(error, Unreachable) and isinstance(found, Unreachable):
            found.after = error.after
        raise found from error


# --- what both have


def _rehearse(switch: Switch, ask: Ask, planned: Callable[[Site], Plan]) -> Result:
    (name,) = ask.names
    site = survey(switch, name)
    try:
        found = planned(site)
    except SwitchError as refusal:
        found = Plan(verdict=refusal)
    shown = _shown(site, any(a.kind.changes for a in found.actions), found.verdict)
    steps = tuple(str(action) for action in found.actions)
    return Result(ask.command, (shown._replace(plan=steps),), True, found.verdict)


def _work(switch: Switch, ask: Ask, do: Callable[[Executor, str], Iterator[bool]]) -> Result:
    """Do it under the feature's lock; what failed is in the Result, and what was done before that counts."""
    (name,) = ask.names
    need_root(ask.command)
    deadline = switch.docker.until = time.monotonic() + ask.timeout
    changed, error = False, None
    with deferred() as interrupts:
        executor = Executor(switch, ask.command, deadline, ask.tell, interrupts.check, ask.wait)
        try:
            with command_lock(switch.run_dir, name, deadline, interrupts.check):
                for did in do(executor, name):
                    changed |= did  # one by one: what was done stands, also when a later step fails
        except SwitchError as failure:
            error = failure
        try:
            shown = _shown(survey(switch, name), changed, error)
        except SwitchError:  # what was done stands, and the outcome carries its own error
            shown = Unseen(name, None, changed, error)
    return Result(ask.command, (shown,), error=error)


def _shown(site: Site, changed: bool, error: SwitchError | None) -> FeatureReport | Unseen:
    if site.row:
        return report(site.feature, changed=changed, error=error)
    return Unseen(site.name, None, changed, error)


# --- what is left to `system service sync`


def repair(switch: Switch, ask: Ask) -> tuple[Report, ...]:
    """Resume interrupted installs and uninstalls, and write units anew that an image upgrade lost.

    Of the features that `ask` names, or of all where it names none; `timeout` (seconds) is for each of them. Returns
    the reports of those that needed something, each with its error. Raises Unreachable, NotPermitted, TimedOut: the
    database or the unit files cannot be read.
    """
    (rows,) = switch.db.tables(("CONFIG_DB", "FEATURE"))
    files = switch.unit_files()
    noted = files.unfinished()
    done: list[Report] = []
    for name in sorted({*rows, *noted} & set(ask.names or {*rows, *noted}), key=natural):
        todo = noted[name][:1] if name in noted else None
        if not installable(name) or todo not in (None, (INSTALL,), (UNINSTALL,)):
            if todo is not None:  # nobody would ever finish it
                files.forget(name)
            continue
        single = ask._replace(names=(name,))
        if todo == (UNINSTALL,):
            found = _work(switch, single, lambda executor, name: _take(switch, executor, name)).reports
        elif todo or (wants_kubernetes(rows[name]) and plan_repair(survey(switch, name)).actions):
            found = _work(switch, single, lambda executor, name: _put(switch, executor, name, plan_repair)).reports
        else:
            continue
        if any(isinstance(one.error, (Refused, UnknownFeature)) for one in found):
            files.forget(name)  # a rule's no is told once, and not tried again
        # A name that is nowhere by now: the command that had begun it has finished it.
        done += [one for one in found if not isinstance(one.error, UnknownFeature)]
    return tuple(done)
