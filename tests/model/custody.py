"""The product of everything that has a hand in a handover, one feature, interleaved between any two of their actions.

Actors: the unit's `wait` (the real Reconciler, its Redis and Docker replaced by the world), `container stop` and
`container start` as systemd runs them, the operator who changes the mode, the gates of up to two pods, the kubelet that
makes and kills pods, Redis that is emptied and the oneshot that comes after it, a reboot, a stranger who starts or
removes the local container, Docker that refuses, and kill -9 of whatever of ours is at work. What depends on time is
any of what time could make of it. ctrmgrd restarts the unit: on the way anybody may, at any time; that it has no reason
to do so for ever is seen where all else is calm. Pure, without I/O."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator

from .custody_keeper import Machine
from .custody_world import (
    AT_GATE,
    BARE,
    BOOT,
    DOWN,
    EMPTY,
    ENDING,
    IDS,
    LOCAL,
    NEW,
    READ,
    RUNNING,
    STARTING,
    STOPPING,
    TAKEN,
    WAITING,
    Op,
    World,
    Wrong,
    apply,
    born,
    emptied,
    gate,
    owners,
    seen,
    unspoken,
    without,
)

Came = dict[World, tuple[World, str] | None]

_ASKED = ("start", "stop", "restart")  # of Docker
_LOCALLY: tuple[Op, ...] = (("begin_local",), ("start", "snmp"), ("begun",))
# Steps of ours that take no time beside what a container needs to its gate.
_QUICK = ("begin_local", "answer", "withdrawn", "cleared", "vanished", "filled", "down")


def happens(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    """Everything that can happen next."""
    yield from gates(world)
    yield from _strangers(machine, world)
    if world.disasters:
        yield from _disasters(world, world._replace(disasters=world.disasters - 1))
    yield from wait(machine, world)
    yield from unit(machine, world)


def gates(world: World) -> Iterator[tuple[str, World]]:
    for at, pod in enumerate(world.pods):
        # An empty row is put right before a container can have come as far as its gate: by whoever of ours is at work,
        # else by the oneshot that comes with the database. Rule a can meet nobody but where nobody runs anything.
        if pod.stage == BOOT and not world.up and (world.unit != DOWN or world.local or len(world.pods) > 1):
            continue
        # A container takes longer to its gate than ours to write a row, or to look again: it cannot come so far while a
        # `ready` is being given or taken back; and a second one is seen before it reads what is there for the first.
        busy = any(op[0] in _QUICK for op in world.todo + world.script)
        if pod.stage in (BOOT, READ) and (busy or (world.remote == "ready" and len(world.pods) > 1)):
            continue
        if (after := gate(world, at)) is not None:
            yield f"gate {pod.id} {pod.stage}", after


def _strangers(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    taken = {p.id for p in world.pods} | set(_mentioned(world))
    free = next((id for id in IDS if id not in taken), "")
    if free and len(world.pods) < machine.most:
        for version in (NEW, LOCAL) if not world.pods else (NEW,):
            yield f"kubelet starts {version}", born(world, free, version)
    # Its pod is the same and its container another one: nobody has a word of the one before.
    of = [p.id for p in world.pods] + [world.named, *(word for op in world.todo + world.script for word in op[1:])]
    if world.displaced and len(world.pods) < machine.most and world.displaced not in of:
        yield "kubelet starts the displaced one again", born(world, world.displaced, NEW)
    for pod in world.pods:
        yield f"kubelet ends {pod.id}", without(world, pod.id)
    if world.local:
        yield "local dies", world._replace(local=False, strange=False)
    yield "mode", world._replace(wants="local" if world.wants == "kube" else "kube")
    if not world.up:
        yield "oneshot", world._replace(up=BARE)


def _disasters(world: World, after: World) -> Iterator[tuple[str, World]]:
    # From reading `ready` to saying so it takes no time at all.
    if world.up and all(pod.stage != TAKEN and pod.found != "ready" for pod in world.pods):
        yield "redis emptied", emptied(after)
    if world.unit != DOWN or world.local or world.pods:
        # The boot oneshot comes before the kubelet.
        left = {"unit": DOWN, "disasters": after.disasters, "has_local": world.has_local}
        yield "reboot", World(world.wants, world.fallback, BARE, "", "", "", False, **left)
    if world.has_local and not world.local:
        started = apply(after, ("start", "snmp"))
        assert started is not None
        yield "a stranger starts the local container", started._replace(strange=True)
        yield "the local container is removed", after._replace(has_local=False)


def wait(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    """`wait`: looks (and restores an empty row), decides, and does it under the lock, action by action."""
    if world.unit not in (WAITING, STOPPING):
        return
    if world.todo:
        yield from _acts(machine, world)
        return
    if world.up in EMPTY:
        for ops in restores(world):
            yield "wait restores", world._replace(todo=ops)
        return
    bare = seen(world)
    if ops := machine.booking(bare):
        yield "wait notes", world._replace(todo=ops)
    elif not world.locked:
        looked = _looked(world)
        for ops in machine.plans(bare):
            yield "wait decides", looked._replace(todo=ops, locked="wait")


def _acts(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    op = world.todo[0]
    unlocked = "" if world.locked == "wait" else world.locked
    if op[0] == "life ends":
        # Its script's stop is not called where `docker ps` finds nothing of its name.
        ended = unspoken(world)._replace(todo=(), locked=unlocked)
        if world.unit == STOPPING:
            yield "life ends", ended._replace(unit=ENDING)
        elif world.pods or world.local:
            yield "life ends", ended._replace(unit=ENDING, script=machine.closing(unspoken(seen(world))))
        else:
            yield "life ends", ended._replace(unit=DOWN)
        return
    after = _one(world, "todo")
    yield f"wait {op}", after._replace(locked=world.locked if after.todo else unlocked)
    if world.disasters:
        yield "kill -9 wait", _killed(world)
        if op[0] in _ASKED:
            spared = world._replace(disasters=world.disasters - 1)
            yield f"Docker refuses {op}", spared._replace(todo=(), locked=unlocked)


def _one(world: World, whose: str) -> World:
    """After the first of the actions in `whose`, todo or script."""
    op, *left = getattr(world, whose)
    rest = tuple(left)
    after = apply(world._replace(**{whose: rest}), op)
    if after is not None:
        return after
    # A start that is no longer wanted is left out; where Docker has nothing to start, that is the end of it.
    rest = rest[1:] if op[0] == "local_up" else tuple(op for op in rest if op[0] in ("unlock", "begun"))
    return world._replace(**{whose: rest})


def restores(world: World) -> Iterator[tuple[Op, ...]]:
    """Redis has come back empty: `wait` says again what was so as of its last look, whatever that was."""
    for pod in world.pods:
        if pod.stage in RUNNING:
            yield ("kube_up", pod.id, pod.version), ("served", pod.id)
    yield (("up",), *([("local_up", "")] if world.local else []))


def _looked(world: World) -> World:
    """`wait` has seen what a stranger did; what it had begun before may have its effect yet."""
    if not world.strange or owners(world) > 1 or world.remote == "ready":
        return world
    if any(pod.stage == TAKEN or pod.found == "ready" for pod in world.pods):
        return world
    return world._replace(strange=False)


def _killed(world: World) -> World:
    """Dead without a last word. systemd starts the unit anew (or goes on stopping it)."""
    freed = unspoken(world)._replace(
        todo=(), locked="" if world.locked == "wait" else world.locked, disasters=world.disasters - 1
    )
    return freed._replace(unit=STARTING, script=()) if world.unit == WAITING else freed._replace(unit=ENDING)


def unit(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    if world.unit == WAITING:
        yield "stop", world._replace(unit=STOPPING, script=machine.closing(unspoken(seen(world))))
    elif world.unit == DOWN:
        yield "start", world._replace(unit=STARTING, has_local=world.has_local or machine.can_create_local is not False)
    elif world.unit == STARTING and not world.script:
        if world.wants == "local" and not world.pods:  # Kubernetes has no part in it
            yield "start", world._replace(script=_LOCALLY if world.has_local else (("fails",),))
            return
        after = apply(world, ("up",))
        assert after is not None
        yield "start", after._replace(script=(("revive" if world.wants == "kube" else "keep",),))
    elif world.script:
        yield from _script(machine, world)


def _script(machine: Machine, world: World) -> Iterator[tuple[str, World]]:
    bare = unspoken(seen(world))  # what `wait` remembers is not known to it
    op, rest = world.script[0], world.script[1:]
    spared = world._replace(disasters=world.disasters - 1)
    if world.disasters:
        yield "kill -9 script", unspoken(spared)._replace(script=(), unit=DOWN, todo=(), locked="")
    if op[0] in ("rest", "revive", "glance", "keep"):
        if not world.locked:
            yield from _looks(machine, world, bare)
    elif op[0] == "unlock":
        yield "unlock", world._replace(script=rest, locked="")
    elif op[0] == "begun":
        yield "wait begins", world._replace(script=(), unit=WAITING)
    elif op[0] == "fails":
        yield "start fails", world._replace(script=(), unit=DOWN)
    elif op[0] == "ended":
        yield "down", _terminated(world)._replace(script=(), unit=DOWN, todo=(), locked="")
    elif op[0] == "down" and apply(world, op) is None:
        yield "stop looks again", world._replace(script=machine.closing(bare))
    else:
        yield f"script {op}", _one(world, "script")
        if world.disasters and world.unit == STARTING and op[0] in _ASKED:
            yield f"Docker refuses {op}", spared._replace(script=(), unit=DOWN, locked="")


def _looks(machine: Machine, world: World, bare: World) -> Iterator[tuple[str, World]]:
    """The script looks, and sees what there is to do."""
    op = world.script[0]
    if op[0] == "rest":
        ops = machine.under_lock(bare, bool(op[1]))
        yield "stop under the lock", world._replace(script=ops, locked="script")
    elif op[0] == "revive":
        ops = (*machine.reviving(bare), ("unlock",), ("glance",))
        yield "start revives", world._replace(script=ops, locked="script")
    elif ops := machine.booking(bare):
        yield "start notes", world._replace(script=(*ops, op))
    elif op[0] == "glance":
        yield "start looks", world._replace(script=_started(machine, world, bare))
    else:
        plans = machine.plans(bare)
        for ops in plans:
            # It does not do the same at once again, unless two may run the feature: that is left to `wait`.
            renews = any(o[0] == "restart" for o in ops)
            if ops == (("life ends",),) or (renews and op[1:] and (bare, ops) not in machine.urgent):
                yield "start goes on", world._replace(script=_started(machine, world, bare))
            else:
                again = ("keep", "renewed") if renews or op[1:] else ("keep",)
                yield "start keeps", world._replace(script=(*ops, ("unlock",), again), locked="script")
        if not plans:
            yield "start goes on", world._replace(script=_started(machine, world, bare))


def _started(machine: Machine, world: World, bare: World) -> tuple[Op, ...]:
    if not machine.may_start(bare):
        return (("begun",),)
    return _LOCALLY if world.has_local else (("fails",),)


def _terminated(world: World) -> World:
    """SIGTERM: whatever `wait` was about to do is not done any more, and it closes the gate."""
    world = unspoken(world)
    if world.unit == ENDING:
        return world
    pods = tuple(
        p._replace(failed=p.failed or p.answered or world.remote == "ready", served=False, answered=False)
        for p in world.pods
    )
    remote = "none" if world.remote in ("ready", "running") else world.remote
    return world._replace(up="down", remote=remote, pods=pods, lost=False)


# --- the search ---


def explore(machine: Machine, first: World, judge: Callable[[World], None], limit: int) -> tuple[int, int]:
    """The states that can be reached, nearest first, each judged: how many there are, and how many ways between them.

    Ends with a few more than `limit`. Raises Wrong with the shortest way to a state where two run the feature.
    """
    gc.disable()  # a million small tuples and no cycle among them: collecting takes half of the time
    try:
        return _explore(machine, first, judge, limit)
    finally:
        gc.enable()


def _explore(machine: Machine, first: World, judge: Callable[[World], None], limit: int) -> tuple[int, int]:
    came: Came = {first: None}
    layer, edges = [first], 0
    while layer and len(came) < limit:
        following = []
        for world in layer:
            if len(came) >= limit:
                break
            try:
                for what, found in happens(machine, world):
                    edges += 1
                    after = _named(found)
                    if machine.ctrmgrd:
                        _quiet(world, what, came)
                    if after in came:
                        continue
                    came[after] = (world, what)
                    if owners(after) > 1 and not after.strange:
                        raise Wrong(f"two owners: {what}: {after}")
                    judge(after)
                    following.append(after)
            except Wrong as error:
                raise Wrong(f"{error}\n{story(came, world)}") from None
        layer = following
    return len(came), edges


def _named(world: World) -> World:
    """The same world where containers have their ids in a fixed order: which of them it is makes no difference."""
    found = [pod.id for pod in world.pods]
    for id in _mentioned(world):
        if id not in found:
            found.append(id)
    if tuple(found) == IDS[: len(found)]:
        return world
    names = dict(zip(found, IDS, strict=False))

    def named(ops: tuple[Op, ...]) -> tuple[Op, ...]:
        return tuple(tuple(names.get(word, word) for word in op) for op in ops)

    return world._replace(
        pods=tuple(pod._replace(id=names[pod.id]) for pod in world.pods),
        named=names.get(world.named, world.named),
        displaced=names.get(world.displaced, world.displaced),
        todo=named(world.todo),
        script=named(world.script),
    )


def _mentioned(world: World) -> Iterator[str]:
    """The ids that a row has, or somebody who is about to act."""
    if world.named in IDS:
        yield world.named
    if world.displaced:
        yield world.displaced
    for op in world.todo + world.script:
        for word in op[1:]:
            if word in IDS:
                yield word


def _quiet(world: World, what: str, came: Came) -> None:
    """`wait` itself gives ctrmgrd no reason to restart its unit: judged by what it saw as it decided. Raises Wrong."""
    if not what.startswith(("wait ('local_up'", "wait ('restart'")):
        return
    op, then = world.todo[0], world
    while then.todo and (before := came[then]) is not None:
        then = before[0]
    if (then.wants, then.up) != ("kube", "up"):
        return
    # Over `pending` a gate writes its version and nothing else.
    waits = then.remote != "pending" and any(p.id == op[1] and p.stage in AT_GATE and not p.failed for p in then.pods)
    if (op[0] == "local_up" and not op[1]) or (op[0] == "restart" and then.local and waits):
        raise Wrong(f"a reason to restart the unit: {what}")


def story(came: Came, world: World) -> str:
    lines = []
    step: tuple[World, str] | None
    while (step := came[world]) is not None:
        lines.append(f"{step[1]}: {world}")
        world = step[0]
    return "\n".join([str(world), *reversed(lines)])


def main() -> None:
    """Search the largest space, two pods and a disaster; the argument is how many states of it."""
    from system_service.handover import reconciler

    most = int(sys.argv[1]) if sys.argv[1:] else 20_000_000
    states, edges = explore(Machine(reconciler, 2), World(disasters=1), lambda world: None, most)
    print(f"{states} states, {edges} ways between them, never two owners")  # noqa: T201


if __name__ == "__main__":
    main()
