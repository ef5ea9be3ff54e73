"""The product of everything that has a hand in a handover, one feature, interleaved between any two of their actions.

Actors: the unit's `wait` (the real Keeper, its Redis and Docker replaced by the world), `container stop` and `container
start` as systemd runs them, the operator who changes the mode, the gates of up to two pods, the kubelet that makes and
kills pods, Redis that is emptied, a reboot, and kill -9 of whatever of ours is at work. What depends on time is any of
what time could make of it. ctrmgrd restarts the unit: on the way anybody may, at any time; that it has no reason to do
so for ever is seen where all else is calm. Pure, without I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

from tests.support.gate import rules

LOCAL, NEW = "1", "2"  # versions: the local image's, and another

# A pod's container: started, its gate has read the rows and goes on (with what it found there), waits, has read
# `ready`, is frozen for ever; its processes run behind an open gate, or without one (rule a).
BOOT, READ, WAITS, TAKEN, FROZEN, OPEN, UNGATED = "boot", "read", "waits", "taken", "frozen", "open", "ungated"
RUNNING = (OPEN, UNGATED)
AT_GATE = (READ, WAITS, TAKEN, FROZEN)  # its gate program is to be seen

# The unit: down; start script; `wait`; stop script beside a `wait` that still lives.
DOWN, STARTING, WAITING, STOPPING = "down", "starting", "waiting", "stopping"


class Pod(NamedTuple):
    """`spoke`: what the row says changed to its announcement since it is there, and `wait` has lived since before.

    `heard`, `answered`, `served`, `failed`: our row names this start of it so. `found`: remote_state as it was read.
    """

    id: str
    stage: str = BOOT
    version: str = NEW
    spoke: bool = False
    heard: bool = False
    answered: bool = False
    served: bool = False
    failed: bool = False
    found: str = ""


class World(NamedTuple):
    """`up`: system_state; "bare" is `down` and not a field beside it. `named`: container_id.

    `lost`: our row says that a container serves which is no more. `strange`: a stranger has started the local container
    beside a pod that serves, and it still runs.

    `todo`: what `wait` is about to do, `script` what the unit's script is; `mode`: what `script` is after that.
    """

    wants: str = "kube"
    fallback: bool = True
    up: str = "up"
    remote: str = "none"
    version: str = LOCAL
    named: str = "snmp"
    local: bool = True
    pods: tuple[Pod, ...] = ()
    lost: bool = False
    strange: bool = False
    unit: str = WAITING
    todo: tuple[tuple[str, ...], ...] = ()
    script: tuple[tuple[str, ...], ...] = ()
    locked: str = ""  # who holds the action lock: wait, script
    disasters: int = 2  # how many may still come: kill -9 of ours, Redis emptied, a reboot, a refusal of Docker's
    has_local: bool = True  # there is a local container


Op = tuple[str, ...]
BOOT_ID = "b"


def _mark(id: str) -> str:
    return f"{id}@"


class _Rows:
    """Rows as the Keeper uses them: reads the world, and remembers what was written."""

    def __init__(self, world: World) -> None:
        self.ops: list[Op] = []
        self.wants = world.wants
        self.fallback = world.fallback
        self.auto_restart = True
        self.local_version = LOCAL
        self.config = {"set_owner": world.wants}
        state = {"remote_state": world.remote, "container_id": world.named, "container_version": world.version}
        # No time in it is ever read: it is any text.
        state |= {"system_state": "down" if world.up == "bare" else world.up, "update_time": "the day before"}
        self.state = {field: word for field, word in state.items() if word} | {"current_owner": owner(world)}
        own = {"boot": BOOT_ID, "failed": " ".join(_mark(p.id) for p in world.pods if p.failed)}
        for field in ("heard", "answered", "served"):
            own |= {field: f"{_mark(pod.id)} 1" for pod in world.pods if getattr(pod, field)}
        if world.lost:
            own.setdefault("served", "gone@")
        self.own = OwnRow(own, 1.0, BOOT_ID)

    def read(self) -> None: ...

    def note(self, *drop: str, **fields: str) -> None:
        for field, verb in (("failed", "failed"), ("heard", "heard"), ("answered", "answered"), ("served", "served")):
            if field in fields:
                self.ops.append((verb, *(mark.partition("@")[0] for mark in fields[field].split() if "@" in mark)))
        if "served" in drop and "served" not in fields and self.own.served:
            self.ops.append(("unserved",))

    def died(self, reason: str) -> bool:
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
        self.ops += [*([self._failed(found)] if ready else []), ("unserved",), ("down", "noted" if ready else "")]
        return ready

    def withdraw(self, found: Iterable[str]) -> bool:
        self.ops += [self._failed(found), ("cleared", "ready")]
        return True

    def _failed(self, found: Iterable[str]) -> Op:
        return ("failed", *(mark.partition("@")[0] for mark in found))

    def vanished(self) -> None:
        self.ops.append(("vanished",))

    def filled(self, up: bool) -> None:
        self.ops.append(("filled", "up" if up else "down"))

    def unannounced(self, found: Iterable[str]) -> None:
        if self.state.get("remote_state") == "ready":
            self.withdraw(found)
        self.ops.append(("cleared", "pending", "running", ""))

    def kube_up(self, id: str, version: str) -> None:
        self.ops.append(("kube_up", id))

    def stopped(self) -> None:
        self.ops.append(("stopped",))


class _Docker:
    """Docker as the Keeper uses it. Ids are 12 letters long, as STATE_DB has them."""

    def __init__(self, world: World, ops: list[Op], one_maker: bool) -> None:
        self.world, self.ops, self.one_maker = world, ops, one_maker
        self.late = False  # whether what comes between an end and a start comes after that start has begun

    def inspect(self, ref: str) -> dict[str, Any] | None:
        if ref == "snmp":
            if not self.world.has_local:
                return None
            return {"State": {"Running": self.world.local}}
        pod = next((p for p in self.world.pods if p.id == ref), None)
        if pod is None:
            return None
        # StartedAt is a word: any will do, and here it is none.
        name = f"snmp-{pod.id}" if self.one_maker else f"{pod.id}-snmp"
        labels = {"io.kubernetes.pod.uid": pod.id, "io.kubernetes.pod.name": name}
        config = {"Env": [f"IMAGE_VERSION={pod.version}"], "Labels": labels}
        return {"Id": pod.id, "State": {"Running": True, "StartedAt": ""}, "Config": config}

    def running(self, labels: object) -> list[str]:
        return [pod.id for pod in self.world.pods]

    def top(self, ref: str) -> list[list[str]]:
        pod = next(p for p in self.world.pods if p.id == ref)
        program = "/bin/sh init.sh" if pod.stage == BOOT else "snmpd"
        if pod.stage in AT_GATE:
            program = "python3 /usr/bin/container_startup.py -f snmp"
        return [["9", "1", "9", "S", "5", program]]

    def read(self, ref: str, path: str) -> bytes:
        return b"program:snmpd"

    def start(self, ref: str) -> None:
        self.ops.append(("start", ref))

    def stop(self, ref: str, grace: int) -> None:
        self.ops.append(("stop", ref))

    def restart(self, ref: str, grace: int, between: Callable[[], None] | None = None) -> None:
        self.ops.append(("stop", ref))
        if between is not None and not self.late:
            between()
        self.ops.append(("restart", ref))
        if between is not None and self.late:  # the daemon starts the one while the other is being started
            between()


class Machine:
    """The product with the given keeper module: the product's own, or a mutant of it (or of what it imports)."""

    def __init__(
        self,
        keeper: ModuleType,
        most: int = 2,
        ctrmgrd: bool = False,
        one_maker: bool = False,
        can_make: bool | None = False,
    ) -> None:
        """`most`: how many containers the kubelet may have for the feature at one time. `ctrmgrd`: it is at work.

        `one_maker`: they are of one DaemonSet. `can_make`: whether the unit's script makes a local container.
        """
        self.keeper = keeper
        self.most = most
        self.ctrmgrd = ctrmgrd
        self.one_maker = one_maker
        self.can_make = can_make
        self.plans = cache(self._plans)
        self.closing = cache(self._closing)
        self.reviving = cache(self._reviving)

    # --- what ours would do ---

    def _look(self, world: World) -> Any:
        rows = _Rows(world)
        docker = _Docker(world, rows.ops, self.one_maker)
        keeper = self.keeper.Keeper(rows, docker, "snmp", "snmp", lambda sentence: None)
        keeper._time_it = lambda view, now: None
        keeper._can_make = lambda: self.can_make
        said = (world.remote, world.version)
        keeper._pods._before = {_mark(p.id): ("", "?") if p.spoke else said for p in world.pods}
        keeper.look()
        keeper.view.ctrmgrd = self.ctrmgrd
        return keeper

    def _plans(self, world: World) -> tuple[tuple[Op, ...], ...]:
        """Every list of actions that one step of a keeper may be, whatever the time."""
        keeper = self._look(world)
        if keeper.rows.ops:  # what has changed hands is noted, and looked at again
            return (tuple(keeper.rows.ops),)
        view, found = keeper.view, {}
        turns = (False, True) if self.ctrmgrd else (False,)
        lates = (False, True) if view.remote == "ready" else (False,)
        for turn, over, given, late, *marks in product(
            turns, (False, True), (False, True), lates, *(self._marks(view, pod) for pod in view.pods)
        ):
            view.turn, view.grace_over, view.given_up, view.late = turn, over, given, late
            for pod, (young, settled, renewed, surged) in zip(view.pods, marks, strict=True):
                pod.young, pod.settled, pod.renewed, pod.surged = young, settled, renewed, surged
            step = self.keeper.decide(view)
            for keeper.docker.late in (False, True):
                key = (step.kind, step.id, step.urgent, keeper.docker.late)
                if key not in found:
                    found[key] = self._done(keeper, step)
        return tuple({ops for ops in found.values() if ops})

    def _marks(self, view: Any, pod: Any) -> list[tuple[bool, bool, bool, bool]]:
        """What time can have made of this one: young, settled, renewed, surged; as far as that is ever asked."""
        both, gates = (False, True), self.keeper.decide.__globals__
        waits = pod.gate == gates["WAITING"]
        surges = both if waits and self.one_maker and view.serving is not None else (False,)
        return list(
            product(
                both if pod.gate in (gates["STARTING"], gates["HELD"], gates["UNKNOWN"]) else (False,),
                both if waits or pod.gate == gates["HELD"] else (True,),
                both if not waits or pod.failed else (False,),
                surges,
            )
        )

    def _done(self, keeper: Any, step: Any) -> tuple[Op, ...]:
        """The actions of one step."""
        if step.kind == self.keeper.STAY:
            return ()
        if step.kind == self.keeper.MAKE_LOCAL:
            return (("life ends",),)
        keeper.rows.ops.clear()
        keeper._do(step)
        return tuple(keeper.rows.ops)

    def calm(self, world: World) -> tuple[Op, ...]:
        """The one step of a keeper after everything had its time."""
        keeper = self._look(world)
        if keeper.rows.ops:
            return tuple(keeper.rows.ops)
        view = keeper.view
        view.grace_over, view.given_up, view.late = True, False, view.remote == "ready"
        for pod in view.pods:
            pod.young, pod.renewed, pod.settled = False, False, True
            pod.surged = False
        return self._done(keeper, self.keeper.decide(view))

    def _closing(self, world: World) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
        """`container stop`: what comes before the action lock; what is seen and done under it comes from `rest`."""
        keeper = self._look(world)
        keeper.rows.ops.clear()
        ready = keeper.rows.down(keeper.marks())
        return tuple(keeper.rows.ops), (("rest", "answered" if ready else ""),)

    def under_lock(self, world: World, answered: bool) -> tuple[Op, ...]:
        """The part of Keeper.close under the lock, from what is seen now."""
        keeper = self._look(world)
        keeper.rows.ops.clear()
        keeper.rows.down = lambda found: answered
        keeper.close()
        return (*keeper.rows.ops, ("unlock",), ("stop", "snmp"), ("stopped",), ("ended",))

    def _reviving(self, world: World) -> tuple[Op, ...]:
        keeper = self._look(world)
        keeper.rows.ops.clear()
        keeper.revive()
        return tuple(keeper.rows.ops)


# --- what happens ---


def owners(world: World) -> int:
    """How many run the feature's processes at this moment."""
    return world.local + sum(pod.stage in RUNNING for pod in world.pods)


def apply(world: World, op: Op) -> World | None:
    """The world after one action of ours; None: it cannot be done (the Docker object is gone: that is fine)."""
    verb = op[0]
    if verb == "up":
        return world._replace(up="up", remote=world.remote or "none")
    if verb == "filled":
        return world._replace(up=world.up or op[1])
    if verb in ("heard", "answered", "served"):
        pods = tuple(p._replace(**{verb: p.id in op[1:]}) for p in world.pods)
        if verb == "served":
            pods = tuple(p._replace(answered=False) for p in pods)
            world = world._replace(lost=False)
        return world._replace(pods=pods)
    if verb == "unserved":
        return world._replace(lost=False, pods=tuple(p._replace(served=False) for p in world.pods))
    if verb == "failed":
        return world._replace(
            pods=tuple(p._replace(failed=p.failed or p.id in op[1:], answered=False) for p in world.pods)
        )
    if verb == "kube_up":
        return world._replace(up="up", remote="running", named=op[1])
    if verb == "homed":
        stale = world.remote == "pending" and owner(world) == "local"
        return _unspoken(world._replace(remote="none", version=LOCAL)) if stale else world
    if verb == "unheard":
        left = (world.remote, world.version) == ("pending", op[1])
        return _unspoken(world._replace(version="")) if left else world
    if verb == "life ends":
        return _forgets(world)._replace(unit=DOWN, todo=(), script=(), has_local=True)
    if verb == "down":
        if world.remote == "ready" and not op[1]:
            return None  # the transaction sees it, and begins anew
        remote = "none" if world.remote in ("ready", "running") else world.remote
        return world._replace(up="down", remote=remote)
    if verb == "local_up" and world.up in ("down", "bare"):
        return None  # a stop has come between
    if verb == "local_up":
        if op[1]:  # the local container itself says whose it is
            return world._replace(up="up", remote="pending", named="")
        return world._replace(up="up", remote="none", named="snmp")
    if verb == "stopped":
        remote = world.remote if world.remote in ("pending", "ready") else "none"
        return world._replace(remote=remote, named="")
    if verb == "answer":
        asked = (world.up, world.remote, world.version) == ("up", "pending", op[1])
        return world._replace(remote="ready") if asked else world
    if verb == "cleared":
        return _unspoken(world._replace(remote="none") if world.remote in op[1:] else world)
    if verb == "vanished":
        return world._replace(remote="none", named="") if world.remote == "running" else world
    if verb == "start" and not world.has_local:
        raise Wrong(f"starts what is not there: {world}")
    if verb == "start":
        # A local container writes its version as it starts, and waits for nothing.
        named = world._replace(named="snmp") if world.up else world
        return named._replace(local=True, version=LOCAL)
    if verb == "stop" and op[1] == "snmp":
        return world._replace(local=False)
    if verb == "stop":
        return _without(world, op[1])
    if verb == "restart":
        return _born(world, op[1], NEW) if len(world.pods) < 2 else world
    raise AssertionError(op)


def _forgets(world: World) -> World:
    """`wait` has ended, and what it remembers with it."""
    return _unspoken(world)


def _unspoken(world: World) -> World:
    return world._replace(pods=tuple(p._replace(spoke=False) for p in world.pods))


def _without(world: World, id: str) -> World:
    lost = world.lost or any(p.served for p in world.pods if p.id == id)
    return world._replace(lost=lost, pods=tuple(p for p in world.pods if p.id != id))


def _born(world: World, id: str, version: str) -> World:
    return world._replace(pods=(*world.pods, Pod(id, version=version)))


def gate(world: World, at: int) -> World | None:
    """The next thing that a pod's gate does, by the rules; None: nothing."""
    pod = world.pods[at]

    def now(stage: str, world: World = world, **changes: Any) -> World:
        pods = list(world.pods)
        pods[at] = pods[at]._replace(stage=stage, **changes)
        return world._replace(pods=tuple(pods))

    if pod.stage == BOOT:  # it reads, and what it is to write comes later
        step = _rules(pod.version).arrive(_reader(world))
        if step.goes == rules.OPENS and not step.writes:
            return now(UNGATED)
        return now(FROZEN) if step.goes == rules.FREEZES else now(READ, found=world.remote)
    if pod.stage == READ:
        step = _rules(pod.version).arrive(_reader(world._replace(wants="kube", up="up", remote=pod.found)))
        if step.goes == rules.OPENS:  # a left-over ready: its last write is TAKEN's
            return now(TAKEN, _written(world, step.writes[:-1], pod.id), found="")
        return now(WAITS, _written(world, step.writes, pod.id), found="")
    step = _rules(pod.version).look(_row(world))
    if pod.stage == WAITS:
        if step.goes == rules.FREEZES:
            return now(FROZEN)
        return now(TAKEN) if step.goes == rules.OPENS else None
    if pod.stage == TAKEN:  # unconditionally, whatever was written since it read `ready`
        ready = _row(world._replace(remote="ready", version=pod.version))
        return now(OPEN, _written(world, _rules(pod.version).look(ready).writes, pod.id))
    return None


@cache
def _rules(version: str) -> Any:
    return rules.Gate("snmp", "kube", version, "<id>", lambda: "<now>")


def _row(world: World) -> dict[str, str]:
    """The feature's row of STATE_DB; "" stands for a field that is absent."""
    fields = {"system_state": "down" if world.up == "bare" else world.up, "remote_state": world.remote, "container_version": world.version}
    return {name: word for name, word in fields.items() if word}


def _reader(world: World) -> Callable[[int, str], dict[str, str]]:
    def read(database: int, key: str) -> dict[str, str]:
        if database == rules.CONFIG_DB:
            return {"set_owner": world.wants}
        return {"snmp_local": LOCAL} if key == rules.LABELS else _row(world)

    return read


def _written(world: World, writes: tuple[tuple[str, dict[str, str]], ...], id: str) -> World:
    """After the writes of the gate in container `id`. A `wait` that lives sees that the row says something new."""
    before = (world.remote, world.version)
    for _, fields in writes:
        world = world._replace(
            remote=fields.get("remote_state", world.remote), version=fields.get("container_version", world.version)
        )
        world = world._replace(named=id) if "current_owner" in fields else world
    if world.unit != WAITING or (world.remote, world.version) == before or world.remote != "pending":
        return world
    return world._replace(pods=tuple(p._replace(spoke=p.spoke or p.version == world.version) for p in world.pods))


def happens(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    """Everything that can happen next."""
    yield from _gates(world)
    yield from _strangers(world, machine.most)
    yield from _wait(machine, world)
    yield from _unit(machine, world)


def _gates(world: World) -> Iterator[tuple[str, World]]:
    for at, pod in enumerate(world.pods):
        # An empty row is put right before a container can have come as far as its gate: by whoever of ours is at work,
        # else by the oneshot that comes with the database. Rule a can meet nobody but where nobody runs anything.
        if pod.stage == BOOT and not world.up and (world.unit != DOWN or world.local or len(world.pods) > 1):
            continue
        # A container takes longer to its gate than ours to write a row, or to look again: it cannot come so far while a
        # `ready` is being given or taken back; and a second one is seen before it reads what is there for the first.
        busy = any(op[0] in ("answer", "cleared", "vanished", "filled", "down") for op in world.todo + world.script)
        if pod.stage in (BOOT, READ) and (busy or (world.remote == "ready" and len(world.pods) > 1)):
            continue
        if (after := gate(world, at)) is not None:
            yield f"gate {pod.id} {pod.stage}", after


def _strangers(world: World, most: int) -> Iterator[tuple[str, World]]:
    taken = {p.id for p in world.pods} | {op[1] for op in world.todo + world.script if op[0] == "restart"}
    free = next((id for id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb") if id not in taken), "")
    if free and len(world.pods) < most:
        for version in (NEW, LOCAL) if not world.pods else (NEW,):
            yield f"kubelet starts {version}", _born(world, free, version)
    for pod in world.pods:
        yield f"kubelet ends {pod.id}", world._replace(pods=tuple(p for p in world.pods if p is not pod))
    if world.local:
        yield "local dies", world._replace(local=False)
    yield "mode", world._replace(wants="local" if world.wants == "kube" else "kube")
    if not world.disasters:
        return
    spared = world._replace(disasters=world.disasters - 1)
    if world.up and all(pod.stage != TAKEN for pod in world.pods):  # from reading `ready` to saying so: no time at all
        lost = tuple(p._replace(closed=False, failed=False) for p in world.pods)
        yield "redis emptied", spared._replace(up="", remote="", version="", named="", noted=False, pods=lost)
    if world.unit != DOWN or world.local or world.pods:
        # The boot oneshot comes before the kubelet.
        yield (
            "reboot",
            World(
                *(world.wants, world.fallback, "down", "none", "", "", False),
                **{"unit": DOWN, "disasters": spared.disasters, "has_local": world.has_local},
            ),
        )


def _wait(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    """`wait`: looks (and restores an empty row), decides, and does it under the lock, action by action."""
    if world.unit not in (WAITING, STOPPING):
        return
    if world.todo:
        op, rest = world.todo[0], world.todo[1:]
        after = apply(world, op)
        if after is None:
            after, rest = world, ()
        yield f"wait {op}", after._replace(todo=rest, locked=after.locked if rest else "")
        if world.disasters:
            yield "kill -9 wait", _killed(world)
        return
    if not world.up:
        yield "wait restores", _forgets(world)._replace(up="up", remote=world.remote or "none")
        return
    if world.wants == "kube" or world.up != "up":
        world = _forgets(world)
    if not world.locked:
        bare = world._replace(todo=(), script=(), locked="", unit=WAITING, disasters=0)
        for ops in machine.plans(bare):
            yield "wait decides", world._replace(todo=ops, locked="wait")


def _killed(world: World) -> World:
    """Dead without a last word. systemd starts the unit anew (or goes on stopping it)."""
    freed = _forgets(world)._replace(
        todo=(), locked="" if world.locked == "wait" else world.locked, disasters=world.disasters - 1
    )
    return freed._replace(unit=STARTING, script=()) if world.unit == WAITING else freed


def _unit(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    bare = world._replace(todo=(), script=(), locked="", unit=WAITING, disasters=0)
    if world.unit == WAITING and not world.script:
        before, rest = machine.closing(bare)
        yield "stop", world._replace(unit=STOPPING, script=(*before, *rest))
    elif world.unit == DOWN:
        if not world.up:
            yield "oneshot", world._replace(up="down")
        yield "start", world._replace(unit=STARTING)
    elif world.unit == STARTING and not world.script:
        yield "start says up", world._replace(up="up", remote=world.remote or "none", script=(("revive",),))
    elif world.script:
        yield from _script(machine, world, bare)


def _script(machine: Machine, world: World, bare: World) -> Iterator[tuple[str, World]]:
    bare = _forgets(bare)  # what `wait` remembers is not known to it
    op, rest = world.script[0], world.script[1:]
    if world.disasters:
        killed = _forgets(world)._replace(script=(), unit=DOWN, todo=(), locked="", disasters=world.disasters - 1)
        yield "kill -9 script", killed
    if op[0] == "down" and apply(world, op) is None:
        before, more = machine.closing(bare)
        yield "stop looks again", world._replace(script=(*before, *more))
    elif op[0] in ("rest", "revive", "keep"):
        if world.locked:
            return  # it waits for the lock
        if op[0] == "rest":
            ops = machine.under_lock(bare, bool(op[1]))
            yield "stop under the lock", world._replace(script=ops, locked="script")
        elif op[0] == "revive":
            ops = machine.reviving(bare) if world.wants == "kube" else ()
            yield "start revives", world._replace(script=(*ops, ("unlock",), ("keep",)), locked="script")
        else:
            # One step of the keeper, as `container start` takes it; the rest is `wait`'s.
            for ops in machine.plans(bare) or ((),):
                yield "start keeps", world._replace(script=(*ops, ("unlock",), ("begun",)), locked="script")
            yield "start leaves it to wait", world._replace(script=(), unit=WAITING)
    elif op[0] == "unlock":
        yield "unlock", world._replace(script=rest, locked="")
    elif op[0] == "begun":
        yield "wait begins", world._replace(script=(), unit=WAITING)
    elif op[0] == "ended":
        # SIGTERM: whatever `wait` was about to do is not done any more.
        ended = _forgets(world)._replace(script=(), unit=DOWN, todo=(), locked="", up="down")
        if world.remote in ("ready", "running"):
            failed = tuple(p._replace(failed=p.failed or world.remote == "ready") for p in ended.pods)
            ended = ended._replace(remote="none", pods=failed)
        yield "down", ended
    else:
        done = ("fill", op[1]) if op[0] == "filled" else op  # its memory ends with it
        after = apply(world, done)
        if after is None:  # the start that goes with it is not made
            after, rest = world, rest[1:]
        yield f"script {op}", after._replace(script=rest)


# --- the search ---


class Wrong(AssertionError):
    """A rule is broken; the text says how it came to that."""


class TooMany(AssertionError):
    """Not searched to the end."""


def explore(machine: Machine, first: World, judge: Callable[[World], None], limit: int) -> tuple[int, int]:
    """Every state that can be reached, each judged: how many there are, and how many ways lead between them.

    Raises Wrong with the shortest way to a state where two run the feature.
    """
    came: dict[World, tuple[World, str] | None] = {first: None}
    layer, edges = [first], 0
    while layer:
        following = []
        for world in layer:
            for what, after in happens(machine, world):
                edges += 1
                if machine.ctrmgrd:
                    _quiet(world, what, came)
                if after in came:
                    continue
                came[after] = (world, what)
                if owners(after) > 1:
                    raise Wrong("two owners:\n" + story(came, after))
                try:
                    judge(after)
                except Wrong as error:
                    raise Wrong(f"{error}\n{story(came, after)}") from None
                following.append(after)
        layer = following
        if len(came) > limit:
            raise TooMany(f"more than {limit} states")
    return len(came), edges


def owner(world: World) -> str:
    """current_owner, which is written together with container_id."""
    return {"snmp": "local", "": "none"}.get(world.named, "kube")


def _quiet(world: World, what: str, came: dict[World, tuple[World, str] | None]) -> None:
    """`wait` itself gives ctrmgrd no reason to restart its unit: judged by what it saw as it decided. Raises Wrong."""
    if not what.startswith(("wait ('local_up'", "wait ('restart'")):
        return
    op, then = world.todo[0], world
    while then.todo and (before := came[then]) is not None:
        then = before[0]
    if (then.wants, then.up) != ("kube", "up"):
        return
    waits = any(p.id == op[1] and p.stage in AT_GATE and not p.failed for p in then.pods)
    if (op[0] == "local_up" and not op[1]) or (op[0] == "restart" and then.local and waits):
        raise Wrong(f"a reason to restart the unit: {what}\n{story(came, world)}")


def story(came: dict[World, tuple[World, str] | None], world: World) -> str:
    lines = []
    step: tuple[World, str] | None
    while (step := came[world]) is not None:
        lines.append(f"{step[1]}: {world}")
        world = step[0]
    return "\n".join([str(world), *reversed(lines)])


def settles(machine: Machine, world: World, delivers: bool) -> None:
    """From here, if nothing more happens to it, the feature comes into the right hands. Raises Wrong.

    `delivers`: the kubelet makes a pod of another version when there is none; else it takes away what there is.
    With ctrmgrd: be it that it hangs, that it knows the rows, or that it has just begun.
    """
    _settles(machine, world, delivers)
    if machine.ctrmgrd:
        _settles(machine, world, delivers, (world.wants, world.remote))
        _settles(machine, world, delivers, ("", ""))


def _settles(machine: Machine, world: World, delivers: bool, heard: tuple[str, str] | None = None) -> None:
    """`heard`: what ctrmgrd has heard last of set_owner and remote_state; None: it does nothing."""
    begun, restarts = world, 0
    for _ in range(400):
        after = _calmly(machine, world, delivers)
        if heard is not None and (after.wants, after.remote) != heard:
            changed = after.wants != heard[0] or after.remote == "pending"
            heard = (after.wants, after.remote)
            if changed and (restarted := _restarted(machine, after)) is not None:
                restarts += 1
                if restarts > 2:
                    raise Wrong(f"it is restarted again and again: {begun} ... {world}")
                after = restarted
        if after == world:
            break
        if owners(after) > 1:
            raise Wrong(f"two owners while all is calm: {begun} -> {world} -> {after}")
        world = after
    else:
        raise Wrong(f"does not come to rest: {begun} ... {world}")
    kube = [p.stage for p in world.pods] == [OPEN]
    right = kube and not world.local if world.wants == "kube" and delivers else world.local and owners(world) == 1
    if world.wants == "kube" and not delivers and not (world.fallback and world.has_local):
        right = owners(world) == 0 or kube
    if world.wants == "local" and not world.has_local:
        right = owners(world) == 0
    if not right:
        raise Wrong(f"in the wrong hands: {begun} -> {world}")


def _restarted(machine: Machine, world: World) -> World | None:
    """ctrmgrd looks at a row that has changed: the unit being stopped, to be started again; None where it does not."""
    announced = owner(world) != "none" and world.remote == "pending"
    due = owner(world) != "local" if world.wants == "local" else announced
    if not due or world.unit != WAITING or world.script:
        return None
    return next(after for what, after in _unit(machine, world) if what == "stop")


def _calmly(machine: Machine, world: World, delivers: bool) -> World:
    for _, after in _gates(world):
        if after != world:
            return after
    if world.unit != WAITING or world.script or world.todo:
        for what, after in (*(_wait(machine, world) if world.todo else ()), *_unit(machine, world)):
            if not what.startswith("kill"):
                return after
    if not world.up:
        return world._replace(up="up", remote="none")
    if any(p.version == LOCAL for p in world.pods) and delivers:
        return world._replace(pods=tuple(p for p in world.pods if p.version != LOCAL))
    if world.wants == "kube" and delivers and not world.pods:
        return _born(world, "aaaaaaaaaaaa", NEW)
    if not delivers and world.pods and (world.wants == "kube"):
        return world._replace(pods=())
    ops = machine.calm(world._replace(todo=(), script=(), locked="", unit=WAITING, disasters=0))
    return world._replace(todo=ops, locked="wait") if ops else world


def main() -> None:
    """Search the largest space: two pods and a disaster."""
    from system_service.handover import keeper

    states, edges = explore(Machine(keeper, 2), World(disasters=1), lambda world: None, 20_000_000)
    print(f"{states} states, {edges} ways between them, never two owners")  # noqa: T201


if __name__ == "__main__":
    main()
