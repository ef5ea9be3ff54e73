"""The stand-in of featured, played: a switch in memory, a systemctl that answers as a case says, a clock of ours."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from operator import methodcaller
from typing import Any, Final

from tests.fakes.featured import Ended, Featured, file_after
from tests.recordings.replay import Case, Difference, Replayer, Unplayable, compare

TABLE: Final = "FEATURE|"
PORTS: Final = "PORT_TABLE:"
METADATA: Final = {
    "DEVICE_METADATA": {"localhost": {"type": "ToRRouter"}},
    "DEVICE_RUNTIME_METADATA": {"ETHERNET_PORTS_PRESENT": True},
}
"""Of the switch on which it was recorded; the cases leave it out."""
TIME_PASSES: Final = 200
"""Seconds that are let pass where nothing else happens in a step."""
MANY: Final = 10
"""So many equal calls in a row are a matter of time: how many there were is not compared, only until when."""


class MemorySwitch:
    """What featured finds, and `actions`: what it did since they were last taken, each with the time."""

    def __init__(self, case: Case) -> None:
        self.asics = case.get("asics", 0)
        self.metadata: Mapping[str, Any] = METADATA
        host = copy.deepcopy(case["database"])
        own = case.get("namespaces", {})
        self.databases = {"": host, **{f"asic{n}": copy.deepcopy(own.get(f"asic{n}", host)) for n in range(self.asics)}}
        self.unit_files = dict(case["unit_files"])
        self.drop_ins: dict[str, str] = {}
        self.actions: list[tuple[float, dict[str, Any]]] = []
        self._unmasked = case.get("unmasked", {})
        self._answers = [(prefix, dict(answer)) for prefix, answer in case.get("answers", ())]
        self._now = 0.0

    def systemctl(self, *words: str) -> tuple[int, str]:
        self.actions.append((self._now, {"ran": ["systemctl", *words]}))
        answer = self._answer(" ".join(("systemctl", *words)))
        self._now += answer.get("sleep", 0)
        code, out = answer.get("rc", 0), answer.get("out", "")
        verb, unit = words[0], (*words, "")[1].removesuffix(".service")
        if verb == "show" and "out" not in answer and not code:
            out = f"UnitFileState={self.unit_files.get(unit, '')}\n"
        elif verb == "is-active" and "out" not in answer:
            out = "active\n"
        elif not code and unit:
            after = file_after(verb, self.unit_files.get(unit, ""), self._unmasked.get(unit, "disabled"))
            if after:
                self.unit_files[unit] = after
        return code, out

    def _answer(self, command: str) -> dict[str, Any]:
        for prefix, answer in self._answers:
            if command.startswith(prefix) and answer.get("times", 1) > 0:
                if "times" in answer:
                    answer["times"] -= 1
                return answer
        return {}

    def table(self, database: str, namespace: str = "") -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = self.databases[namespace].setdefault(database, {})
        return found

    def names(self) -> Iterable[str]:
        return [key.removeprefix(TABLE) for key in self.table("CONFIG_DB") if key.startswith(TABLE)]

    def ports_ready(self) -> bool:
        return f"{PORTS}PortInitDone" in self.table("APPL_DB")

    def row(self, name: str, namespace: str = "") -> Mapping[str, str]:
        return self.table("CONFIG_DB", namespace).get(TABLE + name, {})

    def write(self, database: str, name: str, fields: Mapping[str, str], namespace: str = "") -> None:
        self.table(database, namespace).setdefault(TABLE + name, {}).update(fields)
        self._wrote(database, name, namespace, {"set": dict(fields)})

    def delete(self, database: str, name: str, namespace: str = "") -> None:
        if self.table(database, namespace).pop(TABLE + name, None) is not None:
            self._wrote(database, name, namespace, {"deleted_row": True})

    def _wrote(self, database: str, name: str, namespace: str, what: dict[str, Any]) -> None:
        where = {"namespace": namespace} if namespace else {}
        self.actions.append((self._now, {"wrote": {"database": database, "key": TABLE + name, **what, **where}}))

    def drop_in(self, unit: str, text: str) -> None:
        self.drop_ins[f"/etc/systemd/system/{unit}.d/auto_restart.conf"] = text

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def take(self) -> list[tuple[float, dict[str, Any]]]:
        taken, self.actions = self.actions, []
        return taken


class Player(Replayer):
    """A new stand-in and a new switch for every case."""

    compared = frozenset(
        {"steps", "daemon", "exit_code", "stderr_last_line", "auto_restart_files", "unit_files_after", "rows_after"}
        | {f"rows_after asic{n}" for n in range(8)}
    )
    left_out = {  # noqa: RUF012 - as where it is declared
        "syslog": "what it says of what it does is nobody's business here",
        "traceback": "the last line tells the same",
    }

    def replay(self, case: Case) -> list[Difference]:
        result, switch = case["result"], MemorySwitch(case)
        featured = Featured(switch)
        ended: Ended | None = None
        differences: list[Difference] = []
        for index, recorded in enumerate(result["steps"]):
            begun = switch.now()
            try:
                if ended is None:
                    self._step(featured, switch, recorded["event"])
                else:
                    self._change(switch, recorded["event"])
            except Ended as end:
                ended = end
            here = [(at - begun, action) for at, action in switch.take()]
            differences += _compare_actions(f"steps[{index}].actions", recorded["actions"], here)
        after = {
            "daemon": "ended" if ended else "runs on",
            "exit_code": 1 if ended else None,
            "stderr_last_line": str(ended) if ended else None,
            "auto_restart_files": switch.drop_ins,
            "unit_files_after": switch.unit_files,
            **{_rows_key(namespace): _rows(switch, namespace) for namespace in switch.databases},
        }
        return differences + [d for key, here in after.items() for d in compare(key, result.get(key), here)]

    def _step(self, featured: Featured, switch: MemorySwitch, event: Any) -> None:
        if event == "start of featured":
            featured.start()
        elif event == "time passes":
            for _ in range(TIME_PASSES):
                switch.sleep(1)
                featured.tick()
        else:
            for step in event:
                for told in self._change(switch, [step]):
                    told(featured)

    def _change(self, switch: MemorySwitch, event: Any) -> list[Callable[[Featured], None]]:
        """Do what an event does to the databases; what featured is told of it."""
        heard: list[Callable[[Featured], None]] = []
        for step in event if isinstance(event, list) else ():
            what = step["what"]
            if what == "shim":
                switch.unit_files.update(step["set"].get("unit_files", {}))
                continue
            namespace, key = step.get("namespace", ""), step.get("key", "")
            table = switch.table(step["database"], namespace)
            if what == "hset":
                table.setdefault(key, {}).update(step["fields"])
            elif what == "hdel":
                row = table.get(key, {})
                for field in step["fields"]:
                    row.pop(field, None)
                if not row:
                    table.pop(key, None)
            elif what == "del":
                table.pop(key, None)
            elif what == "flushdb":
                table.clear()  # nobody is told
            else:
                raise Unplayable(f"no such step of an event: {what}")
            if namespace or what == "flushdb":
                continue
            if step["database"] == "CONFIG_DB" and key.startswith(TABLE):
                heard.append(methodcaller("row", key.removeprefix(TABLE)))
            if step["database"] == "APPL_DB" and key.startswith(PORTS) and what == "hset":
                heard.append(methodcaller("port", key.removeprefix(PORTS)))
        return heard


def _rows_key(namespace: str) -> str:
    return f"rows_after {namespace}" if namespace else "rows_after"


def _rows(switch: MemorySwitch, namespace: str) -> dict[str, Any]:
    return {
        database: {key: row for key, row in switch.table(database, namespace).items() if key.startswith(TABLE)}
        for database in ("CONFIG_DB", "STATE_DB")
    }


def _compare_actions(
    part: str, recorded: list[dict[str, Any]], here: list[tuple[float, dict[str, Any]]]
) -> list[Difference]:
    """Order and content, and times as far as the recording's machine allows."""
    timed = [(action.get("after_s", 0.0), {k: v for k, v in action.items() if k != "after_s"}) for action in recorded]
    then, now = _merged(timed), _merged(here)
    found = compare(part, [action for _, action in then], [action for _, action in now])
    if found:
        return found
    for index, ((at, _), (ours, _)) in enumerate(zip(then, now, strict=True)):
        if not -2 <= at - ours <= 2 + index / 2 and "after_s" in recorded[0]:
            return [Difference(f"{part}[{index}].after_s", at, ours)]
    return []


def _merged(actions: list[tuple[float, dict[str, Any]]]) -> list[tuple[float, dict[str, Any]]]:
    """Equal looks at a unit in a row as one, with their number while that is small."""
    merged: list[tuple[float, dict[str, Any]]] = []
    times = 1
    for at, action in actions:
        if merged and "is-active" in action.get("ran", ()) and action["ran"] == merged[-1][1].get("ran"):
            times += 1
            merged[-1] = (merged[-1][0], {**action, "times": times if times < MANY else "many"})
        else:
            times = 1
            merged.append((at, action))
    return merged
