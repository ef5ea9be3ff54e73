"""Carrying a plan out: one action after the other, within the deadline, told to progress and to the audit log.

Knows how to do an action and how to see that a wait is over; knows nothing of why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from system_service.backends.switchdb import Edit
from system_service.backends.trigger import ask
from system_service.domain.audit import record
from system_service.domain.change.actions import Action, Kind, Plan
from system_service.domain.change.labels import set_desired
from system_service.domain.copies import write_copies
from system_service.domain.privilege import need_root
from system_service.domain.status.observe import observe
from system_service.domain.switch import Switch
from system_service.errors import Failed, Refused, SwitchError, TimedOut
from system_service.model.feature import Mode, Owner
from system_service.model.naming import stop_timeout
from system_service.model.snapshot import Active, FeatureState, InstanceState, Run, Unit
from system_service.model.state_row import OWN_TABLE

if TYPE_CHECKING:
    from system_service.backends.cluster import Cluster
    from system_service.backends.switchdb import Row

# An action whose service manager call may not be cut off half way still ends: the least it is given, in seconds.
_LEAST = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25  # seconds between two looks
# Seconds without a sign of featured after which it is not waited for: it needs less than one for its first step, but
# comes to a feature only when it has done with another, and to some never.
_CHANCE = 5.0
_MOVING = (Active.ACTIVATING, Active.DEACTIVATING, Active.RELOADING)
_NEEDS_ROOT = frozenset(kind for kind in Kind if not kind.waits) - {
    Kind.KEEP,
    Kind.CLOSE,
    Kind.START_CONTAINER,
    Kind.STOP_CONTAINER,
    Kind.RESTART_CONTAINER,
    Kind.UNPAUSE_CONTAINER,
}


class Executor(NamedTuple):
    """`command` is the command as typed, for the audit log; `deadline` is of `time.monotonic()`.

    `tell` is called with a sentence before each action; `check` raises when a signal came. With `block` false, waits
    for the outcome are left out and units are only told to start or stop.
    """

    switch: Switch
    command: str
    deadline: float
    tell: Callable[[str], None]
    check: Callable[[], None]
    block: bool = True

    def run(self, feature: FeatureState, plan: Plan) -> Iterator[bool]:
        """Carry out the actions in order, each when it is asked for; of each, whether it changed something.

        Raises:
            SwitchError: of the action that failed (the earlier ones stand, and the same command completes them).
        """
        if any(a.kind in _NEEDS_ROOT for a in plan.actions):
            need_root(self.command)
        for action in plan.actions:
            if not self.block and action.kind.waits and action.kind is not Kind.AWAIT_SETTLED:
                continue
            self.check()
            self.tell(f"{feature.spec.name}: {action}")
            if action.kind.waits:
                self._await(feature, action)
                continue
            try:
                done = self._do(feature, action)
            except SwitchError as error:
                record(self.command, feature.spec.name, str(action), f"failed: {error}")
                raise
            if done:
                record(self.command, feature.spec.name, str(action), "done")
                yield action.kind.changes

    def limit(self, cluster: Cluster) -> None:
        """Have questions to the API server end where the command does: at its deadline, or by a signal."""
        cluster.until, cluster.check = self.deadline, self.check

    def _left(self) -> float:
        return max(_LEAST, self.deadline - time.monotonic())

    def _do(self, feature: FeatureState, action: Action) -> bool:
        units, docker, target = self.switch.units, self.switch.docker, action.target
        grace = stop_timeout(feature.spec.name)
        if action.kind is Kind.WRITE:
            return self._write(action)
        if self.deadline <= time.monotonic():
            raise TimedOut(f"no time left to {action}", "the same command again completes it")
        match action.kind:
            case Kind.UNMASK:
                units.unmask(target)
            case Kind.ENABLE:
                units.enable(target)
            case Kind.DISABLE:
                units.disable(target)
            case Kind.MASK:
                units.mask(target)
            case Kind.RESET_FAILED:
                units.reset_failed(target)
            case Kind.START_UNIT:
                units.start(target, self._left(), block=self.block)
            case Kind.STOP_UNIT:
                units.stop(target, self._left(), block=self.block)
            case Kind.RESTART_UNIT:
                units.restart(target, self._left(), block=self.block)
            case Kind.START_CONTAINER:
                docker.start(target)
            case Kind.STOP_CONTAINER:
                docker.stop(target, grace)
            case Kind.RESTART_CONTAINER:
                docker.restart(target, grace)
            case Kind.UNPAUSE_CONTAINER:
                docker.unpause(target)
            case Kind.WRITE_UNIT:
                self.switch.unit_files().write(feature.spec.name, action.fields["text"] or "")
            case Kind.REMOVE_UNIT:
                self.switch.unit_files().remove(feature.spec.name)
            case Kind.RELOAD:
                units.reload()
            case Kind.ADD:
                self._add(action)
            case Kind.FORGET:
                self._forget(target)
            case Kind.LABEL:
                if set_desired(self.switch.db, target, None not in action.fields.values()):
                    ask(self.switch.run_dir)
            case Kind.KEEP:
                self._keep(feature)
            case Kind.CLOSE:
                self.switch.reconciler(target, self.tell).close()
        return True

    def _write(self, action: Action) -> bool:
        def decide(row: Row, namespace: str = "") -> Edit | None:
            # As the host does: an ASIC that has no row gets none.
            return _edit(row, action, self.command) if row or not namespace else None

        if "state" in action.fields:
            return self._write_copies(action.target, decide)
        return self.switch.db.update("CONFIG_DB", f"FEATURE|{action.target}", decide)

    def _add(self, action: Action) -> None:
        fields = {k: v for k, v in action.fields.items() if v is not None}
        self._write_copies(action.target, lambda row, namespace: Edit(fields))

    def _write_copies(self, name: str, decide: Callable[[Row, str], Edit | None]) -> bool:
        wrote, error = write_copies(self.switch.db, name, decide)
        if error:
            raise error
        return wrote

    def _forget(self, name: str) -> None:
        db = self.switch.db
        for namespace in ("", *db.namespaces):
            db.remove("CONFIG_DB", f"FEATURE|{name}", namespace=namespace)
        db.remove("STATE_DB", f"FEATURE|{name}")
        # Last: as long as it is there, it says that this is to be finished.
        db.remove("STATE_DB", f"{OWN_TABLE}|{name}")

    def _keep(self, feature: FeatureState) -> None:
        """No unit's `wait` does it for this feature: take its steps here, until somebody runs it."""
        from system_service.handover.decide import STAY

        reconciler = self.switch.reconciler(feature.spec.name, self.tell)
        reconciler.rows.up()
        pause = _FIRST_PAUSE
        while reconciler.reconcile().kind != STAY or not (reconciler.view.local or reconciler.view.serving):
            self.check()
            if time.monotonic() >= self.deadline:
                raise TimedOut(f"nobody runs {feature.spec.name} yet", f"system service status {feature.spec.name}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _await(self, feature: FeatureState, action: Action) -> None:
        if action.kind is Kind.AWAIT_FEATURED:
            over = self._featured(feature, action.fields["state"] or "")
            self._until(over, feature, action)
            return
        instance = next(s for s in feature.instances if action.target in (s.spec.container, s.spec.unit))
        self._until(lambda: self._over(feature, instance, action), feature, action)

    def _until(self, over: Callable[[], bool], feature: FeatureState, action: Action) -> None:
        pause = _FIRST_PAUSE
        while not over():
            self.check()
            if time.monotonic() >= self.deadline:
                raise TimedOut(
                    f"{action.target} did not get there in time: {action}",
                    f"system service status {feature.spec.name}",
                )
            time.sleep(min(pause, max(0.0, self.deadline - time.monotonic())))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _featured(self, feature: FeatureState, state: str) -> Callable[[], bool]:
        """Says whether featured has done its part, has reported that it did or failed, or shows no sign of coming."""
        key = ("STATE_DB", f"FEATURE|{feature.spec.name}")
        names = [s.spec.unit for s in feature.instances if s.unit is not None and s.unit.exists]
        before, shown, since = feature.state_row.get("state"), None, time.monotonic()

        def over() -> bool:
            nonlocal shown, since
            units = self.switch.units.show(*names)
            said = self.switch.db.rows(key)[0].get("state")
            if all(_carried_out(unit, state) for unit in units.values()):
                return True
            if said != before and said in (state, "failed"):
                return True
            if (units, said) != shown or any(u.active in _MOVING and not u.in_auto_restart for u in units.values()):
                shown, since = (units, said), time.monotonic()
            return time.monotonic() - since >= _CHANCE

        return over

    def _over(self, feature: FeatureState, instance: InstanceState, action: Action) -> bool:
        unit = None
        if instance.unit is not None and instance.unit.exists:
            unit = self.switch.units.show(instance.spec.unit).get(instance.spec.unit)
        if action.kind is Kind.AWAIT_SETTLED:
            return unit is None or unit.active not in _MOVING or unit.in_auto_restart
        if feature.spec.mode is Mode.KUBERNETES or instance.pods:
            (now,) = observe(self.switch, (feature.spec.name,)).features[0].instances
            return now.runs if action.kind is Kind.AWAIT_RUNNING else now.owner is Owner.NONE
        container = self.switch.docker.find(instance.spec.container)
        run = container.run if container else Run.ABSENT
        if action.kind is Kind.AWAIT_STOPPED:
            return not run.live
        if unit is not None and unit.active is Active.FAILED and run is not Run.RUNNING:
            raise Failed(f"{unit.name} failed: {unit.result}", f"journalctl -u {unit.name}")
        return run is Run.RUNNING


def _carried_out(unit: Unit, state: str) -> bool:
    """Whether the unit is as featured would leave it."""
    if state == "enabled":
        return unit.active is Active.ACTIVE and not unit.masked and unit.file_state != "disabled"
    return unit.masked and unit.active in (Active.INACTIVE, Active.FAILED)


def _edit(row: dict[str, str], action: Action, command: str) -> Edit | None:
    if not row:
        raise Refused(f"the row of feature {action.target} has just been removed", f"{command} again")
    if "state" in action.fields and row.get("state", "").startswith("always_"):
        raise Refused(f"feature {action.target} has just become {row['state']}", f"show feature config {action.target}")
    fields = {k: v for k, v in action.fields.items() if v is not None and row.get(k) != v}
    gone = tuple(k for k, v in action.fields.items() if v is None and k in row)
    return Edit(fields, gone) if fields or gone else None
