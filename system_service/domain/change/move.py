"""Changing the mode of some features together: one write each, one patch of the node's labels, handovers side by side.

The unit's `wait` does the handover; a command writes what is wanted and watches. Only for a feature that has no unit
does the command act itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from system_service.backends.cluster import Cluster
from system_service.backends.trigger import ask
from system_service.domain.audit import record
from system_service.domain.change.actions import Action, Kind, Plan
from system_service.domain.change.asking import Asking
from system_service.domain.change.execute import Executor
from system_service.domain.change.labels import send, set_acknowledged, set_desired, set_unknown
from system_service.domain.change.meanwhile import Meanwhile
from system_service.domain.change.plan import Request, plan
from system_service.domain.change.plan_mode import wants_label, why_no_cluster
from system_service.domain.command_lock import command_lock
from system_service.domain.status.observe import intent, observe, see
from system_service.domain.status.waiting_for import same_version, why_not_kube
from system_service.domain.switch import Switch
from system_service.errors import Busy, Failed, Interrupted, SwitchError, TimedOut, Unreachable
from system_service.model.feature import Mode, Owner
from system_service.model.handover_reasons import SAME_VERSION
from system_service.model.kube_server import configured
from system_service.model.naming import label
from system_service.model.snapshot import FeatureState, Host, Node, Snapshot

_PAUSE = 0.25  # seconds between two looks


@dataclass
class Moving:
    """One feature on its way. `planned`: None when it was refused. `error`: what it ended with."""

    feature: FeatureState
    planned: Plan | None = None
    changed: bool = False
    error: SwitchError | None = None

    @property
    def actions(self) -> Sequence[Action]:
        return self.planned.actions if self.planned else ()

    @property
    def labels(self) -> dict[str, str | None]:
        return {k: v for a in self.actions if a.kind is Kind.LABEL for k, v in a.fields.items()}


@dataclass
class Move:
    """One command over some features; `executor` carries the deadline, the voice and the signals."""

    switch: Switch
    request: Request
    executor: Executor
    timeout: float
    cluster: Cluster = field(init=False)
    usable: bool = field(init=False, default=False)  # a server is set, and not disabled
    by_ctrmgrd: bool = field(init=False, default=False)  # it is the one that speaks to the API server

    def __post_init__(self) -> None:
        self.cluster = self.switch.cluster()

    def run(self, names: Sequence[str]) -> dict[str, Moving]:
        """Every feature's end, by its name. Raises Unreachable and the like when nothing could be begun."""
        moving: dict[str, Moving] = {}
        failed: dict[str, SwitchError] = {}
        with ExitStack() as locks:
            for name in sorted(names):  # sorted: two batches in opposite order cannot wait for each other
                try:
                    lock = command_lock(self.switch.run_dir, name, self.executor.deadline, self.executor.check)
                    locks.enter_context(lock)
                except SwitchError as error:
                    failed[name] = error
            snapshot = self.look(names)
            for feature in snapshot.features:
                name = feature.spec.name
                moving[name] = Moving(feature, error=failed.get(name))
                if name not in failed:
                    self._intend(snapshot, moving[name])
            self._look_again(snapshot, moving)
            self._label(moving, Mode.KUBERNETES)
        try:
            if self.executor.block:
                self._watch(moving)
        except Interrupted as signal:
            for one in moving.values():
                one.error = one.error or signal
        # Last: a label that cannot be dropped now must not keep anybody from coming home.
        self._label(moving, Mode.LEGACY)
        return moving

    def look(self, names: Sequence[str]) -> Snapshot:
        """The snapshot, with this switch's node when a move to kubernetes needs it."""
        snapshot = see(self.switch, intent(self.switch, names))
        self.usable = configured(snapshot.server)
        self.by_ctrmgrd = snapshot.host.ctrmgrd
        if self.request.mode is not Mode.KUBERNETES or not self.usable or self.by_ctrmgrd:
            return snapshot
        self.cluster.check = self.executor.check
        try:
            return snapshot._replace(node=self.cluster.look())
        except Interrupted:
            raise
        except SwitchError as error:
            return snapshot._replace(node=error)

    def _intend(self, snapshot: Snapshot, one: Moving) -> None:
        """Plan, and write what is wanted: from then on it happens, whatever becomes of this command."""
        try:
            one.planned = plan(snapshot, one.feature, self.request)
            writes = tuple(a for a in one.actions if a.kind in (Kind.RESET_FAILED, Kind.WRITE))
            for did in self.executor.run(one.feature, Plan(writes)):
                one.changed |= did
            one.error = one.planned.verdict
            if one.changed:
                rows = self.switch.reconciler(one.feature.spec.name, self.executor.tell).rows
                rows.forget()
                if one.error:
                    rows.note(reason=why_no_cluster(snapshot)[0])  # for those who look later
        except SwitchError as error:
            one.error = error

    def _look_again(self, snapshot: Snapshot, moving: Mapping[str, Moving]) -> None:
        """Plan anew by what is so after the write, and note what the label is to be.

        Whoever starts the unit meanwhile has read the old intent, or its look is later than ours and finds the new one.
        """
        written = [name for name, one in moving.items() if one.planned]
        if not written:
            return
        try:
            fresh = see(self.switch, intent(self.switch, written))
            again = {feature.spec.name: feature for feature in fresh.features}
            snapshot = snapshot._replace(host=fresh.host, server=fresh.server)
        except SwitchError:  # what is planned is as good as can be had
            again = {}
        for name in written:
            one = moving[name]
            try:
                if name in again:
                    one.feature = again[name]
                    new = plan(snapshot, one.feature, self.request)
                    # What was to be seen is still to be seen: with nothing left to write a plan may know of no wait.
                    known = {action.kind for action in new.actions}
                    waits = [a for a in one.actions if (a.kind.waits or a.kind is Kind.KEEP) and a.kind not in known]
                    one.planned = new._replace(actions=(*waits, *new.actions))
                self._want_label(snapshot, one)
            except SwitchError as error:
                one.error = one.error or error

    def _want_label(self, snapshot: Snapshot, one: Moving) -> None:
        """Note what the label is to be, before anybody can be interrupted; it is sent later, by whoever comes first."""
        db, feature, name = self.switch.db, one.feature, one.feature.spec.name
        if self.request.mode is Mode.LEGACY:
            if one.labels:
                set_desired(db, name, False, sure=feature.own.label is not None)
            return
        if self.by_ctrmgrd:
            # It sends what we do not see; where it is masked one day, that is not taken for granted.
            set_unknown(db, name, wants_label(snapshot.host, feature))
        if one.labels or (not self.by_ctrmgrd and wants_label(snapshot.host, feature)):
            set_desired(db, name, True, sure=not one.labels)
        if isinstance(snapshot.node, Node) and snapshot.node.labels.get(label(name)) == "true":
            # Seen there: one to drop later, whoever set it and did not live to say so; and one to keep for now.
            set_desired(db, name, True)
            set_acknowledged(db, name, True)
        elif isinstance(one.error, Unreachable):
            ask(self.switch.run_dir)  # the oneshot sends it when the cluster can be had

    def _label(self, moving: Mapping[str, Moving], mode: Mode) -> None:
        """Send the labels of all features in one patch, where this command is to move them to `mode`.

        Raises nothing: a failure is the features' own `error`, and `system service sync` sends their labels later.
        """
        labelled = {name: one for name, one in moving.items() if one.labels and self.request.mode is mode}
        if not labelled or not self.usable or self.by_ctrmgrd:
            return
        try:
            labels = {k: v for one in labelled.values() for k, v in one.labels.items()}
            self.executor.tell(f"{', '.join(labelled)}: {Action(Kind.LABEL, '', labels)}")
            sent = send(self.switch, tuple(labelled), self.executor.check)
        except SwitchError as error:
            for name, one in labelled.items():
                self._unsent(name, one, error)
            ask(self.switch.run_dir)  # the oneshot goes on trying
            return
        for name, one in labelled.items():
            if label(name) in sent.labels:  # else another command wants it otherwise meanwhile
                record(self.executor.command, name, "label", "done")
                one.changed |= mode is Mode.KUBERNETES
            elif label(name) in sent.failures:
                self._unsent(name, one, sent.failures[label(name)])
        if sent.failures:
            ask(self.switch.run_dir)

    def _unsent(self, name: str, one: Moving, error: SwitchError) -> None:
        record(self.executor.command, name, "label", f"failed: {error}")
        if self.request.mode is Mode.KUBERNETES or isinstance(error, Interrupted):
            one.error = one.error or error

    def _watch(self, moving: Mapping[str, Moving]) -> None:
        """Look until every feature is where it is to be; act for those that have no unit."""
        acting = {
            name: self.switch.reconciler(name, self.executor.tell)
            for name, one in moving.items()
            if one.error is None and any(a.kind is Kind.KEEP for a in one.actions)
        }
        for reconciler in acting.values():
            reconciler.rows.up()
        left = {
            name: one
            for name, one in moving.items()
            if one.error is None and (name in acting or any(a.kind.waits for a in one.actions))
        }
        for name, one in left.items():
            for action in one.actions:
                if action.kind.waits or action.kind is Kind.KEEP:
                    self.executor.tell(f"{name}: {action}")
        mode = self.request.mode
        asking, meanwhile = Asking(self.cluster, self.executor, tuple(left), self.timeout), Meanwhile()
        lost: SwitchError | None = None
        while left:
            self.executor.check()
            for name, reconciler in acting.items():
                if name in left:
                    self._try(left[name], reconciler.reconcile)
            try:
                snapshot = observe(self.switch, tuple(left))
                lost = None
            except SwitchError as error:
                # A reload, a daemon that restarts: what was begun goes on, and is looked at again in a moment.
                lost, snapshot = error, Snapshot(Host(), ())
            for feature in snapshot.features:
                name = feature.spec.name
                one = left[name]
                if self._over(one, feature, None if name in acting else meanwhile.ended(snapshot.host, feature)):
                    del left[name]
                    if one.error is None:
                        self.executor.tell(f"{name}: {SAME_VERSION if _same(feature) else f'{_whom(mode)} runs it'}")
            if not left:
                return
            now = time.monotonic()
            if now >= self.executor.deadline:
                self._late(left, acting, asking.why, lost)
                return
            if mode is Mode.KUBERNETES:
                # ctrmgrd has its own way to the API server: that there is none for us tells nothing.
                asking.look(tuple(left), believed=not self.by_ctrmgrd)
                now = time.monotonic()
            time.sleep(min(_PAUSE, max(0.0, self.executor.deadline - now)))

    def _try(self, one: Moving, step: Callable[[], object]) -> None:
        try:
            step()
        except SwitchError as error:
            one.error = error

    def _over(self, one: Moving, feature: FeatureState, ended: SwitchError | None) -> bool:
        """Whether there is nothing left to watch. `ended`: somebody has put an end to it."""
        name, mode = feature.spec.name, self.request.mode
        one.feature = feature
        if one.error is not None:
            return True
        if feature.spec.mode is not mode:
            one.error = Busy(
                f"{name} is wanted in {feature.spec.mode.value} mode meanwhile: another command has changed it",
                f"show feature mode {name}",
            )
            return True
        if mode is Mode.KUBERNETES and _same(feature):
            return True
        if feature.owner is not (Owner.KUBE if mode is Mode.KUBERNETES else Owner.LOCAL):
            one.error = ended
            return ended is not None
        one.changed = True
        return True

    def _seen_why(self, one: Moving) -> str:
        """What is plain to see of a pod that is here and does not run it."""
        (instance,) = one.feature.instances
        return why_not_kube(one.feature, instance) if self.request.mode is Mode.KUBERNETES and instance.pods else ""

    def _late(
        self,
        left: Mapping[str, Moving],
        acting: Mapping[str, object],
        why: Mapping[str, str],
        lost: SwitchError | None,
    ) -> None:
        """The time is over. `lost`: a backend that could not be asked at the last."""
        for name, one in left.items():
            if lost is not None and not isinstance(lost, TimedOut):
                one.error = lost
                continue
            because = f": {reason}" if (reason := why[name] or self._seen_why(one)) else ""
            one.error = TimedOut(
                f"{name} is not run by {_whom(self.request.mode)} yet after {self.timeout:g} s{because}",
                f"system service explain {name}",
            )
            if name in acting and self.request.mode is Mode.KUBERNETES:
                self._go_back(name, one)

    def _go_back(self, name: str, one: Moving) -> None:
        """Nobody would go on with a feature that has no unit: it stays with its former owner."""
        write = Plan((Action(Kind.WRITE, name, {"set_owner": Mode.LEGACY.stored}),))
        try:
            for _ in self.executor.run(one.feature, write):
                set_desired(self.switch.db, name, False)
                self.switch.reconciler(name, self.executor.tell).reconcile()
            ask(self.switch.run_dir)
            one.error = TimedOut(f"{one.error}; it has no unit, and is back in legacy mode", "system service status")
        except SwitchError as error:
            one.error = Failed(f"{one.error}; and it could not be brought back: {error}", "system service status")


def _same(feature: FeatureState) -> bool:
    """Whether it runs, though not from the pod: the local image is the pod's version, and nothing is left to do."""
    return all(same_version(feature, instance) for instance in feature.instances)


def _whom(mode: Mode) -> str:
    return "a pod" if mode is Mode.KUBERNETES else "the local container"
