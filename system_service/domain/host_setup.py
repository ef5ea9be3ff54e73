"""What the package needs of the switch beyond its own files, and gives back: `system host install` and `uninstall`.

It replaces the host's `container` and `container_checker`, makes the folder of the locks and, for Kubernetes mode,
enables three units. What is left to do is read off the switch each time: a run that was killed is completed by the same
command.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

from system_service.backends import files
from system_service.backends.programs import Program, host_programs
from system_service.backends.unitfiles import ADMIN_DIR, UNIT_DIR
from system_service.backends.units import Units
from system_service.domain.audit import record
from system_service.domain.change import retry
from system_service.domain.change.labels import SENDER, unsent
from system_service.domain.cluster.node import MEMBERSHIP
from system_service.domain.command_lock import command_lock
from system_service.domain.interrupt import Interrupts, deferred
from system_service.domain.privilege import need_root
from system_service.domain.result import Result
from system_service.domain.status.observe import observe
from system_service.domain.switch import Switch
from system_service.errors import Failed, Refused, SwitchError
from system_service.model.feature import Mode, Owner
from system_service.model.kube_server import configured
from system_service.model.naming import RUN_DIR
from system_service.model.snapshot import Active, FeatureState, Notes, Snapshot
from system_service.model.state_row import OWN_TABLE

GATES, ASKED, SENDS = (
    "sonic-system-service-gates.service",
    "sonic-system-service-sync.path",
    "sonic-system-service-sync.service",
)
UNITS = (GATES, ASKED, SENDS)
"""What Kubernetes mode needs: gates closed at boot, labels that send themselves. Wanted by multi-user.target."""
_SHIPPED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "host")
AGAIN = f"{retry.UNIT}.timer"
"""Systemd's own, made for the next try and gone after it: a file of it there is none."""
_STAY = (GATES, ASKED)  # active for good once they were started
_FOLDERS = "sonic-system-service.conf"  # our tmpfiles.d entry, which asks for these
_OURS = re.compile(
    r"sync(\.tries)?|\.sync\.tries\.[0-9a-f]+\.new|.*\.(lock|action|wait)|critical\.[0-9a-f]{12}(\.[0-9]+)?"
)
_MODE, _GROUP = 0o2770, "docker"
_NO_MORE = "config-kube kubernetes server disable on where that cluster is no more"
_TIMEOUT = 60.0  # seconds for each unit to start or stop
_PATIENCE = 10.0  # seconds for other commands to end

Tell = Callable[[str], None]


def _silent(sentence: str) -> None:
    pass


@dataclass(frozen=True)
class Step:
    """One thing to do, safe to repeat; `sentence` in the imperative, for the plan and the audit log."""

    sentence: str
    do: Callable[[], object]


@dataclass(frozen=True)
class Place:
    """Where things are. `system`: the absolute path of our program, for those that are placed ("": none is to be)."""

    system: str = ""
    programs: tuple[Program, ...] = field(default_factory=host_programs)
    units: Units = field(default_factory=Units)
    run_dir: str = RUN_DIR
    unit_dir: str = UNIT_DIR
    admin_dir: str = ADMIN_DIR


def install(place: Place, command: str, *, kubernetes: bool, dry_run: bool = False, tell: Tell = _silent) -> Result:
    """Take the steps that are left until the switch is as it has to be; they are the `steps` of the Result.

    `kubernetes`: the units of Kubernetes mode too; where any of them is enabled already, all are. `tell` gets each
    step's sentence before it is taken. A step that fails ends it, as the Result's `error`.

    Raises:
        NotPermitted: without root.
        Busy: another install or uninstall is running.
        Unreachable, TimedOut: systemd cannot be asked what there is.
    """
    if dry_run:
        return _as_told(command, _setting_up(place, kubernetes), dry_run)
    need_root(command)
    with deferred() as interrupts, _alone(place, interrupts):
        return _carry_out(command, _setting_up(place, kubernetes), interrupts, tell)


def _setting_up(place: Place, kubernetes: bool) -> list[Step]:
    steps = [
        Step(f"place {program.path}{_aside(program)}", partial(program.place, place.system))
        for program in place.programs
        if not program.placed(place.system)
    ]
    if not _shared(place.run_dir):
        verb = "share" if os.path.isdir(place.run_dir) else "make"
        steps.append(Step(f"{verb} {place.run_dir}", partial(_share, place)))
    if kubernetes or len(_off(place)) < len(UNITS):
        steps += _enable(place)
    return steps


def _alone(place: Place, interrupts: Interrupts) -> AbstractContextManager[int]:
    """One who sets the package up or takes it back at a time. The lock is beside the folder that comes and goes."""
    above, name = os.path.split(place.run_dir)
    return command_lock(above, name, time.monotonic() + _PATIENCE, interrupts.check)


def _aside(program: Program) -> str:
    hosts = os.path.lexists(program.path) and not program.ours
    return f", and keep the host's own as {os.path.basename(program.aside)}" if hosts else ""


def _shared(run_dir: str) -> bool:
    """Whether the folder of the locks and the files in it are the group's.

    Units that run as its members hold no lock in a file that a command has made as root's alone.
    """
    import grp

    groups = []
    try:
        group = grp.getgrnam(_GROUP).gr_gid
        status = os.stat(run_dir)
        with os.scandir(run_dir) as entries:
            for entry in entries:
                if not entry.name.startswith("."):  # those are of what only root does
                    with suppress(FileNotFoundError):
                        groups.append(entry.stat(follow_symlinks=False).st_gid)
    except (KeyError, OSError):
        return False
    ours = (status.st_mode, status.st_uid) == (stat.S_IFDIR | _MODE, 0)
    return ours and {status.st_gid, *groups} == {group}


def _share(place: Place) -> None:
    place.units.make_folders(_FOLDERS)
    if not _shared(place.run_dir):
        raise Failed(
            f"{place.run_dir} is not root's and the group {_GROUP}'s, mode {_MODE:o}",
            f"see to another {_FOLDERS} in /etc/tmpfiles.d, and give the command again",
        )


def _enable(place: Place) -> list[Step]:
    texts = {_unit(place, name): files.read(os.path.join(_SHIPPED, name)) for name in UNITS}
    steps = [
        Step(f"write {path}", partial(files.put, path, text))
        for path, text in texts.items()
        if files.read(path) != text
    ]
    if not place.units.available():  # an image that is being made
        return [*steps, *(Step(f"enable {name}", partial(place.units.enable_offline, name)) for name in _off(place))]
    states = place.units.show(*UNITS)
    if steps or any(unit.stale for unit in states.values()):
        steps.append(Step("have systemd read its units anew", place.units.reload))
    for name, unit in states.items():
        if unit.file_state != "enabled":
            steps.append(Step(f"enable {name}", partial(place.units.enable, name)))
        if name in _STAY and unit.active is not Active.ACTIVE:
            steps.append(Step(f"start {name}", partial(place.units.start, name, _TIMEOUT)))
    return steps


def _unit(place: Place, name: str) -> str:
    return os.path.join(place.unit_dir, name)


def _off(place: Place) -> list[str]:
    """Our units that do not start at boot, as the links tell without systemd."""
    wants = os.path.join(place.admin_dir, "multi-user.target.wants")
    return [name for name in UNITS if not os.path.lexists(os.path.join(wants, name))]


def uninstall(place: Place, switch: Switch, command: str, *, dry_run: bool = False, tell: Tell = _silent) -> Result:
    """Give the host back what is its own, and leave nothing that pip does not remove.

    Features go on running, and so do their `wait`s; their next start is the host's own. `tell` as of `install`.

    Raises:
        Refused: Kubernetes still has a part in a feature.
        Busy: another command is working on one.
        Unreachable, TimedOut: it cannot be seen whether that is so.
        NotPermitted: without root.
    """
    _refuse(switch, observe(switch))
    steps = _removal(place, switch)
    if dry_run or not steps:
        return _as_told(command, steps, dry_run)
    need_root(command)
    with deferred() as interrupts, ExitStack() as locks:
        locks.enter_context(_alone(place, interrupts))
        until = time.monotonic() + _PATIENCE
        names = [feature.spec.name for feature in observe(switch).features]
        for name in sorted([*names, SENDER, MEMBERSHIP]):
            locks.enter_context(command_lock(switch.run_dir, name, until, interrupts.check))
        _refuse(switch, observe(switch))  # nobody changes a mode from here on
        result = _carry_out(command, _removal(place, switch), interrupts, tell)
        if not result.error:
            files.remove(f"{place.run_dir}.lock")
        return result


def _removal(place: Place, switch: Switch) -> list[Step]:
    steps = []
    states = place.units.show(*UNITS, AGAIN) if place.units.available() else {}
    for name, unit in states.items():
        if unit.exists and unit.active not in (Active.INACTIVE, Active.FAILED):
            steps.append(Step(f"stop {name}", partial(place.units.stop, name, _TIMEOUT)))
        if unit.file_state == "enabled":
            steps.append(Step(f"disable {name}", partial(place.units.disable, name)))
    units = [_unit(place, name) for name in UNITS]
    there = [path for unit in units for path in (unit, *files.partials(unit)) if os.path.lexists(path)]
    steps += [Step(f"remove {path}", partial(files.remove, path)) for path in there]
    if there and states:
        steps.append(Step("have systemd read its units anew", place.units.reload))
    if os.path.isdir(place.unit_dir) and {*os.listdir(place.unit_dir)} <= {*map(os.path.basename, there)}:
        steps.append(Step(f"remove {place.unit_dir}", partial(_remove_empty, place.unit_dir)))
    for program in place.programs:
        if program.ours or program.kept:
            back = f"give {program.path} back to the host's own" if program.kept else f"remove {program.path}"
            steps.append(Step(back, program.restore))
    (rows,) = switch.db.tables(("STATE_DB", OWN_TABLE))
    for key in (f"{OWN_TABLE}|{name}" for name in sorted(rows)):
        steps.append(Step(f"remove {key} from STATE_DB", partial(switch.db.remove, "STATE_DB", key)))
    # Of this folder alone, whatever a variable names: what is removed is not what somebody has typed.
    if os.path.isdir(place.run_dir) and (_ours(place.run_dir) or not os.listdir(place.run_dir)):
        steps.append(Step(f"remove {place.run_dir}", partial(_remove_run_dir, place.run_dir)))
    return steps


def _ours(run_dir: str) -> list[str]:
    """The files in the folder of the locks that are ours; others, and folders, are none of our business."""
    with os.scandir(run_dir) as entries:
        files_ = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
    return [os.path.join(run_dir, name) for name in sorted(files_) if _OURS.fullmatch(name)]


def _remove_run_dir(run_dir: str) -> None:
    for path in _ours(run_dir):
        files.remove(path)
    with suppress(OSError):  # somebody else's file is in it
        os.rmdir(run_dir)


def _remove_empty(folder: str) -> None:
    """And those above that it leaves empty: `files.put` made them."""
    with suppress(OSError):  # something is in it
        os.removedirs(folder)


def _refuse(switch: Switch, snapshot: Snapshot) -> None:
    """Raises Refused while the host's own programs could not do what is wanted, or a pod would be left to itself."""
    only = [f for f in snapshot.features if f.kube_only]
    away = [f for f in snapshot.features if f not in only and _away(f)]
    if only or away:
        why = [*(["in kubernetes mode: " + _names(away)] if away else [])]
        why += ["of Kubernetes only: " + _names(only)] if only else []
        todo = ["config-kube feature mode --all legacy"] if away else []
        todo += [f"config-kube feature uninstall {feature.spec.name}" for feature in only]
        raise Refused(f"there are features {', and '.join(why)}", " && ".join(todo))
    if not configured(snapshot.server) or snapshot.host.ctrmgrd:
        return
    (rows,) = switch.db.tables(("STATE_DB", OWN_TABLE))
    if left := ", ".join(sorted(unsent({name: Notes.of(row) for name, row in rows.items()}))):
        raise Refused(
            f"labels of this switch's node are still to be dropped: {left}", f"system service sync, or {_NO_MORE}"
        )
    if pods := [f for f in snapshot.features if any(instance.pods for instance in f.instances)]:
        raise Refused(
            f"pods of features in legacy mode are still here: {_names(pods)}", f"wait for their end, or {_NO_MORE}"
        )


def _away(feature: FeatureState) -> bool:
    return feature.spec.mode is Mode.KUBERNETES or feature.owner is Owner.KUBE


def _names(features: Sequence[FeatureState]) -> str:
    return ", ".join(feature.spec.name for feature in features)


def _as_told(command: str, steps: Sequence[Step], dry_run: bool) -> Result:
    return Result(command, dry_run=dry_run, wrote=bool(steps), steps=tuple(step.sentence for step in steps))


def _carry_out(command: str, steps: Sequence[Step], interrupts: Interrupts, tell: Tell) -> Result:
    """Do them one by one; what failed is in the Result, and what was done before that counts."""
    done: list[str] = []
    error: SwitchError | None = None
    for step in steps:
        try:
            interrupts.check()
            tell(step.sentence)
            step.do()
        except SwitchError as failure:
            error = failure
        record(command, "host", step.sentence, f"failed: {error}" if error else "done")
        if error:
            break
        done.append(step.sentence)
    return Result(command, error=error, wrote=bool(done), steps=tuple(done))
