"""Puts recorded cases to what plays the recorded program here, and tells what differs."""

from __future__ import annotations

import json
import queue
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

Case = dict[str, Any]

PLAYED: Final = {
    "container_startup.py": "gate",
    "ctrmgrd.py": "ctrmgrd",
    "container": "container",
    "featured": "featured",
    "container_checker and service_checker.py": "checkers",
}
"""`program` of a recording, or how it begins, to the module here whose `Player` plays it."""

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class Unplayable(Exception):
    """What a recording asks for is not known here: its program, an event, a form of something."""


class Difference(NamedTuple):
    """`part`: where in the result, such as `writes[1].set.remote_state`."""

    part: str
    recorded: Any
    here: Any

    def __str__(self) -> str:
        return f"{self.part}: recorded {short(self.recorded)}, here {short(self.here)}"


class Deliberate(NamedTuple):
    """A difference that is meant. `applies` looks at a case's inputs alone; `parts` are the parts that may differ."""

    applies: Callable[[Case], bool]
    parts: tuple[str, ...]
    reason: str

    def excuses(self, case: Case, difference: Difference) -> bool:
        """Whether this difference is the one that is meant."""
        part = re.split(r"[.\[]", difference.part)[0]
        return part in self.parts and self.applies(case)


class Replayer:
    """Plays one program. An instance works at one case at a time, `together` of them side by side, each in a thread.

    Every key of a result is either in `compared` or, with the reason, in `left_out`.
    """

    together = 1
    compared: frozenset[str] = frozenset()
    left_out: dict[str, str] = {}  # noqa: RUF012 - each class has its own
    deliberate: tuple[Deliberate, ...] = ()

    def replay(self, case: Case) -> list[Difference]:
        """What differs from case["result"]. Unplayable: the case asks for something unknown."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what it keeps between cases, such as a server."""


class Outcome(NamedTuple):
    """What became of one case. `reasons`: of the differences that are meant."""

    case: Case
    differences: list[Difference]
    reasons: list[str]

    def __str__(self) -> str:
        case = self.case
        head = f"{case['id']} ({case['group']}: {case['name']})"
        told = [*map(str, self.differences), *(f"meant: {reason}" for reason in self.reasons)]
        return "\n    ".join([head, *told])


def load(path: str) -> dict[str, Any]:
    """A recording. Unplayable: the file is no such thing. OSError: it cannot be read."""
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)
        except ValueError as error:
            raise Unplayable(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or not {"program", "cases"} <= found.keys():
        raise Unplayable(f"{path} is no recording: it has no `program` and `cases`")
    return found


def player(program: str) -> type[Replayer]:
    """What plays `program`. Unplayable: nothing does."""
    name = next((module for played, module in PLAYED.items() if f"{program} ".startswith(f"{played} ")), None)
    if name is None:
        raise Unplayable(f"nothing here plays {program!r}")
    try:
        module = import_module(f"tests.recordings.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"tests.recordings.{name}":
            raise
        raise Unplayable(f"nothing here plays {program!r} yet") from error
    return module.Player  # type: ignore[no-any-return]


def replay(recording: dict[str, Any]) -> Iterator[Outcome]:
    """The outcome of every case, in the recording's order. Unplayable: nothing plays its program."""
    kind = player(recording["program"])
    free: queue.SimpleQueue[Replayer] = queue.SimpleQueue()

    def one(case: Case) -> Outcome:
        replayer = free.get()
        try:
            return judged(replayer, case)
        finally:
            free.put(replayer)

    replayers = [kind() for _ in range(kind.together)]
    try:
        for replayer in replayers:
            free.put(replayer.__enter__())
        with ThreadPoolExecutor(kind.together) as pool:
            yield from pool.map(one, recording["cases"])
    finally:
        for replayer in replayers:
            replayer.__exit__(None, None, None)


def judged(replayer: Replayer, case: Case) -> Outcome:
    """Play a case and separate what is meant from what is not."""
    unknown = case["result"].keys() - replayer.compared - replayer.left_out.keys()
    found = [Difference(key, case["result"][key], "not looked at") for key in sorted(unknown)]
    try:
        found += replayer.replay(case)
    except Unplayable as error:
        found.append(Difference("case", "can be played", str(error)))
    except Exception as error:  # noqa: BLE001 - a case of a shape that nobody thought of must not hide the others
        found.append(Difference("case", "can be played", f"{type(error).__name__}: {error}"))
    meant = {n: d for n, d in enumerate(found) for rule in replayer.deliberate if rule.excuses(case, d)}
    reasons = [rule.reason for rule in replayer.deliberate if any(rule.excuses(case, d) for d in meant.values())]
    return Outcome(case, [d for n, d in enumerate(found) if n not in meant], reasons)


def compare(part: str, recorded: Any, here: Any) -> list[Difference]:
    """Every place in which two values differ, named from `part` on. Times of day are equal to each other and to <now>.

    Of two lists of different lengths only the first place is told: what follows is shifted.
    """
    if isinstance(recorded, dict) and isinstance(here, dict):
        keys = [*recorded, *(key for key in here if key not in recorded)]
        return [d for key in keys for d in compare(f"{part}.{key}", recorded.get(key), here.get(key))]
    if isinstance(recorded, list) and isinstance(here, list):
        for n, (one, other) in enumerate(zip(recorded, here, strict=False)):
            found = compare(f"{part}[{n}]", one, other)
            if found:
                return found
        n = min(len(recorded), len(here))
        if len(recorded) == len(here):
            return []
        return [
            Difference(f"{part}[{n}]", recorded[n] if n < len(recorded) else None, here[n] if n < len(here) else None)
        ]
    if isinstance(recorded, str) and isinstance(here, str):
        recorded, here = STAMP.sub("<now>", recorded), STAMP.sub("<now>", here)
    return [] if recorded == here and type(recorded) is type(here) else [Difference(part, recorded, here)]


def short(value: Any, most: int = 160) -> str:
    """A value in at most `most` characters, for a line of the report."""
    text = json.dumps(value, ensure_ascii=False, default=str) if value is not None else "nothing"
    return text if len(text) <= most else f"{text[: most - 1]}…"
