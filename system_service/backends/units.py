"""The switch's units (systemd, through `systemctl`): their state, and the jobs that change it. Knows no features.

The one place that runs `systemctl` and turns its failures into errors of ours.
"""

from __future__ import annotations

import json
import os

from system_service.backends import child
from system_service.errors import Failed, NotPermitted, SwitchError, TimedOut, Unreachable
from system_service.model.snapshot import Active, Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 10.0
# There exactly while systemd is PID 1: sd_booted(3).
RUNTIME_DIR = "/run/systemd/system"

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", "SYSTEMD_URLIFY": "0"}
_WORDS = {a.value: a for a in Active} | {"refreshing": Active.RELOADING, "maintenance": Active.INACTIVE}
# When a unit came into the state it is in. StateChangeTimestamp would do for all, but moves with the sub-state.
_SINCE = {
    Active.ACTIVE: "ActiveEnterTimestamp",
    Active.RELOADING: "ActiveEnterTimestamp",
    Active.ACTIVATING: "InactiveExitTimestamp",
    Active.DEACTIVATING: "ActiveExitTimestamp",
    Active.INACTIVE: "InactiveEnterTimestamp",
    Active.FAILED: "InactiveEnterTimestamp",
}
# What systemd says of every unit; the other two it says of services.
_ALWAYS = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", *sorted({*_SINCE.values()}))
_PROPERTIES = ",".join((*_ALWAYS, "Result", "NRestarts", "NeedDaemonReload"))
_LIST_UNITS = (
    "org.freedesktop.systemd1",
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
    "ListUnitsByNames",
)
_NO_BUS = ("Failed to connect to bus", "Failed to get D-Bus connection", "System has not been booted with systemd")
_DENIED = ("Access denied", "Interactive authentication required", "Permission denied", "Operation not permitted")
_MASKED = ("masked", "masked-runtime")
_ON = ("enabled", "enabled-runtime")


class Units:
    """systemd's units. Every method may raise Unreachable (no systemctl, no bus, nonsense) or NotPermitted."""

    def __init__(self, timeout: float = TIMEOUT, runtime_dir: str = RUNTIME_DIR) -> None:
        """`timeout` in seconds, for every call that does not wait for a job."""
        self._timeout = timeout
        self._runtime_dir = runtime_dir

    def available(self) -> bool:
        """systemd is PID 1 here. Runs nothing, and does not ask for `systemctl`: without it calls are Unreachable."""
        return os.path.isdir(self._runtime_dir)

    def show(self, *names: str) -> dict[str, Unit]:
        """The state of each of these units (full names, `snmp.service`), in one call however many there are.

        Raises:
            TimedOut: systemctl did not answer in time.
        """
        distinct = list(dict.fromkeys(names))
        if not distinct:
            return {}
        ended = self._run("show", [f"--property={_PROPERTIES}"], distinct, self._timeout)
        if ended.code is None:
            raise TimedOut(f"systemctl show did not answer within {self._timeout:g} s", "systemctl is-system-running")
        if ended.code != 0:
            raise _refusal(ended, "systemctl show", "systemctl is-system-running")
        blocks = [b for b in ended.out.split("\n\n") if b.strip()]
        if ended.cut or len(blocks) != len(distinct) or not ended.out.endswith("\n"):
            raise _nonsense(f"{len(blocks)} answers for {len(distinct)} units")
        return {name: _unit(name, block) for name, block in zip(distinct, blocks, strict=True)}

    def states(self, *names: str) -> dict[str, Unit]:
        """The same units with less to say: whether they exist, are masked, active, and their sub-state.

        One D-Bus call however many units. `show` makes one a unit, at ten times the cost of this for twenty.
        """
        distinct = list(dict.fromkeys(names))
        if not distinct:
            return {}
        ended = self._spawn(["busctl", "--json=short", "call", *_LIST_UNITS, "as", str(len(distinct)), *distinct])
        if ended.code is None:
            raise TimedOut(f"busctl did not answer within {self._timeout:g} s", "systemctl is-system-running")
        if ended.code != 0:
            raise _refusal(ended, "busctl call", "systemctl is-system-running")
        found = {unit.name: unit for unit in _listed(ended.out)}
        if missing := [name for name in distinct if name not in found]:
            raise _nonsense(f"no answer for {missing[0]}")
        return {name: found[name] for name in distinct}

    def start(self, name: str, timeout: float, *, block: bool = True) -> None:
        """Start a unit, wait for the job, and see that the unit is active. `block` false: enqueue the job and return.

        A unit in sub-state auto-restart is started only when its RestartSec is over; `restart` does it at once.

        Raises:
            TimedOut: the job did not end within `timeout` seconds; systemd goes on with it.
            Failed: the job failed, or it succeeded and left the unit inactive (a failed Condition...=, a process that
                has ended already).
        """
        self._job("start", name, timeout, block, (Active.ACTIVE, Active.RELOADING))

    def stop(self, name: str, timeout: float, *, block: bool = True) -> None:
        """Stop a unit, and see that it is inactive (or failed: it does not run). As `start`."""
        self._job("stop", name, timeout, block, (Active.INACTIVE, Active.FAILED))

    def restart(self, name: str, timeout: float, *, block: bool = True) -> None:
        """Restart a unit, or start it if it is not active. As `start`."""
        self._job("restart", name, timeout, block, (Active.ACTIVE, Active.RELOADING))

    def reset_failed(self, *names: str) -> None:
        """Forget failures and start counts. A unit that systemd has not loaded has none: no error."""
        ended = self._run("reset-failed", [], names, self._timeout)
        self._in_time(ended, "reset-failed", names)
        lines = [line for line in ended.err.splitlines() if line]
        if ended.code != 0 and not (lines and all(line.endswith(" not loaded.") for line in lines)):
            raise _refusal(ended, f"systemctl reset-failed {' '.join(names)}", f"systemctl status {names[0]}")

    def enable(self, *names: str) -> None:
        """Enable units for boot; one without [Install] stays static, which is no error.

        Raises:
            Failed: a unit has no file or is masked, or it did not become so. As all four of these.
            TimedOut: systemctl did not answer in time.
        """
        self._files("enable", names, lambda unit: unit.file_state not in ("disabled", "", *_MASKED))

    def enable_offline(self, *names: str) -> None:
        """Enable units of an image that is being made: there no systemd is at work that could be asked. As `enable`."""
        ended = self._run("enable", [], names, self._timeout)
        self._in_time(ended, "enable", names)
        if ended.code != 0:
            raise _refusal(ended, f"systemctl enable {' '.join(names)}", "is the package installed?")

    def disable(self, *names: str) -> None:
        """Disable units for boot; one without [Install], and a masked one, stay as they are."""
        self._files("disable", names, lambda unit: unit.file_state not in _ON)

    def mask(self, *names: str) -> None:
        """Make it impossible to start units; one that runs goes on running."""
        self._files("mask", names, lambda unit: unit.masked)

    def unmask(self, *names: str) -> None:
        """Undo `mask`; a unit that is not masked stays as it is."""
        self._files("unmask", names, lambda unit: not unit.masked)

    def reload(self) -> None:
        """Have systemd read its units' files anew."""
        ended = self._run("daemon-reload", [], [], self._timeout)
        self._in_time(ended, "daemon-reload", ())
        if ended.code != 0:
            raise _refusal(ended, "systemctl daemon-reload", "systemctl is-system-running")

    def make_folders(self, entry: str) -> None:
        """Make what a tmpfiles.d entry (its file's name) asks for. Raises Failed, and as all."""
        argv = ["systemd-tmpfiles", "--create", entry]
        ended = self._spawn(argv)
        if ended.code is None:
            raise TimedOut(f"{' '.join(argv)} did not end within {self._timeout:g} s", " ".join(argv))
        if ended.code != 0:
            raise _refusal(ended, " ".join(argv), " ".join(argv))

    def run_later(self, name: str, seconds: float, argv: list[str]) -> None:
        """Have systemd run a program in `seconds`, as the unit `name`, in the place of one that is still to be run.

        Raises Failed, and as all.
        """
        self._run("stop", [], [f"{name}.timer"], self._timeout)  # none is there as a rule
        words = ["systemd-run", "--quiet", "--collect", f"--unit={name}", f"--on-active={seconds:.0f}"]
        ended = self._spawn([*words, "--timer-property=AccuracySec=1s", "--", *argv])
        self._in_time(ended, "run", (name,))
        if ended.code != 0:
            raise _refusal(ended, f"systemd-run {name}", f"systemctl status {name}.timer")

    def _job(self, verb: str, name: str, timeout: float, block: bool, states: tuple[Active, ...]) -> None:
        ended = self._run(verb, [] if block else ["--no-block"], [name], timeout)
        if ended.code is None:
            raise TimedOut(
                f"{name}: {verb} did not end within {round(timeout, 2):g} s; systemd goes on with it",
                f"systemctl status {name}",
            )
        if ended.code == 0 and not block:
            return
        log = f"journalctl -u {name}"
        failure = _refusal(ended, f"systemctl {verb} {name}", log) if ended.code != 0 else None
        if failure is not None and not isinstance(failure, Failed):
            raise failure
        # A job that was replaced by another can end well, and not be done.
        unit = self.show(name)[name]
        if failure is None and unit.active in states:
            return
        if failure is not None and (not unit.exists or unit.masked or unit.result in ("", "success")):
            raise failure  # the unit itself knows nothing of it: systemctl's sentence says most
        why = f", result {unit.result}" if unit.result not in ("", "success") else ""
        raise Failed(f"{name} is {unit.words} after {verb}{why}", log)

    def _files(self, verb: str, names: tuple[str, ...], done: Callable[[Unit], bool]) -> None:
        ended = self._run(verb, [], names, self._timeout)
        self._in_time(ended, verb, names)
        if ended.code != 0:
            raise _refusal(ended, f"systemctl {verb} {' '.join(names)}", f"systemctl status {names[0]}")
        for unit in self.show(*names).values():
            if not done(unit):
                raise Failed(
                    f"{unit.name} is {unit.file_state or 'without a file'} after {verb}",
                    f"systemctl status {unit.name}",
                )

    def _in_time(self, ended: child.Ended, verb: str, names: tuple[str, ...]) -> None:
        if ended.code is None:
            raise TimedOut(
                f"{' '.join(['systemctl', verb, *names])} did not answer within {self._timeout:g} s",
                "systemctl is-system-running",
            )

    def _run(self, verb: str, options: list[str], names: list[str] | tuple[str, ...], timeout: float) -> child.Ended:
        return self._spawn(["systemctl", "--no-ask-password", "--no-pager", verb, *options, "--", *names], timeout)

    def _spawn(self, argv: list[str], timeout: float | None = None) -> child.Ended:
        try:
            return child.run(argv, self._timeout if timeout is None else timeout, env=_ENVIRONMENT)
        except OSError as error:
            raise Unreachable(
                f"{argv[0]} cannot be run: {error.strerror}", f"is systemd installed, and {argv[0]} in PATH?"
            ) from error


def _refusal(ended: child.Ended, what: str, resolution: str) -> SwitchError:
    """The error for a call that ended with a code other than 0; the sentence is systemctl's own first line."""
    lines = [line.strip() for line in ended.err.splitlines() if line.strip()]
    sentence = lines[0] if lines else f"{what} ended with code {ended.code}"
    if any(word in ended.err for word in _DENIED):
        return NotPermitted(sentence.rstrip("."), "run it as root")
    if any(word in ended.err for word in _NO_BUS):
        return Unreachable(f"systemd does not answer: {sentence}", "systemctl is-system-running")
    return Failed(sentence.rstrip("."), resolution)


def _nonsense(what: str) -> Unreachable:
    return Unreachable(f"systemd answered nonsense: {what}", "systemctl is-system-running")


def _listed(text: str) -> list[Unit]:
    """Units from ListUnitsByNames' answer: rows of (name, description, load state, active state, sub-state, ...)."""
    try:
        (rows,) = json.loads(text)["data"]
        return [
            Unit(
                name=row[0],
                exists=row[2] != "not-found",
                active=_WORDS[row[3]],
                sub=str(row[4]),
                file_state="masked" if row[2] == "masked" else "",
            )
            for row in rows
        ]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise _nonsense("a list of units that is none") from error


def _unit(name: str, block: str) -> Unit:
    values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    missing = [key for key in _ALWAYS if key not in values]
    if missing:
        raise _nonsense(f"no {missing[0]} for {name}")
    load = values["LoadState"]
    active = _WORDS.get(values["ActiveState"])
    if active is None:
        raise _nonsense(f"{name} is {values['ActiveState']!r}")
    restarts = values.get("NRestarts", "")
    return Unit(
        name=name,
        exists=load != "not-found",
        active=active,
        sub=values["SubState"],
        file_state=values["UnitFileState"] or ("masked" if load == "masked" else ""),
        result=values.get("Result", ""),
        restarts=int(restarts) if restarts.isascii() and restarts.isdigit() else 0,
        since=_rfc3339(values[_SINCE[active]]),
        stale=values.get("NeedDaemonReload") == "yes",
    )


def _rfc3339(stamp: str) -> str:
    """`Sun 2026-11-22 23:24:32 UTC` -> `2026-11-22T23:24:32Z`; "" for anything else (never, or another zone)."""
    words = stamp.split()
    return f"{words[1]}T{words[2]}Z" if len(words) == 4 and words[3] == "UTC" else ""
