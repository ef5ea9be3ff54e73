"""Every way a command can go, in every world: planning, acting, the world moving between, faults, crashes.

The product of world and command is searched depth first. It has no cycle, so every run ends; every end is judged.
A run may meet one fault (a container dies, `wait` is killed, a start script fails), after which it may fail; the same
command, given again, may not. It may also be killed once between any two actions: the same command, given again,
has to succeed.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from system_service.domain.change.actions import Action
from system_service.errors import Failed, Refused

from . import rules
from .rules import RESTART, START
from .world import EXCUSE, FAILS, FAULT, ISSUED, NEXT, World, act, bare, happens, visible

ROUNDS = 4  # as in operate

# Flags of a run: a fault may still come, a crash may still come, failing is excused, something has been changed.
MAY_FAIL, MAY_CRASH, EXCUSED, TOUCHED = 1, 2, 4, 8


class Wrong(AssertionError):
    """A rule is broken; the text says where."""


class Node(NamedTuple):
    """A moment: `plan` None: about to look and plan; else `plan[step]` is next (`issued`: its job has begun)."""

    world: World
    flags: int
    round: int = 0
    plan: int | None = None
    step: int = 0
    issued: bool = False


@dataclass
class Search:
    """One verb over many worlds. `planner` is the module under test: product code, or a mutant of it."""

    planner: Any
    verb: str
    nodes: int = 0
    edges: int = 0
    plans: list[tuple[Action, ...]] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[bool, World], Any] = field(default_factory=dict)
    _happens: dict[World, tuple[tuple[str, World], ...]] = field(default_factory=dict)
    _again: list[World] = field(default_factory=list)

    def look(self, worlds: Iterable[World]) -> Search:
        """Judge the plans alone in every world: quick, and enough for most that is wrong."""
        for world in worlds:
            self._look(Node(world, 0))
            self.planned(True, world)
        return self

    def run(self, worlds: Iterable[World], *, crash: bool = True) -> Search:
        """Judge every run in every world; with `crash` false the command is killed in none of them."""
        done: dict[Node, bool] = {}
        flags = MAY_FAIL | MAY_CRASH if crash else MAY_FAIL
        gc.disable()  # a million small tuples and no cycle among them: collecting takes half of the time
        try:
            for world in worlds:
                self._walk(Node(world, flags), done)
                while self._again:  # a run that was allowed to fail: the same command again is not
                    self._walk(Node(self._again.pop(), 0), done)
        finally:
            gc.enable()
        self.nodes = len(done)
        return self

    def _walk(self, root: Node, done: dict[Node, bool]) -> None:
        if root in done:
            return
        done[root] = False
        path: list[tuple[Node, Iterator[Node]]] = [(root, iter(self._next(root)))]
        while path:
            node, left = path[-1]
            for after in left:
                self.edges += 1
                finished = done.get(after)
                if finished is None:
                    done[after] = False
                    path.append((after, iter(self._next(after))))
                    break
                if not finished:
                    raise Wrong(f"{self.verb} never ends: {self._say(after)}")
            else:
                done[node] = True
                path.pop()

    def planned(self, again: bool, world: World) -> Any:
        """The index of the plan, or the error, or None when there is nothing to do; one look per visible world.

        `again`: a plan has been carried out before this one.
        """
        key = (again, visible(world))
        if key not in self._known:
            self._known[key] = self._plan(*key)
        return self._known[key]

    def _plan(self, again: bool, world: World) -> Any:
        shown = bare(world)
        request = self.planner.Request(self.planner.Verb(self.verb))
        verb = self._asked(again)
        try:
            actions = self.planner.plan(shown, shown.features[0], request.followup() if again else request).actions
        except (Refused, Failed) as error:
            return error
        wrong = rules.wrongs(world, verb, actions, again)
        if wrong:
            raise Wrong(f"{verb} in {world}: {'; '.join(wrong)}: {[str(a) for a in actions]}")
        self.plans.append(actions)
        return len(self.plans) - 1 if actions else None

    def _next(self, node: Node) -> list[Node]:
        if node.plan is None:
            return self._look(node)
        acted = self._command(node)
        if acted == () and all(what is FAULT for what, _ in self._moves(node.world)):
            self._timed_out(node)  # nothing that it could wait for is under way; a fault would be luck
        return [*(acted or ()), *self._environment(node)]

    def _moves(self, world: World) -> tuple[tuple[str, World], ...]:
        moves = self._happens.get(world)
        if moves is None:
            moves = self._happens[world] = happens(world)
        return moves

    def _environment(self, node: Node) -> Iterator[Node]:
        world, flags = node.world, node.flags
        for what, after in self._moves(world):
            if what is not FAULT:
                yield node._replace(world=after, flags=flags | EXCUSED if what is EXCUSE else flags)
            elif flags & MAY_FAIL:
                yield node._replace(world=after, flags=flags & ~MAY_FAIL | EXCUSED)
        if flags & MAY_CRASH:
            yield Node(world, flags & ~MAY_CRASH & ~EXCUSED)

    def _command(self, node: Node) -> tuple[Node, ...] | None:
        """The command's next moment, () while it waits, None when it has failed."""
        assert node.plan is not None
        plan = self.plans[node.plan]
        action = plan[node.step]
        result, world = act(node.world, action, node.issued)
        flags = node.flags | TOUCHED if action.kind.changes else node.flags
        if result is FAILS:
            self._end(node, f"{action} failed", excused=bool(flags & EXCUSED))
            return None
        if result is ISSUED:
            return (Node(world, flags, node.round, node.plan, node.step, True),)
        if result is NEXT and node.step + 1 < len(plan):
            return (Node(world, flags, node.round, node.plan, node.step + 1),)
        return (Node(world, flags, node.round + 1),) if result is NEXT else ()

    def _look(self, node: Node) -> list[Node]:
        verb = self._asked(node.round > 0)
        world = node.world
        found = self.planned(node.round > 0, world)
        fresh = not node.flags & TOUCHED
        if isinstance(found, Refused) or (fresh and rules.refused(world, verb)):
            if not (isinstance(found, Refused) and fresh and rules.refused(world, verb)):
                raise Wrong(f"refused={found!r}: {self._say(node)}")
            self._count("refused")
        elif isinstance(found, Failed) or (fresh and rules.impossible(world, verb)):
            if not (isinstance(found, Failed) and rules.impossible(world, verb)):
                raise Wrong(f"failed={found!r}: {self._say(node)}")
            self._end(node, "impossible", excused=fresh or bool(node.flags & EXCUSED))
        elif found is None:
            if not rules.reached(world, verb):
                raise Wrong(f"called done, and is not: {self._say(node)}")
            self._count("reached")
        elif node.round == ROUNDS:
            self._end(node, "gave up", excused=bool(node.flags & EXCUSED))
        else:
            return [node._replace(plan=found)]
        return []

    def _asked(self, again: bool) -> str:
        """What a round is to reach."""
        return START if self.verb == RESTART and again else self.verb

    def _timed_out(self, node: Node) -> None:
        self._end(node, "timed out", excused=bool(node.flags & EXCUSED))

    def _end(self, node: Node, how: str, excused: bool) -> None:
        if not excused:
            raise Wrong(f"{how}: {self._say(node)}")
        self._count(how.rsplit(" ", 1)[-1])
        if node.flags & (MAY_FAIL | MAY_CRASH | EXCUSED):
            self._again.append(node.world)

    def _count(self, how: str) -> None:
        self.ends[how] = self.ends.get(how, 0) + 1

    def _say(self, node: Node) -> str:
        rest = "" if node.plan is None else " | ".join(str(a) for a in self.plans[node.plan][node.step :])
        flags = [n for n, bit in (("excused", EXCUSED), ("touched", TOUCHED)) if node.flags & bit]
        return f"{self.verb}, round {node.round}, {node.world}, {flags}, to do: {rest or 'look'}"
