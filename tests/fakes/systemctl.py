"""A systemctl in one file: run as an executable, behaviour kept in a JSON file, real exit codes and sentences.

`python systemctl.py STATE ARGUMENT...`; tests.support.systemd makes the executable and the file. Proven against systemd
by tests/contract/test_units.py. Nothing runs between two calls: each call first does what was due since the last.
`folder` in the file, if it is there, is one with unit files.
`failure` in the file is one of: "" (none), hang, denied, no-bus, garbage, cut (half an answer).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Unit = dict[str, Any]  # see `blank`

PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "NRestarts", "NeedDaemonReload")
STAMPS = ("ActiveEnterTimestamp", "ActiveExitTimestamp", "InactiveEnterTimestamp", "InactiveExitTimestamp")
TICK = 0.01  # seconds between two looks of a call that waits for its job
SEE = 'See "systemctl status {0}" and "journalctl -xeu {0}" for details.'
BROKEN = {
    "denied": (1, "", "Failed to {verb} {name}: Access denied\nSee system logs and 'systemctl status {name}'.\n"),
    "no-bus": (1, "", "Failed to connect to bus: No such file or directory\n"),
    "garbage": (0, "\x7fELF\x02\x01\n\n\n<html>\n", ""),
}


class Refusal(Exception):
    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@contextlib.contextmanager
def opened(path: str) -> Iterator[dict[str, Any]]:
    """The state, alone with it, written back at the end."""
    with open(path, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        state = json.load(file)
        try:
            yield state
        finally:  # after a refusal too: the call was made
            file.seek(0)
            json.dump(state, file)
            file.truncate()


class Manager:
    """What PID 1 would know; `units` maps names to dictionaries, see `blank`."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.units: dict[str, Unit] = state["units"]
        self.folder: str = state.get("folder", "")
        for name in self.files_there():
            if name not in self.units:  # as systemd, which reads a unit when it is first asked for it
                self.read(name)

    def files_there(self) -> set[str]:
        names = os.listdir(self.folder) if self.folder and os.path.isdir(self.folder) else []
        return {name for name in names if name.endswith((".path", ".service")) and not name.startswith(".")}

    def text(self, name: str) -> str | None:
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return None

    def read(self, name: str) -> None:
        text = self.text(name)
        unit = self.units.setdefault(name, blank())
        unit.update(text=text, file=text is not None, install="[Install]" in (text or ""))

    def reload(self) -> None:
        for name, unit in list(self.units.items()):
            if "text" in unit:
                self.read(name)
                if not unit["file"] and not unit["masked"] and unit["active"] == "inactive":
                    del self.units[name]

    def stale(self, name: str, unit: Unit) -> bool:
        return "text" in unit and unit["text"] != self.text(name)

    def loaded(self, name: str, verb: str) -> Unit:
        """The unit, or systemd's refusal to load it."""
        unit = self.units.get(name)
        if unit is None or not (unit["file"] or unit["masked"]):
            raise Refusal(5, f"Failed to {verb} {name}: Unit {name} not {'loaded' if verb == 'stop' else 'found'}.")
        if unit["masked"] and verb in ("start", "restart"):
            raise Refusal(1, f"Failed to {verb} {name}: Unit {name} is masked.")
        return unit

    def advance(self) -> None:
        for unit in self.units.values():
            if unit["sub"] == "auto-restart" and time.monotonic() >= unit["restart_at"]:
                unit["restarts"] += 1
                self.begin(unit)
            if unit["sub"] == "start-pre" and os.path.exists(unit["gate"]):
                self.enter(unit, "active", "running")

    def enter(self, unit: Unit, active: str, sub: str) -> None:
        stamp = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime())
        was_off, is_off = (state in ("inactive", "failed") for state in (unit["active"], active))
        if was_off and not is_off:
            unit["stamps"]["InactiveExitTimestamp"] = stamp
        if is_off and not was_off:
            unit["stamps"]["InactiveEnterTimestamp"] = stamp
        if active == "active" and unit["active"] != "active":
            unit["stamps"]["ActiveEnterTimestamp"] = stamp
        if unit["active"] == "active" and active != "active":
            unit["stamps"]["ActiveExitTimestamp"] = stamp
        unit["active"], unit["sub"] = active, sub

    def begin(self, unit: Unit) -> None:
        """A start: as far as it goes without waiting."""
        unit["starts"] += 1
        if unit["burst"] and unit["starts"] > unit["burst"]:
            if unit["result"] == "success":  # an earlier failure stays on record
                unit["result"] = "start-limit-hit"
            self.enter(unit, "failed", "failed")
            return
        unit["result"] = "success"
        self.enter(unit, "activating", "start-pre")
        if unit["start_pre"] == "fail":
            unit["result"] = "exit-code"
            self.enter(unit, "failed", "failed")
        elif unit["start_pre"] != "gate":
            self.enter(unit, "active", "running")

    def end(self, unit: Unit) -> None:
        if unit["active"] in ("active", "activating"):
            before_start = unit["sub"] == "start-pre"
            unit["result"] = "signal" if before_start else "success"
            self.enter(unit, *(("failed", "failed") if before_start else ("inactive", "dead")))
            unit["job"] += 1

    def die(self, unit: Unit) -> None:
        unit["result"] = "signal"
        if unit["restart"] == "always":
            self.enter(unit, "inactive", "dead")
            self.enter(unit, "activating", "auto-restart")
            unit["restart_at"] = time.monotonic() + unit["restart_sec"]
        else:
            self.enter(unit, "failed", "failed")

    def dependents(self, name: str) -> list[Unit]:
        return [u for u in self.units.values() if u["requisite"] == name and u["active"] == "active"]

    def order(self, verb: str, name: str) -> int:
        """Do what the job does at once; returns the number of the job."""
        unit = self.loaded(name, verb)
        if verb == "stop":
            self.end(unit)
            for other in self.dependents(name):
                self.end(other)
            return int(unit["job"])
        needed = unit["requisite"]
        if needed and self.units[needed]["active"] != "active":
            raise Refusal(1, f"A dependency job for {name} failed. See 'journalctl -xe' for details.")
        if verb == "restart":
            also = self.dependents(name) if unit["active"] == "active" else []
            if unit["sub"] != "start-pre":
                self.end(unit)
            for other in also:
                self.end(other)
        else:
            also = []
        if unit["active"] in ("inactive", "failed"):
            unit["restarts"] = 0
            self.begin(unit)
        for other in also:
            self.begin(other)
        return int(unit["job"])

    def outcome(self, verb: str, name: str, job: int) -> bool | None:
        """None while the job goes on; raises when it failed."""
        unit = self.units[name]
        if verb == "stop" or unit["active"] == "active":
            return True
        if unit["job"] != job:
            raise Refusal(1, f"Job for {name} canceled.")
        if unit["active"] == "activating":
            return None
        why = {
            "exit-code": "the control process exited with error code",
            "signal": "a fatal signal was delivered to the control process",
            "start-limit-hit": "start of the service was attempted too often",
        }[unit["result"]]
        raise Refusal(1, f"Job for {name} failed because {why}.\n{SEE.format(name)}")

    def file_state(self, unit: Unit) -> str:
        if unit["masked"]:
            return "masked"
        if not unit["file"]:
            return ""
        if not unit["install"]:
            return "static"
        return "enabled" if unit["enabled"] else "disabled"

    def show(self, name: str) -> str:
        unit = self.units.get(name) or blank()
        load = "masked" if unit["masked"] else "loaded" if unit["file"] else "not-found"
        stale = "yes" if self.stale(name, unit) else "no"
        values = (
            name,
            load,
            unit["active"],
            unit["sub"],
            self.file_state(unit),
            unit["result"],
            unit["restarts"],
            stale,
        )
        lines = [f"{p}={v}" for p, v in zip(PROPERTIES, values, strict=True)]
        # In systemd's order, which is not the order asked for.
        return "\n".join(lines[5:] + lines[:5] + [f"{s}={unit['stamps'].get(s, '')}" for s in STAMPS]) + "\n"

    def listed(self, names: Sequence[str]) -> str:
        """What busctl prints of ListUnitsByNames."""
        rows = []
        for name in names:
            unit = self.units.get(name) or blank()
            load = "masked" if unit["masked"] else "loaded" if unit["file"] else "not-found"
            rows.append([name, name, load, unit["active"], unit["sub"], "", "/org/freedesktop/unit", 0, "", "/"])
        return json.dumps({"type": "a(ssssssouso)", "data": [rows]}) + "\n"

    def files(self, verb: str, names: Sequence[str]) -> str:
        """enable, disable, mask, unmask: all or nothing. Returns what it says on stderr."""
        said = ""
        for name in names:
            unit = self.units.get(name) or blank()
            if verb in ("enable", "disable") and not unit["file"] and not unit["masked"]:
                raise Refusal(1, f"Failed to {verb} unit: Unit file {name} does not exist.")
            if verb == "enable" and unit["masked"]:
                raise Refusal(1, f"Failed to enable unit: Unit file /etc/systemd/system/{name} is masked.")
        for name in names:
            unit = self.units.setdefault(name, blank())
            if verb in ("mask", "unmask"):
                if not unit["file"] and not (verb == "unmask" and unit["masked"]):
                    said += f"Unit {name} does not exist, proceeding anyway.\n"
                unit["masked"] = verb == "mask"
            elif unit["masked"]:
                said += f"Unit /etc/systemd/system/{name} is masked, ignoring.\n"
            elif unit["install"]:
                unit["enabled"] = verb == "enable"
            else:
                said += "The unit files have no installation config (WantedBy=, RequiredBy=, Also=,\n"
        return said

    def reset_failed(self, names: Sequence[str]) -> None:
        missing = []
        for name in names:
            unit = self.units.get(name)
            if unit is None or unit["active"] == "inactive":  # collected
                missing.append(name)
                if unit is not None:
                    unit["starts"] = 0
                continue
            unit["starts"] = unit["restarts"] = 0
            unit["result"] = "success"
            if unit["active"] == "failed":
                self.enter(unit, "inactive", "dead")
        if missing:
            raise Refusal(
                1, "\n".join(f"Failed to reset failed state of unit {n}: Unit {n} not loaded." for n in missing)
            )


def blank() -> Unit:
    """A unit without file that never ran. `gate`: start_pre "gate" ends when this file exists."""
    return {
        **{"file": False, "install": False, "start_pre": "", "gate": "", "restart": "no", "restart_sec": 0.1},
        **{"burst": 0, "requisite": "", "enabled": False, "masked": False, "active": "inactive", "sub": "dead"},
        **{"result": "success", "restarts": 0, "starts": 0, "restart_at": 0.0, "job": 0, "stamps": {}},
    }


def main(path: str, arguments: list[str]) -> int:
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, names = arguments[:cut], arguments[cut + 1 :]
    else:  # kill -s KILL NAME, from the test's own hand
        names = arguments[-1:]
    words = [a for a in arguments if not a.startswith("-")]
    verb = words[0]
    if verb == "call":  # busctl call SERVICE PATH INTERFACE ListUnitsByNames as COUNT NAME...
        names = words[words.index("as") + 2 :]
    with opened(path) as state:
        state["calls"].append([verb, *names])
        failure = state["failure"]
        manager = Manager(state)
        manager.advance()
        if failure in BROKEN:
            code, out, err = BROKEN[failure]
            sys.stdout.write(out)
            sys.stderr.write(err.format(verb=verb, name=" ".join(names)))
            return code
        if failure == "" or failure == "cut":
            if verb == "call":
                answer = manager.listed(names)
                sys.stdout.write(answer[: len(answer) // 2] if failure else answer)
                return 0
            if verb == "show":
                answer = "\n".join(manager.show(n) for n in names)
                sys.stdout.write(answer[: len(answer) // 2] if failure else answer)
                return 0
            if verb == "daemon-reload":
                manager.reload()
                return 0
            if verb == "reset-failed":
                manager.reset_failed(names)
                return 0
            if verb in ("enable", "disable", "mask", "unmask"):
                sys.stderr.write(manager.files(verb, names))
                return 0
            if verb == "kill":
                manager.die(manager.units[names[0]])
                return 0
            job = manager.order(verb, names[0])
    while failure == "hang":
        select.select([], [], [])
    while "--no-block" not in arguments:
        with opened(path) as state:
            manager = Manager(state)
            manager.advance()
            if manager.outcome(verb, names[0], job):
                break
        select.select([], [], [], TICK)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(refusal.code)
