"""An abstract switch: one feature, its containers and units, and all that can happen to them. Pure, without I/O.

Phases of a unit (what systemd knows, of which a snapshot shows only a part):
    none nosys  there is no such unit; there is no systemd
    I FA FL     inactive; failed; failed because its start limit is spent
    P           start-pre: the start script runs, and starts the container
    A F         active; `wait` watches the container; `wait` is not ours and never ends
    R           auto-restart: the pause before the next try
    D0 D1 D2    deactivating with ExecStop, then: inactive, auto-restart, start again (a restart or a start was asked)
    D3 D4       deactivating without ExecStop (a start-pre was killed), then: inactive, start again

A feature that exists in Kubernetes only has no container here: its instance is `gone`, or a pod is `serving`. While its
unit is active a pod comes; `wait` does not end when that dies.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import NamedTuple

from system_service.domain.change.actions import Action, Kind
from system_service.model.feature import AdminState, Feature, Instance, Mode
from system_service.model.snapshot import (
    Active,
    Container,
    FeatureState,
    Host,
    InstanceState,
    Notes,
    Run,
    Snapshot,
    Unit,
)
from tests.fakes import featured

NAME = "snmp"
EXCLUDED = "telemetry"  # featured leaves it alone
LIMIT = 3  # starts until the unit's start limit is spent
LIVE = ("running", "paused", "restarting", "serving")
RUNS = ("running", "serving")
ONLY = ("gone", "serving")
STARTABLE = ("absent", "created", "exited", "restarting", "running")  # where the unit's start script succeeds
DOWN, STOPPING = ("I", "FA", "FL"), ("D0", "D1", "D2", "D3", "D4")
NO_UNIT = ("none", "nosys")

NEXT, ISSUED, WAITS, FAILS = "next", "issued", "waits", "fails"
STEP, FAULT, EXCUSE = "step", "fault", "excuse"


class Inst(NamedTuple):
    """One instance. `starts`: tries since the limit was reset. `file`: enabled, disabled, static or masked."""

    phase: str
    starts: int
    file: str
    run: str


class Acting(NamedTuple):
    """What featured is at: `left` are its calls for instance `index` (None: it has not looked at it yet).

    `issued`: the job of the first of them has begun.
    """

    what: str
    index: int = 0
    left: tuple[str, ...] | None = None
    issued: bool = False


class World(NamedTuple):
    """`known`: the state that featured carried out last ("": the row's); it differs after a failure of its.

    `heard`: the row was written, and featured has not come to it yet; `acting`: it has. `excluded`: it never does.
    """

    state: str
    featured: bool
    insts: tuple[Inst, ...]
    excluded: bool = False
    known: str = ""
    heard: bool = False
    acting: Acting | None = None

    @property
    def name(self) -> str:
        return EXCLUDED if self.excluded else NAME


_ACTIVE = {
    "I": (Active.INACTIVE, "dead", "success"),
    "P": (Active.ACTIVATING, "start-pre", "success"),
    "A": (Active.ACTIVE, "running", "success"),
    "F": (Active.ACTIVE, "exited", "success"),
    "R": (Active.ACTIVATING, "auto-restart", "success"),
    "FA": (Active.FAILED, "failed", "exit-code"),
    "FL": (Active.FAILED, "failed", "start-limit-hit"),
    "L": (Active.RELOADING, "reload", "success"),  # seen by the planner alone: our units never reload
    **dict.fromkeys(STOPPING, (Active.DEACTIVATING, "stop", "success")),
}


@cache
def instance(index: int, count: int, name: str = NAME) -> Instance:
    if count == 1:
        return Instance(name, "", f"{name}.service", name)
    return Instance(name, f"asic{index}", f"{name}@{index}.service", f"{name}{index}")


@cache
def seen(inst: Inst, index: int = 0, count: int = 1, gate: bool = False, name: str = NAME) -> InstanceState:
    """What a snapshot shows of an instance."""
    labels = {"sonic.startup-gate": "true"} if gate else {}
    where = instance(index, count, name)
    if inst.run in ONLY:
        pod = Container("1" * 64, "k8s", Run.RUNNING) if inst.run == "serving" else None
        shown = seen(inst._replace(run="absent"), index, count, name=name)
        return shown._replace(pods=(pod,) if pod else (), serving=pod)
    box = None if inst.run == "absent" else Container("0" * 64, where.container, Run(inst.run), labels=labels)
    if inst.phase == "nosys":
        return InstanceState(where, box, None)
    if inst.phase == "none":
        return InstanceState(where, box, Unit(where.unit))
    active, sub, result = _ACTIVE[inst.phase]
    return InstanceState(where, box, Unit(where.unit, True, active, sub, inst.file, result))


def snapshot(world: World) -> Snapshot:
    count = len(world.insts)
    host = Host(all(i.phase != "nosys" for i in world.insts), world.featured)
    only = any(inst.run in ONLY for inst in world.insts)
    mode = Mode.KUBERNETES if only else Mode.LEGACY
    feature = Feature(
        *(world.name, AdminState(world.state), True, mode, True, not only),
        global_scope=count == 1,
        per_asic_scope=count > 1,
    )
    insts = tuple(seen(inst, i, count, name=world.name) for i, inst in enumerate(world.insts))
    shown = FeatureState(feature, insts, kube_only=only)
    return Snapshot(host, (shown,))


def bare(world: World) -> SimpleNamespace:
    """The snapshot with nothing but what start, stop, restart, enable and disable may depend on.

    Legacy mode, where the local container is all there is, or a feature that has none (custody.py has what lies
    between). There is no fallback, server, node,
    label or ctrmgrd in it: a planner that reads one ends in AttributeError, so a plan made from it is the plan for
    every value of them.
    """
    count = len(world.insts)
    host = SimpleNamespace(systemd=all(i.phase != "nosys" for i in world.insts), featured=world.featured)
    only = any(inst.run in ONLY for inst in world.insts)
    mode = Mode.KUBERNETES if only else Mode.LEGACY
    feature = SimpleNamespace(name=world.name, state=AdminState(world.state), mode=mode)
    insts = tuple(_bare(inst, i, count, world.name) for i, inst in enumerate(world.insts))
    shown = SimpleNamespace(spec=feature, instances=insts, kube_only=only, own=Notes())
    return SimpleNamespace(host=host, features=(shown,))


@cache
def _bare(inst: Inst, index: int, count: int, name: str) -> SimpleNamespace:
    shown = seen(inst, index, count, name=name)
    runs, serving = shown.runs, shown.serving
    return SimpleNamespace(spec=shown.spec, unit=shown.unit, run=shown.run, runs=runs, serving=serving)


def visible(world: World) -> World:
    """The same world as a snapshot shows it: worlds that look alike get the same plan."""
    looks = {"F": "A", "FL": "FA", **dict.fromkeys(STOPPING, "D0")}
    insts = tuple(i._replace(phase=looks.get(i.phase, i.phase), starts=0) for i in world.insts)
    return World(world.state, world.featured, insts, world.excluded)


def _attempt(inst: Inst) -> Inst:
    """systemd tries to start the unit."""
    if inst.file == "masked":
        return inst._replace(phase="FA")
    if inst.starts >= LIMIT:
        return inst._replace(phase="FL")
    return inst._replace(phase="P", starts=inst.starts + 1)


def start_unit(inst: Inst) -> Inst:
    after = {"D0": "D2", "D1": "D2", "D3": "D4"}.get(inst.phase)
    if after:
        return inst._replace(phase=after)
    return _attempt(inst) if inst.phase in DOWN else inst  # in R the job sits out RestartSec


def stop_unit(inst: Inst) -> Inst:
    after = {"A": "D0", "F": "D0", "P": "D3", "R": "I", "D1": "D0", "D2": "D0", "D4": "D3"}
    return inst._replace(phase=after.get(inst.phase, inst.phase))


def restart_unit(inst: Inst) -> Inst:
    after = {"A": "D2", "F": "D2", "P": "D4", "D0": "D2", "D1": "D2", "D3": "D4"}.get(inst.phase)
    if after:
        return inst._replace(phase=after)
    return _attempt(inst) if inst.phase in (*DOWN, "R") else inst


# --- what happens by itself


@cache
def moves(inst: Inst) -> tuple[tuple[str, Inst], ...]:
    """What systemd, the unit's scripts and Docker may do next to an instance, and what may go wrong with it."""
    phase, run = inst.phase, inst.run
    found: list[tuple[str, Inst]] = []
    tried = EXCUSE if inst.file == "masked" else STEP  # systemd's own retry of a unit masked meanwhile fails

    def add(what: str, **changes: str) -> None:
        found.append((what, inst._replace(**changes)))

    if run == "removing":
        add(STEP, run="absent")
    if run == "restarting":
        add(STEP, run="running")
    if run in ("running", "restarting"):
        add(FAULT, run="exited")
    if run == "serving":
        add(FAULT, run="gone")
    if phase == "P":
        if run == "running" or run in ONLY:
            add(STEP, phase="A")
        elif run in STARTABLE:
            add(STEP, run="running")
        else:  # the start script fails: Restart=always tries again, another setting does not
            # A container that is dead or being removed is nobody's fault here; a paused one should have been thawed.
            fails = STEP if run == "paused" else EXCUSE
            add(fails, phase="R")
            add(fails, phase="FA")
        add(FAULT, phase="R")
        add(FAULT, phase="FA")
    elif phase == "A" and run in ONLY:
        if run == "gone":
            add(STEP, run="serving")
        add(FAULT, phase="R")
    elif phase == "A":
        if run not in LIVE:  # `wait` ends with 0: ExecStop, then what Restart= says
            add(STEP, phase="D1")
            add(STEP, phase="D0")
        add(FAULT, phase="R")  # `wait` is killed: systemd skips ExecStop, and the container runs on
    elif phase == "R":
        found.append((tried, _attempt(inst)))
    elif phase in ("D0", "D1", "D2") and run in LIVE:
        add(STEP, run="gone" if run == "serving" else "exited")  # ExecStop: the stop script finds the container
    elif phase in ("D0", "D3"):
        # Where a start was cut off over a paused container, the next one fails once, and the command with it.
        add(EXCUSE if run == "paused" else STEP, phase="I")
    elif phase == "D1":
        add(STEP, phase="R")
    elif phase in ("D2", "D4"):
        found.append((EXCUSE if run == "paused" else tried, _attempt(inst)))
    return tuple(found)


def _featured(world: World) -> World | None:
    """The next step of featured, by the rules of its stand-in; None while it waits for systemd, or for a write."""
    acting = world.acting
    if acting is None:
        return _hear(world) if world.heard else None
    if acting.index == len(world.insts):
        return world._replace(acting=None, known=_WORDS[acting.what])
    inst = world.insts[acting.index]
    if acting.left is None:
        return world._replace(acting=acting._replace(left=featured.calls(acting.what, inst.file)))
    if not acting.left:
        return world._replace(acting=Acting(acting.what, acting.index + 1))
    verb, rest = acting.left[0], acting._replace(left=acting.left[1:], issued=False)
    result, after = _call(inst, verb, acting.issued)
    if result is WAITS:
        return None
    if result is FAILS and not featured.may_fail(verb):
        return world._replace(acting=None)  # it says `failed`, and knows the old state
    return _with(world, acting.index, after)._replace(acting=acting._replace(issued=True) if result is ISSUED else rest)


_WORDS = {featured.ENABLE: "enabled", featured.DISABLE: "disabled"}


def _hear(world: World) -> World:
    known = world.known or world.state
    what = featured.change(None if known == "unknown" else known, world.state)
    if known == world.state or what is None or featured.excluded(world.name):
        return world._replace(heard=False)
    return world._replace(heard=False, acting=Acting(what))


def _call(inst: Inst, verb: str, issued: bool) -> tuple[str, Inst]:
    """One call of systemctl, which comes back when its job is over."""
    job = {"start": Kind.START_UNIT, "stop": Kind.STOP_UNIT}.get(verb)
    if job is None:
        # A start under way is waited for, but not for ever: `is-active` lets it go on at any time.
        return NEXT, inst._replace(file=featured.file_after(verb, inst.file)) if _has_unit(inst) else inst
    if not _has_unit(inst):
        return FAILS, inst
    return (_job_result(inst, job), inst) if issued else _begin(inst, job)


def _with(world: World, index: int, inst: Inst) -> World:
    return world._replace(insts=(*world.insts[:index], inst, *world.insts[index + 1 :]))


def _has_unit(inst: Inst) -> bool:
    return inst.phase not in NO_UNIT


def happens(world: World) -> tuple[tuple[str, World], ...]:
    """All that may happen next without the command: (STEP, FAULT or EXCUSE, the world afterwards)."""
    found: list[tuple[str, World]] = []
    for index, inst in enumerate(world.insts):
        for what, after in moves(inst):
            found.append((what, _with(world, index, after)))
    acted = _featured(world)
    if acted is not None:
        found.append((STEP, acted))
    return tuple(found)


# --- what the command does

_JOBS = {Kind.START_UNIT: start_unit, Kind.STOP_UNIT: stop_unit, Kind.RESTART_UNIT: restart_unit}


def act(world: World, action: Action, issued: bool) -> tuple[str, World]:
    """One action: (NEXT when it is done, ISSUED when its job has begun, WAITS, FAILS; the world afterwards)."""
    if action.kind is Kind.WRITE:
        return _write(world, action)
    if action.kind is Kind.AWAIT_FEATURED:
        # What it is at is seen; what it has not come to may never come, and is not waited for.
        return (WAITS if world.acting else NEXT), world
    count = len(world.insts)
    places = [instance(i, count, world.name) for i in range(count)]
    index = next(i for i, where in enumerate(places) if action.target in (where.unit, where.container))
    result, after = _act(world.insts[index], action.kind, issued)
    return result, _with(world, index, after)


def _write(world: World, action: Action) -> tuple[str, World]:
    state = action.fields.get("state")
    if state is None or world.state.startswith("always_"):
        return FAILS, world
    if state == world.state:
        return NEXT, world
    if not world.featured:
        return NEXT, world._replace(state=state)
    return NEXT, world._replace(state=state, heard=True, known=world.known or world.state)


def _act(inst: Inst, kind: Kind, issued: bool) -> tuple[str, Inst]:
    if kind.waits:
        return _await(inst, kind), inst
    if kind is Kind.CLOSE:
        return NEXT, inst._replace(run="gone" if inst.run == "serving" else inst.run)
    if kind is Kind.KEEP:  # takes every step itself, until a pod serves
        return (NEXT, inst._replace(run="serving")) if inst.run in ONLY else (FAILS, inst)
    if kind.name.endswith("_CONTAINER"):
        return _engine(inst, kind)
    if inst.phase in NO_UNIT:
        return FAILS, inst
    if kind in _JOBS:
        return (_job_result(inst, kind), inst) if issued else _begin(inst, kind)
    if kind is Kind.RESET_FAILED:
        return NEXT, inst._replace(starts=0, phase="I" if inst.phase in DOWN else inst.phase)
    if inst.file == "masked" and kind is Kind.ENABLE:
        return FAILS, inst
    return NEXT, inst._replace(file=featured.file_after(kind.name.lower(), inst.file))


def _begin(inst: Inst, kind: Kind) -> tuple[str, Inst]:
    if inst.file == "masked" and kind is not Kind.STOP_UNIT:
        return FAILS, inst
    return ISSUED, _JOBS[kind](inst)


def _job_result(inst: Inst, kind: Kind) -> str:
    """As the units backend: the job's result and the unit's state have to be what was asked."""
    if kind is Kind.STOP_UNIT:
        return NEXT if inst.phase in DOWN else WAITS if inst.phase in STOPPING else FAILS
    if inst.phase == "R" and kind is Kind.START_UNIT:
        return WAITS
    return NEXT if inst.phase in ("A", "F") else WAITS if inst.phase in ("P", "D2", "D4") else FAILS


def _await(inst: Inst, kind: Kind) -> str:
    """As the executor's waits."""
    if kind is Kind.AWAIT_SETTLED:
        return WAITS if inst.phase in ("P", *STOPPING) else NEXT
    if kind is Kind.AWAIT_STOPPED:
        return WAITS if inst.run in LIVE else NEXT
    if inst.phase in ("FA", "FL") and inst.run not in ("running", *ONLY):
        return FAILS
    return NEXT if inst.run in RUNS else WAITS


def _engine(inst: Inst, kind: Kind) -> tuple[str, Inst]:
    run = inst.run
    if kind is Kind.STOP_CONTAINER:
        return (FAILS, inst) if run == "absent" else (NEXT, inst._replace(run="exited" if run in LIVE else run))
    able = {
        Kind.START_CONTAINER: ("created", "exited", "running", "restarting"),
        Kind.RESTART_CONTAINER: ("created", "exited", *LIVE),
        Kind.UNPAUSE_CONTAINER: ("paused",),
    }[kind]
    return (NEXT, inst._replace(run="running")) if run in able else (FAILS, inst)
