"""This switch as a node of a cluster: what there is of that, and how a command changes it, step by step.

What `join` and `leave` have in common. What is to be done is read off the switch each time, so that whoever is killed
anywhere is followed by the same command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from system_service.backends import ctrmgrd
from system_service.backends.join_discovery import Discovery, joined_by
from system_service.backends.kubeadm import KUBELET, Kubeadm
from system_service.domain.audit import record
from system_service.domain.command_lock import command_lock
from system_service.domain.interrupt import deferred
from system_service.domain.privilege import need_root
from system_service.domain.result import NodeReport, Result
from system_service.domain.switch import Switch
from system_service.errors import Refused, SwitchError
from system_service.model import kube_server
from system_service.model.snapshot import Active, Unit

MEMBERSHIP = ".kubernetes"
"""The lock of whoever joins or leaves; no feature's name."""


class Order(NamedTuple):
    """A command that joins or leaves. `timeout` in seconds covers all of it; `tell` gets one sentence a step."""

    command: str
    timeout: float
    dry_run: bool = False
    tell: Callable[[str], None] = lambda sentence: None


class Hand(NamedTuple):
    """What a step is done with: `deadline` is of `time.monotonic()`; `check` raises when a signal came.

    `lock` is the descriptor of the lock that is held, for a child that must not outlive it.
    """

    deadline: float
    check: Callable[[], None]
    lock: int

    @property
    def left(self) -> float:
        """Seconds; what is begun this late still gets one."""
        return max(1.0, self.deadline - time.monotonic())


class Step(NamedTuple):
    """One step, safe to repeat. `sentence` is an imperative; `do` returns False where nothing had to be changed."""

    sentence: str
    do: Callable[[Hand], object]


class Standing(NamedTuple):
    """How this switch stands to a cluster.

    `row`: KUBERNETES_MASTER|SERVER; `member`: the cluster that was joined (None: none), or why it cannot be told;
    `begun`: a join was cut off; `systemd`: it is there to keep the kubelet.
    """

    node: str
    row: dict[str, str]
    systemd: bool
    kubelet: Unit
    joined: bool
    begun: bool
    member: Discovery | SwitchError | None

    @property
    def server(self) -> str:
        """The configured server's URL, or ""."""
        return kube_server.url(self.row)

    @property
    def insecure(self) -> bool:
        return self.row.get("insecure", "").lower() == "true"

    @property
    def kubelet_runs(self) -> bool:
        return self.kubelet.active not in (Active.INACTIVE, Active.FAILED)


@dataclass
class Steps:
    """What is to be done; `warnings` may still grow while it is. `last`: the error to end with once all is done."""

    steps: Sequence[Step] = ()
    warnings: list[str] = field(default_factory=list)
    last: SwitchError | None = None


def look(switch: Switch) -> Standing:
    """Raises Unreachable, NotPermitted, TimedOut: a backend cannot be asked."""
    (row,) = switch.db.rows(("CONFIG_DB", kube_server.ROW))
    kubeadm = switch.kubeadm()
    systemd = switch.units.available()
    return Standing(
        switch.cluster().node,
        kube_server.fields(row),
        systemd,
        switch.units.show(KUBELET)[KUBELET] if systemd else Unit(KUBELET),
        kubeadm.joined(),
        kubeadm.begun(),
        _member(kubeadm),
    )


def _member(kubeadm: Kubeadm) -> Discovery | SwitchError | None:
    if not kubeadm.joined():
        return None
    try:
        return joined_by(kubeadm.kubelet_conf)
    except SwitchError as error:
        return error


def refuse_where_nobody_joins(kubeadm: Kubeadm, instead: str) -> None:
    """Raises Refused where ctrmgrd does it by itself (`instead` is the command that makes it), and without kubeadm."""
    if ctrmgrd.present():
        raise Refused("ctrmgrd joins this switch to its cluster and takes it out again, by itself", instead)
    if not kubeadm.installed():
        raise Refused(
            "kubeadm is not installed: this image was built without Kubernetes",
            "use an image built with it; legacy mode needs none",
        )


def change(
    switch: Switch, order: Order, planned: Callable[[Standing], Steps], locks: Callable[[], Sequence[str]] = tuple
) -> Result:
    """Do what `planned` finds left to do, or show it. `locks`: features that nobody may change meanwhile.

    Raises Unreachable, NotPermitted, TimedOut, Refused when nothing could be begun.
    """
    if order.dry_run:
        standing = look(switch)
        found = planned(standing)
        shown = _report(switch, standing, found.warnings)._replace(plan=tuple(step.sentence for step in found.steps))
        return Result(order.command, (), True, found.last, wrote=bool(found.steps), node=shown)
    need_root(order.command)
    deadline = time.monotonic() + order.timeout
    done = False
    found = Steps()
    with deferred() as interrupts, ExitStack() as stack:
        lock = stack.enter_context(command_lock(switch.run_dir, MEMBERSHIP, deadline, interrupts.check))
        for name in sorted(locks()):
            stack.enter_context(command_lock(switch.run_dir, name, deadline, interrupts.check))
        standing = look(switch)
        found = planned(standing)
        error = found.last
        try:
            for step in found.steps:
                interrupts.check()
                order.tell(step.sentence)
                done |= _take(step, Hand(deadline, interrupts.check, lock), order.command)
            error = found.last  # a step may have found it
            interrupts.check()
        except SwitchError as failure:
            error = failure
    return Result(order.command, error=error, wrote=done, node=_report(switch, standing, found.warnings))


def _take(step: Step, hand: Hand, command: str) -> bool:
    try:
        did = step.do(hand) is not False
    except SwitchError as error:
        record(command, "kubernetes", step.sentence, f"failed: {error}")
        raise
    record(command, "kubernetes", step.sentence, "done" if did else "left to do")
    return did


def _report(switch: Switch, standing: Standing, warnings: Sequence[str]) -> NodeReport:
    """This switch as a node, as it is now."""
    member = _member(switch.kubeadm())
    # Where it has joined, what is configured is no answer.
    server = standing.server if member is None else getattr(member, "server", "")
    return NodeReport(standing.node, member is not None, server, tuple(warnings))
