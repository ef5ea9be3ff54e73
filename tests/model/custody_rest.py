"""Where a feature comes to rest from a world in which nothing more happens to it, and in whose hands that has to be."""

from __future__ import annotations

from typing import NamedTuple

from .custody import gates, restores, unit, wait
from .custody_keeper import Machine
from .custody_world import (
    DOWN,
    EMPTY,
    IDS,
    LOCAL,
    NEW,
    OPEN,
    RUNNING,
    STARTING,
    UNGATED,
    WAITING,
    Op,
    World,
    Wrong,
    born,
    owner,
    owners,
    seen,
    without,
)

_MOST_STEPS = 400
_ENDS: tuple[Op, ...] = (("life ends",),)


class Kubelet(NamedTuple):
    """What it does: it makes pods of this version, and makes them again when they end; "": it takes away what there is.

    `claims`: how many pods there are at a time.
    """

    version: str
    claims: int = 1


DELIVERS, TWO_CLAIM, SAME_VERSION, NOTHING = Kubelet(NEW), Kubelet(NEW, 2), Kubelet(LOCAL), Kubelet("")


class _Run:
    """One run from a world to its end. What may happen once is counted: the unit's life, and who serves."""

    def __init__(self, machine: Machine, begun: World, kubelet: Kubelet, heard: tuple[str, str] | None) -> None:
        """`heard`: what ctrmgrd has heard last of set_owner and remote_state; None: it does nothing."""
        self.machine, self.kubelet, self.begun, self.heard = machine, kubelet, begun, heard
        self.lives = self.restarts = self.changes = 0

    def run(self) -> None:
        world = self.begun._replace(disasters=0)
        for _ in range(_MOST_STEPS):
            after = self._restarted(self._next(world))
            if after == world:
                break
            if owners(after) > 1 and not after.strange:
                raise Wrong(f"two owners while all is calm: {self.begun} -> {world} -> {after}")
            world = after
        else:
            raise Wrong(f"does not come to rest: {self.begun} ... {world}")
        if not self._right(world):
            raise Wrong(f"in the wrong hands, with {self.kubelet}: {self.begun} -> {world}")

    def _right(self, world: World) -> bool:
        """Whether it is as wanted, and served by whoever can."""
        stages = [pod.stage for pod in world.pods if pod.stage in RUNNING]
        at_home = world.local and not stages
        could = world.has_local or self.machine.can_create_local is not False
        if world.wants == "local":
            return at_home if could else not world.local and len(stages) < 2
        if self.kubelet.version == NEW:
            return len(stages) == 1 and not world.local
        if world.fallback and (world.has_local or self.machine.can_create_local):
            # Its gate never opens; but one that found no row, for the database was empty, was not held by it.
            return at_home or (not world.local and stages == [UNGATED])
        return owners(world) < 2

    def _next(self, world: World) -> World:
        for _, after in gates(world):
            if after != world:
                return after
        if world.unit == DOWN and not self._starts(world):
            return world
        if world.unit != WAITING or world.todo:
            for _, after in (*(wait(self.machine, world) if world.todo else ()), *unit(self.machine, world)):
                return after
        if world.up in EMPTY:
            return world._replace(todo=next(restores(world)))
        if (after := self._kubelet(world)) != world:
            return after
        ops = self.machine.calm(seen(world))
        if ops == _ENDS:
            self.lives += 1
            if self.lives > 1:
                raise Wrong(f"its unit's life ends again and again: {self.begun} ... {world}")
        if ops:
            self._count(world, ops)
            return world._replace(todo=ops, locked="wait")
        return self._second(world)

    def _starts(self, world: World) -> bool:
        """Legacy with nothing to start fails the unit, which systemd does not try for ever."""
        return world.wants == "kube" or world.has_local or self.machine.can_create_local is not False

    def _count(self, world: World, ops: tuple[Op, ...]) -> None:
        served = any(pod.stage == OPEN and ("stop", pod.id) in ops for pod in world.pods)
        if served and not world.local and world.wants == "kube":
            self.changes += 1
            if self.changes > 2:
                raise Wrong(f"pods that serve are ended again and again: {self.begun} ... {world}")

    def _kubelet(self, world: World) -> World:
        if world.wants == "local":
            return world
        if stale := [pod for pod in world.pods if pod.version != self.kubelet.version]:
            return without(world, stale[0].id)
        return born(world, _free(world), self.kubelet.version) if self.kubelet.version and not world.pods else world

    def _second(self, world: World) -> World:
        """Another one that was stopped is back; the kubelet takes longer to that than ours to a step."""
        if world.wants == "local" or len(world.pods) >= self.kubelet.claims or not self.kubelet.version:
            return world
        again = world.displaced if all(pod.id != world.displaced for pod in world.pods) else ""
        return born(world, again or _free(world), self.kubelet.version)

    def _restarted(self, world: World) -> World:
        """ctrmgrd looks at a row that has changed, and may restart the unit."""
        if self.heard is None or (world.wants, world.remote) == self.heard:
            return world
        (wants, remote), self.heard = self.heard, (world.wants, world.remote)
        due = world.remote == "pending" and owner(world) != "none"
        due = due or ((remote, world.remote) == ("stopped", "none") and owner(world) != "local")
        if world.wants != wants and world.wants == "local":
            due = due or owner(world) == "kube"
        if not due or world.unit == STARTING or (world.unit != WAITING and world.script):
            return world
        self.restarts += 1
        if self.restarts > 2:
            raise Wrong(f"it is restarted again and again: {self.begun} ... {world}")
        return next((after for what, after in unit(self.machine, world) if what in ("stop", "start")), world)


def _free(world: World) -> str:
    taken = {world.named, world.displaced, *(pod.id for pod in world.pods)}
    return next(id for id in IDS if id not in taken)


def settles(machine: Machine, world: World, kubelet: Kubelet) -> None:
    """From here, if nothing more happens to it, the feature comes into the right hands. Raises Wrong.

    With ctrmgrd: be it that it hangs, that it knows the rows, or that it has just begun.
    """
    _Run(machine, world, kubelet, None).run()
    if machine.ctrmgrd:
        _Run(machine, world, kubelet, (world.wants, world.remote)).run()
        _Run(machine, world, kubelet, ("", "")).run()
