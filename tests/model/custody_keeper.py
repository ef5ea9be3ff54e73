"""The product's own Reconciler in a world: what it sees there, and every list of actions that one step of it may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

from system_service.handover.own_row import OwnRow

from .custody_world import AT_GATE, BARE, BOOT, EMPTY, LOCAL, RUNNING, SAID, Op, World, Wrong, apply, owner, owners

_BOOT_ID = "b"
_LATE = 1e6  # seconds since boot: everything has had its time


class _Rows:
    """Rows as the Reconciler uses them: reads the world, and remembers what was written."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.ops: list[Op] = []
        self._pods, self._lost = world.pods, world.lost
        self.wants = world.wants
        self.fallback = world.fallback
        self.auto_restart = True
        self.local_version = LOCAL
        self.config = {"set_owner": world.wants}
        self.state = {"remote_state": world.remote, "container_id": world.named, "container_version": world.version}
        self.state |= {"system_state": "down" if world.up == BARE else world.up}
        if world.up not in EMPTY:
            self.state |= {"update_time": machine.update_time, "current_owner": owner(world)}
        self.state = {field: word for field, word in self.state.items() if word}
        own = {"boot": _BOOT_ID, "failed": " ".join(machine.mark(p.id) for p in world.pods if p.failed)}
        for field in ("heard", "answered", "served"):
            named = next((machine.mark(pod.id) for pod in world.pods if getattr(pod, field)), "")
            own[field] = f"{named} 1"
        if world.lost:
            own["served"] = "gone@"
        self.own = OwnRow(own | {"displaced": world.displaced}, 1.0, _BOOT_ID)

    def read(self) -> None: ...

    def note(self, *drop: str, **fields: str) -> None:
        for field in ("heard", "answered", "served"):
            if field in fields:
                self.ops.append((field, _id(fields[field].split()[0])))
        if "served" in drop and "served" not in fields and (self.own.served or "displaced" in fields):
            self.ops.append(("unserved", *([fields["displaced"]] if "displaced" in fields else [])))

    def died(self, reason: str) -> bool:
        if not self._lost and any(p.answered and p.stage == SAID for p in self._pods):
            raise Wrong("a death is noted of one whose gate has just opened")
        self.note("served")
        return False

    def fell(self, reason: str) -> None: ...

    def homed(self) -> None:
        self.ops.append(("homed",))

    def unheard(self, version: str) -> None:
        self.ops.append(("unheard", version))

    def answer(self, version: str) -> bool:
        self.ops.append(("answer", version))
        return True

    def local_up(self, quiet: bool = False) -> bool:
        self.ops.append(("local_up", "quiet" if quiet else ""))
        return True

    def down(self, found: Iterable[str]) -> bool:
        ready = self.state.get("remote_state") == "ready"
        self.ops += [("closing", *(map(_id, found) if ready else ())), ("down", "noted" if ready else "")]
        return ready

    def withdraw(self, found: Iterable[str]) -> bool:
        self.ops += [("failed", *map(_id, found)), ("withdrawn",)]
        return True

    def opens(self, found: Iterable[str]) -> None:
        if opening := [*map(_id, found)]:
            self.ops.append(("failed", *opening))

    def vanished(self) -> None:
        self.ops.append(("vanished",))

    def filled(self, up: bool) -> None:
        if not self.state.get("system_state"):
            self.ops.append(("filled", "up" if up else "down"))

    def unannounced(self, found: Iterable[str]) -> None:
        if self.state.get("remote_state") == "ready":
            self.withdraw(found)
        self.ops.append(("cleared", "pending", "running", ""))

    def kube_up(self, id: str, version: str) -> None:
        self.ops.append(("kube_up", id, version))

    def stopped(self) -> None:
        self.ops.append(("stopped",))


def _id(mark: str) -> str:
    return mark.partition("@")[0]


class _Docker:
    """Docker as the Reconciler uses it."""

    def __init__(self, world: World, ops: list[Op], machine: Machine) -> None:
        self.world, self.ops, self.machine = world, ops, machine
        self.late = False  # whether what comes between an end and a start comes after that start has begun

    def inspect(self, ref: str) -> dict[str, Any] | None:
        if ref == "snmp":
            return {"State": {"Running": self.world.local}} if self.world.has_local else None
        pod = next((p for p in self.world.pods if p.id == ref), None)
        if pod is None:
            return None
        name = f"snmp-{pod.id}" if self.machine.one_maker else f"{pod.id}-snmp"
        labels = {"io.kubernetes.pod.uid": pod.id, "io.kubernetes.pod.name": name}
        config = {"Env": [f"IMAGE_VERSION={pod.version}"], "Labels": labels}
        return {"Id": pod.id, "State": {"Running": True, "StartedAt": self.machine.started_at}, "Config": config}

    def running(self, labels: object) -> list[str]:
        return [pod.id for pod in self.world.pods]

    def top(self, ref: str, columns: str) -> list[list[str]]:
        pod = next(p for p in self.world.pods if p.id == ref)
        program = "/bin/sh init.sh" if pod.stage == BOOT else "snmpd"
        if pod.stage in AT_GATE:
            program = "python3 /usr/bin/container_startup.py -f snmp"
        return [["9", "1", "9", "S", "5", program]]

    def read(self, ref: str, path: str) -> bytes:
        return b"program:snmpd" if self.machine.lists else b""

    def start(self, ref: str) -> None:
        self.ops.append(("start", ref))

    def stop(self, ref: str, grace: int) -> None:
        self.ops.append(("stop", ref))

    def restart(self, ref: str, grace: int, between: Callable[[], None] | None = None) -> None:
        self.ops.append(("stop", ref))
        if between is not None and not self.late:
            between()
        self.ops.append(("restart", ref, next(p.version for p in self.world.pods if p.id == ref)))
        if between is not None and self.late:  # the daemon starts the one while the other is being started
            between()


class Machine:
    """The product with the given reconciler module: the product's own, or a mutant of it (or of what it imports)."""

    def __init__(
        self,
        reconciler: ModuleType,
        most: int = 2,
        ctrmgrd: bool = False,
        one_maker: bool = False,
        can_create_local: bool | None = False,
        lists: bool = True,
        update_time: str = "the day before",
        started_at: str = "",
    ) -> None:
        """`most`: how many containers the kubelet may have for the feature at one time. `ctrmgrd`: it is at work.

        `one_maker`: they are of one DaemonSet. `can_create_local`: whether the unit's script makes a local container.
        `lists`: images say which their critical processes are. `update_time`, `started_at`: any text.
        """
        self.reconciler = reconciler
        self.most = most
        self.ctrmgrd = ctrmgrd
        self.one_maker = one_maker
        self.can_create_local = can_create_local
        self.lists = lists
        self.update_time = update_time
        self.started_at = started_at
        self.urgent: set[tuple[World, tuple[Op, ...]]] = set()  # what of the plans made so far is never put off
        self.booking = cache(self._booking)
        self.plans = cache(self._plans)
        self.closing = cache(self._closing)
        self.reviving = cache(self._reviving)
        self.may_start = cache(self._may_start)
        self.calm = cache(self._calm)

    def mark(self, id: str) -> str:
        return f"{id}@{self.started_at}"

    def _look(self, world: World) -> Any:
        rows = _Rows(world, self)
        docker = _Docker(world, rows.ops, self)
        reconciler = self.reconciler.Reconciler(rows, docker, "snmp", "snmp", lambda sentence: None)
        reconciler._time_it = lambda view, now: None
        reconciler._can_make = lambda: self.can_create_local
        said = (world.remote, world.version)
        reconciler._pods._before = {self.mark(p.id): ("", "?") if p.spoke else said for p in world.pods}
        reconciler.look()
        reconciler.view.ctrmgrd = self.ctrmgrd
        self.reconciler.judge(reconciler.view, rows.own, _LATE)
        return reconciler

    def _booking(self, world: World) -> tuple[Op, ...]:
        """What is noted by whoever looks, without the lock: what has changed hands. () where that changes nothing."""
        ops, after = tuple(self._look(world).rows.ops), world
        for op in ops:
            after = apply(after, op) or after
        return ops if after != world else ()

    def _plans(self, world: World) -> tuple[tuple[Op, ...], ...]:
        """Every list of actions that one step of a reconciler may be that has nothing to note, whatever the time."""
        reconciler, found = self._look(world), {}
        reconciler.rows.ops.clear()
        for view in self._times(reconciler.view):
            step = self.reconciler.decide(view)
            if (key := (step.kind, step.id, step.urgent)) in found:
                continue
            found[key] = tuple(self._ways(reconciler, step))
            for ops in found[key]:
                _ends(world, view, ops)
                if step.urgent:
                    self.urgent.add((world, ops))
        return tuple(sorted({ops for ways in found.values() for ops in ways if ops}))

    def _ways(self, reconciler: Any, step: Any) -> Iterator[tuple[Op, ...]]:
        """What comes between a container's end and its start comes before that start, or after it has begun."""
        yield (ops := self._done(reconciler, step))
        if any(op[0] == "restart" for op in ops):
            reconciler.docker.late = True
            yield self._done(reconciler, step)
            reconciler.docker.late = False

    def _times(self, view: Any) -> Iterator[Any]:
        """The view with everything that time can make of it, as far as that is ever asked."""
        both = (False, True)
        turns = both if self.ctrmgrd else (False,)
        lates = both if view.remote == "ready" else (False,)
        choices = [list(self._marks(view, pod)) for pod in view.pods]
        overs, givens = ((True,), both) if view.pods else (both, (False,))
        for turn, over, given, late, *marks in product(turns, overs, givens, lates, *choices):
            view.turn, view.grace_over, view.failed_too_often, view.late = turn, over, given, late
            for pod, (young, settled, renewed, may_replace) in zip(view.pods, marks, strict=True):
                pod.young, pod.settled, pod.renewed, pod.may_replace = young, settled, renewed, may_replace
            yield view

    def _marks(self, view: Any, pod: Any) -> Iterator[tuple[bool, bool, bool, bool]]:
        """What time can have made of this one: young, settled, renewed, may_replace."""
        both, gates = (False, True), self.reconciler.decide.__globals__
        waits, held = pod.gate == gates["WAITING"], pod.gate == gates["UNANNOUNCED"]
        return product(
            both if held or pod.gate in (gates["STARTING"], gates["UNKNOWN"]) else (False,),
            both if waits or held else (True,),
            both if not waits or pod.failed else (False,),
            both if pod.may_replace else (False,),
        )

    def _done(self, reconciler: Any, step: Any) -> tuple[Op, ...]:
        """The actions of one step."""
        if step.kind == self.reconciler.STAY:
            return ()
        if step.kind == self.reconciler.CREATE_LOCAL:
            return (("life ends",),)
        if step.kind == self.reconciler.START_LOCAL and not reconciler.view.has_local:
            raise Wrong("starts what is not there")
        reconciler.rows.ops.clear()
        reconciler._do(step)
        return tuple(reconciler.rows.ops)

    def _calm(self, world: World) -> tuple[Op, ...]:
        """What is noted, or else the one step of a reconciler after everything had its time."""
        if ops := self.booking(world):
            return ops
        reconciler = self._look(world)
        view = reconciler.view
        view.grace_over, view.failed_too_often, view.late, view.turn = True, False, view.remote == "ready", False
        for pod in view.pods:
            pod.young, pod.renewed, pod.settled = False, False, True
        return self._done(reconciler, self.reconciler.decide(view))

    def _closing(self, world: World) -> tuple[Op, ...]:
        """`container stop`: what comes before the action lock; what is seen and done under it comes from `rest`."""
        reconciler = self._look(world)
        reconciler.rows.ops.clear()
        ready = reconciler.rows.down(reconciler.marks())
        return (*reconciler.rows.ops, ("rest", "answered" if ready else ""))

    def under_lock(self, world: World, answered: bool) -> tuple[Op, ...]:
        """The part of Reconciler.close under the lock, from what is seen now."""
        reconciler = self._look(world)
        reconciler.rows.ops.clear()
        reconciler.rows.down = lambda found: answered
        reconciler.close()
        return (*reconciler.rows.ops, ("unlock",), ("stopped",), ("stop", "snmp"), ("ended",))

    def _may_start(self, world: World) -> bool:
        return bool(self._look(world).may_start_local())

    def _reviving(self, world: World) -> tuple[Op, ...]:
        reconciler = self._look(world)
        reconciler.rows.ops.clear()
        reconciler.revive()
        return tuple(reconciler.rows.ops)


def _ends(world: World, view: Any, ops: tuple[Op, ...]) -> None:
    """Where two run the feature, whatever is done begins to end that. Raises Wrong."""
    if owners(world) < 2 or world.up != "up" or any(pod.gate == "unknown" and pod.young for pod in view.pods):
        return
    running = {"snmp", *(pod.id for pod in world.pods if pod.stage in RUNNING)}
    acts = [op for op in ops if op[0] in ("start", "stop", "restart")]
    if not ops or (acts and (acts[0][0], acts[0][1] in running) != ("stop", True)):
        raise Wrong(f"two owners, and what is done is {ops}")
