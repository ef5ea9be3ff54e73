"""One feature at one moment, as the search of its custody sees it; what an action makes of it, and what a gate does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from tests.support.gate import rules

LOCAL, NEW = "1", "2"  # versions: the local image's, and another
# Of pods' containers: no two have the same one as long as anybody has a word of the first. STATE_DB has 12 letters.
FIRST, *_ = IDS = tuple(12 * letter for letter in "abcd")

# A pod's container: started, its gate has read the rows and goes on (with what it found there), waits, has read
# `ready`, is frozen for ever; its processes run behind an open gate, or without one (rule a).
BOOT, READ, WAITS, TAKEN, SAID = "boot", "read", "waits", "taken", "said"
FROZEN, OPEN, UNGATED = "frozen", "open", "ungated"
RUNNING = (OPEN, UNGATED)
AT_GATE = (READ, WAITS, TAKEN, SAID, FROZEN)  # its gate program is to be seen

# The unit: down; start script; `wait`; stop script beside a `wait` that still lives, or after one that has ended.
DOWN, STARTING, WAITING, STOPPING, ENDING = "down", "starting", "waiting", "stopping", "ending"

BARE = "bare"  # system_state: `down`, and not a field beside it
EMPTY = ("", BARE)


class Wrong(AssertionError):
    """A rule is broken; the text says how it came to that."""


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


Op = tuple[str, ...]


class World(NamedTuple):
    """`up`: system_state. `named`: container_id, which is written together with current_owner.

    `lost`: our row says that a container serves which is no more. `strange`: a stranger has started the local container
    and nobody of ours has looked since, or not with the last word. `displaced`: the pod that gave way to another.
    `todo` is what `wait` is about to do, `script` what the unit's script is. `disasters`: how many may still come.
    `lingers`: the program of a gate that opens takes a moment to end, in which no disaster comes: it is some 50 ms.
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
    displaced: str = ""
    unit: str = WAITING
    todo: tuple[Op, ...] = ()
    script: tuple[Op, ...] = ()
    locked: str = ""  # who holds the action lock: wait, script
    disasters: int = 2
    lingers: bool = False
    has_local: bool = True  # there is a local container


def owner(world: World) -> str:
    """current_owner."""
    return {"snmp": "local", "": "none"}.get(world.named, "kube")


def owners(world: World) -> int:
    """How many run the feature's processes at this moment."""
    return world.local + sum(pod.stage in RUNNING for pod in world.pods)


def seen(world: World) -> World:
    """As a reconciler sees it that begins to decide: who holds the lock, and what others do, is nothing to it."""
    return world._replace(todo=(), script=(), locked="", unit=WAITING, disasters=0, strange=False)


def apply(world: World, op: Op) -> World | None:
    """The world after one action of ours; None: it cannot be done (the Docker object is gone, a stop has come)."""
    return _ACTIONS[op[0]](world, *op[1:])


def _up(world: World) -> World:
    return world._replace(up="up", remote=world.remote or "none")


def _filled(world: World, word: str) -> World:
    return world._replace(up=world.up or word)


def _heard(world: World, id: str) -> World:
    return world._replace(pods=tuple(p._replace(heard=p.id == id) for p in world.pods))


def _answered(world: World, id: str) -> World:
    return world._replace(pods=tuple(p._replace(answered=p.id == id) for p in world.pods))


def _served(world: World, id: str) -> World:
    pods = tuple(p._replace(served=p.id == id, answered=False) for p in world.pods)
    return world._replace(lost=all(p.id != id for p in pods), pods=pods)


def _unserved(world: World, *displaced: str) -> World:
    world = world._replace(displaced=displaced[0]) if displaced else world
    return world._replace(lost=False, pods=tuple(p._replace(served=False) for p in world.pods))


def _closing(world: World, *failed: str) -> World:
    return _unserved(_failed(world, *(failed or (p.id for p in world.pods if p.answered))))


def _failed(world: World, *ids: str) -> World:
    pods = tuple(p._replace(failed=p.failed or p.id in ids, answered=False) for p in world.pods)
    return world._replace(pods=pods)


def _kube_up(world: World, id: str, version: str) -> World:
    return world._replace(up="up", remote="running", named=id, version=version or world.version)


def _homed(world: World) -> World:
    stale = world.remote == "pending" and owner(world) == "local"
    return unspoken(world._replace(remote="none", version=LOCAL)) if stale else world


def _unheard(world: World, version: str) -> World:
    left = (world.remote, world.version) == ("pending", version)
    return unspoken(world._replace(version="") if left else world)


def _down(world: World, noted: str) -> World | None:
    if world.remote == "ready" and not noted:
        return None  # the transaction sees it, and begins anew
    remote = "none" if world.remote in ("ready", "running") else world.remote
    return world._replace(up="down", remote=remote)


def _local_up(world: World, quiet: str) -> World | None:
    if world.up in ("down", BARE):
        return None  # a stop has come between
    if quiet:  # the local container itself says whose it is
        return world._replace(up="up", remote="pending", named="")
    return _begin_local(world)


def _begin_local(world: World) -> World:
    return world._replace(up="up", remote="none", named="snmp")


def _stopped(world: World) -> World:
    remote = world.remote if world.remote in ("pending", "ready", "stopped") else "none"
    return world._replace(remote=remote, named="")


def _answer(world: World, version: str) -> World:
    asked = (world.up, world.remote, world.version) == ("up", "pending", version)
    return world._replace(remote="ready") if asked else world


def _cleared(world: World, *words: str) -> World:
    return unspoken(world._replace(remote="none") if world.remote in words else world)


def _withdrawn(world: World) -> World:
    return world._replace(remote="none") if world.remote == "ready" else world


def _vanished(world: World) -> World:
    return world._replace(remote="none", named="") if world.remote == "running" else world


def _start(world: World, _: str) -> World | None:
    if not world.has_local:
        return None
    # A local container writes its version as it starts, and waits for nothing.
    return (world._replace(named="snmp") if world.up else world)._replace(local=True, version=LOCAL)


def _stop(world: World, id: str) -> World:
    return world._replace(local=False, strange=False) if id == "snmp" else without(world, id)


def _restart(world: World, id: str, version: str) -> World:
    """The same id, and another start: what somebody is about to note of the one before is not of this one."""

    def still(ops: tuple[Op, ...]) -> tuple[Op, ...]:
        return tuple(tuple("gone" if op[0] in _NOTES and word == id else word for word in op) for op in ops)

    return born(world._replace(todo=still(world.todo), script=still(world.script)), id, version)


_NOTES = ("heard", "answered", "served", "failed")
_ACTIONS: dict[str, Callable[..., World | None]] = {
    "up": _up,
    "filled": _filled,
    "heard": _heard,
    "answered": _answered,
    "served": _served,
    "unserved": _unserved,
    "closing": _closing,
    "failed": _failed,
    "kube_up": _kube_up,
    "homed": _homed,
    "unheard": _unheard,
    "down": _down,
    "local_up": _local_up,
    "begin_local": _begin_local,
    "stopped": _stopped,
    "answer": _answer,
    "cleared": _cleared,
    "withdrawn": _withdrawn,
    "vanished": _vanished,
    "start": _start,
    "stop": _stop,
    "restart": _restart,
}


def unspoken(world: World) -> World:
    """Nobody is known to have spoken: `wait`, whose memory that is, has ended, or has written the row itself."""
    if not any(p.spoke for p in world.pods):
        return world
    return world._replace(pods=tuple(p._replace(spoke=False) for p in world.pods))


def emptied(world: World) -> World:
    """Redis has come back with nothing in it."""
    pods = tuple(Pod(p.id, p.stage, p.version, found=p.found) for p in world.pods)
    return world._replace(up="", remote="", version="", named="", lost=False, displaced="", pods=pods)


def without(world: World, id: str) -> World:
    """That container has ended."""
    lost = world.lost or any(p.served for p in world.pods if p.id == id)
    return world._replace(lost=lost, pods=tuple(p for p in world.pods if p.id != id))


def born(world: World, id: str, version: str) -> World:
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
    if pod.stage == WAITS:
        step = _rules(pod.version).look(_row(world))
        if step.goes == rules.FREEZES:
            return now(FROZEN)
        return now(TAKEN) if step.goes == rules.OPENS else None
    if pod.stage == TAKEN:  # unconditionally, whatever was written since it read `ready`
        ready = _row(world._replace(remote="ready", version=pod.version))
        stage = SAID if world.lingers else OPEN
        return now(stage, _written(world, _rules(pod.version).look(ready).writes, pod.id))
    return now(OPEN) if pod.stage == SAID else None  # the program takes a moment to end


@cache
def _rules(version: str) -> Any:
    return rules.Gate("snmp", "kube", version, "<id>", lambda: "<now>")


def _row(world: World) -> dict[str, str]:
    """The feature's row of STATE_DB; "" stands for a field that is absent."""
    fields = {
        "system_state": "down" if world.up == BARE else world.up,
        "remote_state": world.remote,
        "container_version": world.version,
    }
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
