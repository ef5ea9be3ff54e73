"""Doing what a command asks of some features: lock, look, plan, act, look again, until it is so.

One failing feature does not hold up the others. Nothing is called done that was not seen: the loop ends when planning
again finds nothing left to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from system_service.domain.change.actions import Plan
from system_service.domain.change.execute import Executor
from system_service.domain.change.move import Move
from system_service.domain.change.plan import Request, Verb, plan
from system_service.domain.change.tagged import warnings
from system_service.domain.command_lock import command_lock
from system_service.domain.interrupt import Interrupts, deferred
from system_service.domain.result import FeatureReport, Result, Unseen
from system_service.domain.status.observe import intent, observe, see
from system_service.domain.status.report import report
from system_service.domain.switch import Switch
from system_service.errors import Failed, Interrupted, SwitchError
from system_service.model.snapshot import FeatureState, Snapshot

_ROUNDS = 4  # plans carried out for one request before it is given up: something undoes what we do


class Ask(NamedTuple):
    """A command over some features. `timeout` in seconds covers all of it; `tell` gets one sentence a stage.

    `warn` gets what an operator should know before anything is done.
    """

    command: str
    names: tuple[str, ...]
    request: Request
    timeout: float
    wait: bool = True
    dry_run: bool = False
    tell: Callable[[str], None] = lambda sentence: None
    warn: Callable[[str], None] = lambda sentence: None


def operate(switch: Switch, ask: Ask) -> Result:
    """Carry the request out on every named feature; failures are in the Result, the first one is its `error`.

    Raises:
        UnknownFeature: no name is a feature's.
        Unreachable, NotPermitted, TimedOut: nothing could be begun.
    """
    deadline = switch.docker.until = time.monotonic() + ask.timeout
    intended = intent(switch, ask.names)
    snapshot = see(switch, intended)
    sentences = warnings(switch, snapshot.features, ask.request)
    for sentence in sentences.values():
        ask.warn(sentence)
    if ask.dry_run:
        reports = _rehearse(_mover(switch, ask, deadline).look(ask.names) if _moves(ask) else snapshot, ask)
    else:
        names = tuple(f.spec.name for f in snapshot.features)
        with deferred() as interrupts:
            outcomes = _act(switch, ask, names, deadline, interrupts)
            reports = _final(switch, snapshot, names, outcomes)
    known = {r.name: r._replace(warning=sentences.get(r.name, "")) for r in reports}
    asked = tuple(known.get(n) or Unseen(n, error=intended.unknown[n]) for n in dict.fromkeys(ask.names))
    return Result(ask.command, asked, ask.dry_run, error=next((r.error for r in asked if r.error), None))


class Outcome(NamedTuple):
    """What came of one feature. `error`: what it ended with."""

    changed: bool = False
    error: SwitchError | None = None


def _rehearse(snapshot: Snapshot, ask: Ask) -> tuple[FeatureReport, ...]:
    reports = []
    for feature in snapshot.features:
        try:
            planned = plan(snapshot, feature, ask.request)
        except SwitchError as refusal:
            planned = Plan(verdict=refusal)
        shown = report(feature, changed=any(a.kind.changes for a in planned.actions), error=planned.verdict)
        reports.append(shown._replace(plan=tuple(str(action) for action in planned.actions)))
    return tuple(reports)


def _act(switch: Switch, ask: Ask, names: Sequence[str], deadline: float, interrupts: Interrupts) -> dict[str, Outcome]:
    executor = Executor(switch, ask.command, deadline, ask.tell, interrupts.check, ask.wait)
    if _moves(ask):
        moved = Move(switch, ask.request, executor, ask.timeout).run(names)
        return {name: Outcome(one.changed, one.error) for name, one in moved.items()}
    outcomes: dict[str, Outcome] = {}
    with ExitStack() as locks:
        for name in sorted(names):  # sorted: two batches in opposite order cannot wait for each other
            try:
                locks.enter_context(command_lock(switch.run_dir, name, deadline, interrupts.check))
            except SwitchError as error:
                outcomes[name] = Outcome(error=error)
        for name in names:
            if name in outcomes:
                continue
            outcomes[name] = until_so(switch, name, ask.request, executor)
            if isinstance(outcomes[name].error, Interrupted):
                break
    return outcomes


def _moves(ask: Ask) -> bool:
    return ask.request.verb is Verb.MODE


def _mover(switch: Switch, ask: Ask, deadline: float) -> Move:
    return Move(
        switch, ask.request, Executor(switch, ask.command, deadline, ask.tell, lambda: None, ask.wait), ask.timeout
    )


def until_so(switch: Switch, name: str, request: Request, executor: Executor) -> Outcome:
    """Plan and act until there is nothing left to do. The caller holds the feature's lock."""
    changed = False
    try:
        for _ in range(_ROUNDS):
            snapshot = observe(switch, (name,))
            feature = snapshot.features[0]
            planned = plan(snapshot, feature, request)
            if not planned.actions:
                return Outcome(changed, planned.verdict)
            for did in executor.run(feature, planned):
                changed |= did  # one by one: what was done stands, also when a later step fails
            executor.check()  # a signal during the last step counts too: 0 would tell a script to go on
            then = request.followup()
            if not executor.block and (changed or then == request):
                return Outcome(changed, planned.verdict)
            request = then
    except SwitchError as error:
        return Outcome(changed, error)
    left = "; ".join(str(action) for action in planned.actions)
    return Outcome(
        changed, Failed(f"{name} does not stay as asked: still to do: {left}", f"system service explain {name}")
    )


def _final(
    switch: Switch, before: Snapshot, names: Sequence[str], outcomes: dict[str, Outcome]
) -> tuple[FeatureReport, ...]:
    try:
        after = {f.spec.name: f for f in observe(switch, names).features}
    except SwitchError:
        # What was done stands, and every outcome carries its own error: show what was last seen.
        after = {f.spec.name: f for f in before.features}
    return tuple(_one(after[name], outcomes.get(name, Outcome())) for name in names)


def _one(feature: FeatureState, outcome: Outcome) -> FeatureReport:
    return report(feature, changed=outcome.changed, error=outcome.error)
