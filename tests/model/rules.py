"""What must hold, said without looking at the planner: goals, refusals, and what may stand in a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from system_service.domain.change.actions import Action, Kind
from tests.fakes import featured

from .world import DOWN, LIVE, NO_UNIT, ONLY, RUNS, STOPPING, Inst, World, instance

START, STOP, RESTART, ENABLE, DISABLE = VERBS = ("start", "stop", "restart", "enable", "disable")
_OFF, _ON = ("disabled", "always_disabled"), ("enabled", "always_enabled")
_RISING = {Kind.RESET_FAILED, Kind.START_UNIT, Kind.RESTART_UNIT, Kind.START_CONTAINER, Kind.UNPAUSE_CONTAINER}
_RISING |= {Kind.KEEP}
_FALLING = {Kind.STOP_UNIT, Kind.STOP_CONTAINER, Kind.CLOSE}
_CYCLING = {Kind.RESTART_UNIT, Kind.RESTART_CONTAINER} | _FALLING
_FILE = {Kind.MASK, Kind.UNMASK, Kind.ENABLE, Kind.DISABLE}
_WHOLE = {Kind.WRITE, Kind.AWAIT_FEATURED}  # of the feature, whose name is its container's
_WAITS = {k for k in Kind if k.waits}
_ALLOWED = {
    START: _RISING | _WAITS,
    STOP: _FALLING | _WAITS,
    RESTART: _RISING | _CYCLING | _WAITS,
    ENABLE: _RISING | _WAITS | {Kind.WRITE, Kind.UNMASK, Kind.ENABLE},
    DISABLE: _FALLING | _WAITS | {Kind.WRITE, Kind.DISABLE, Kind.MASK},
}


def supervised(inst: Inst) -> bool:
    return inst.phase not in NO_UNIT


def refused(world: World, verb: str) -> bool:
    """Whether a rule of the switch forbids the verb."""
    if verb in (START, RESTART):
        return world.state in _OFF or any(supervised(i) and i.file == "masked" for i in world.insts)
    return (verb, world.state) in ((ENABLE, "always_disabled"), (DISABLE, "always_enabled"))


def impossible(world: World, verb: str) -> bool:
    """Whether it cannot be done from here: nothing that Docker could start, and no unit that would create it."""
    hopeless = any(not supervised(i) and i.run in ("absent", "dead", "removing") for i in world.insts)
    lost = ("gone", "serving") if verb == RESTART else ("gone",)  # its unit is to be made anew
    hopeless |= any(i.phase == "none" and i.run in lost for i in world.insts)
    return hopeless and verb in (START, RESTART, ENABLE)


def reached(world: World, verb: str) -> bool:
    """Whether what was asked holds."""
    if verb in (STOP, DISABLE):
        down = all(i.run not in LIVE and (not supervised(i) or i.phase in DOWN) for i in world.insts)
        if verb == STOP or not down:
            return down
        return world.state in _OFF and all(not supervised(i) or i.file == "masked" for i in world.insts)
    if verb == ENABLE and world.state not in _ON:
        return False
    return all(_up(i, verb) for i in world.insts)


def _up(inst: Inst, verb: str) -> bool:
    if verb == ENABLE and supervised(inst) and inst.file in ("masked", "disabled"):
        return False
    return inst.run in RUNS and (not supervised(inst) or inst.phase in ("A", "F"))


def wrongs(world: World, verb: str, actions: Sequence[Action], again: bool = False) -> list[str]:
    """Every rule that the plan breaks in this world. `again`: featured has had its chance before."""
    kinds = [a.kind for a in actions]
    found = [f"{k.name} has no place in {verb}" for k in dict.fromkeys(kinds) if k not in _ALLOWED[verb]]
    found += _intent(world, verb, actions)
    theirs = [not again and _featured_acts(world, inst, verb, Kind.WRITE in kinds) for inst in world.insts]
    if any(theirs) != (Kind.AWAIT_FEATURED in kinds):
        found.append("featured is given its chance exactly when it may act")
    for index, inst in enumerate(world.insts):
        where = instance(index, len(world.insts), world.name)
        own = [a.kind for a in actions if a.kind not in _WHOLE and a.target in (where.unit, where.container)]
        found += [f"{where.container}: {w}" for w in _instance(inst, verb, own, theirs[index])]
        if theirs[index] and verb == ENABLE:
            found += [f"{where.container}: featured's start meets {w}" for w in _unready(inst, own, kinds)]
    return found


def _unready(inst: Inst, own: Sequence[Kind], kinds: Sequence[Kind]) -> Iterable[str]:
    if inst.run == "paused" and inst.phase not in (*STOPPING, "L") and Kind.UNPAUSE_CONTAINER not in own:
        yield "a paused container"
    if Kind.WRITE in kinds and Kind.RESET_FAILED not in kinds[: kinds.index(Kind.WRITE)]:
        yield "a spent limit"


def _featured_acts(world: World, inst: Inst, verb: str, wrote: bool) -> bool:
    """Whether featured may be about to act: on what is being written, or on what was and is not carried out yet."""
    if not world.featured or featured.excluded(world.name) or not supervised(inst) or verb not in (ENABLE, DISABLE):
        return False
    if wrote:
        return True  # also where it has nothing to do: it may be at the state before
    if verb == ENABLE and inst.file == "static":
        return False  # nothing is left of its part but the start, which is a start of ours as well
    return bool(featured.calls(verb, inst.file))


def _intent(world: World, verb: str, actions: Sequence[Action]) -> Iterable[str]:
    changing = [a for a in actions if a.kind.changes]
    writes = [a for a in actions if a.kind is Kind.WRITE]
    wanted = {ENABLE: "enabled", DISABLE: "disabled"}.get(verb)
    due = wanted is not None and world.state not in (_ON if verb == ENABLE else _OFF)
    if [dict(a.fields) for a in writes] != ([{"state": wanted}] if due else []):
        yield "the intent is not written exactly when it has to be"
    if writes and changing[0] is not writes[0]:
        yield "something is changed before the intent is written"


def _instance(inst: Inst, verb: str, own: Sequence[Kind], theirs: bool) -> Iterable[str]:
    if supervised(inst):
        yield from _supervised(inst, own)
        if theirs and set(own) - {Kind.RESET_FAILED, Kind.UNPAUSE_CONTAINER}:
            yield "we act where featured acts on the intent"
    elif any(k in _FILE or k.name.endswith("_UNIT") or k is Kind.RESET_FAILED for k in own):
        yield "a unit is acted on that does not exist"
    if verb in (START, ENABLE) and inst.run in RUNS:
        harmless = {Kind.RESTART_UNIT} if inst.phase == "R" else set()  # in its pause nothing is stopped
        if (_CYCLING - harmless) & set(own):
            yield "a running container is touched"
        if verb == START and inst.phase in ("A", *NO_UNIT) and own:
            yield "a feature that runs is not left alone"
    if verb == RESTART and inst.run in LIVE and not _CYCLING & set(own):
        yield "a restart that restarts nothing"


def _supervised(inst: Inst, own: Sequence[Kind]) -> Iterable[str]:
    if inst.run in ONLY and any(k.name.endswith("_CONTAINER") for k in own):
        yield "a container is acted on that does not exist"
    if {Kind.START_CONTAINER, Kind.RESTART_CONTAINER, Kind.KEEP} & set(own):
        yield "a container is started beside its unit"
    if Kind.STOP_CONTAINER in own and inst.phase not in DOWN:
        before = own[: own.index(Kind.STOP_CONTAINER)]
        if Kind.STOP_UNIT not in before:
            yield "a container is stopped under its unit"
    for job in (Kind.STOP_UNIT, Kind.RESTART_UNIT):
        if job in own and inst.phase in ("P", "L") and Kind.AWAIT_SETTLED not in own[: own.index(job)]:
            yield "a start job is cut off, which would orphan its container"
    ends = {Kind.STOP_CONTAINER, Kind.CLOSE}
    if inst.phase == "R" and inst.run in LIVE and Kind.STOP_UNIT in own and not ends & set(own):
        yield "a container outlives its unit, for which no ExecStop runs"
    if inst.phase == "R" and Kind.START_UNIT in own and Kind.STOP_UNIT not in own:
        yield "a start job would sit out RestartSec"
    for job in (Kind.START_UNIT, Kind.RESTART_UNIT):
        if job in own and Kind.RESET_FAILED not in own[: own.index(job)]:
            yield "the start limit is spent"
    if Kind.MASK in own and inst.phase not in DOWN and Kind.STOP_UNIT not in own[: own.index(Kind.MASK)]:
        yield "a unit is masked before it is stopped"
