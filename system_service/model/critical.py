"""Critical processes: which ones a container's supervisord must run, and which of them do not. Pure, no I/O.

The list is the image's own, /etc/supervisor/critical_processes, with a line `program:NAME` or `group:NAME` each. What
runs is told by the host's ps: supervisord gives each program its name in the environment, and makes it the leader of a
process group. A program that writes its title over that (redis-server, lldpd) is known by the title.

Also imported by the waiter: no typing at run time.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FOLDER = "/etc/supervisor"
LIST = "critical_processes"
COLUMNS = "pid,ppid,pgid,s,etimes,args"

_LINE = re.compile(r"(program|group):([!-~]{1,100})")
_PROGRAM, _GROUP = "SUPERVISOR_PROCESS_NAME=", "SUPERVISOR_GROUP_NAME="
_ENDED = "ZX"
_STEM = re.compile(r"[A-Za-z0-9]+")
# A program, or an interpreter and its script, or `env`, an interpreter and a script.
_TITLE = 3


class Program:
    """A living program of supervisord's. `name` and `group` are "" where it wrote over them; then `title` tells."""

    __slots__ = ("group", "name", "title")

    def __init__(self, name: str, group: str, title: tuple[str, ...]) -> None:
        self.name = name
        self.group = group
        self.title = title

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and (self.name, self.group, self.title) == (
            other.name,
            other.group,
            other.title,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.group, self.title))


class Processes:
    """A container's processes: its first one's `pid` (as the host counts) and age (seconds), and `programs`."""

    __slots__ = ("age", "pid", "programs")

    def __init__(self, pid: str, age: float, programs: tuple[Program, ...]) -> None:
        self.pid = pid
        self.age = age
        self.programs = programs


def parse_list(text: str, configurations: Iterable[str] = ()) -> tuple[str, ...]:
    """The critical processes as `program:NAME`. A group is given by its programs, as supervisord's configurations say.

    A group that none of them names stays `group:NAME`. Lines that are none are left out.
    """
    found: dict[str, None] = {}
    configurations = tuple(configurations)
    groups: Mapping[str, tuple[str, ...]] | None = None
    for line in text.splitlines():
        if not (match := _LINE.fullmatch(line.strip())):
            continue
        kind, name = match.groups()
        if kind == "program":
            found[f"program:{name}"] = None
            continue
        groups = (_groups(configurations) if configurations else {}) if groups is None else groups
        found |= dict.fromkeys([f"program:{p}" for p in groups[name]] if name in groups else [f"group:{name}"])
    return tuple(found)


def processes(rows: Sequence[Sequence[str]]) -> Processes | None:
    """What Docker's top shows for COLUMNS; None when nothing lives there."""
    living = [row for row in rows if len(row) == COLUMNS.count(",") + 1 and row[3][:1] not in _ENDED]
    pids = {row[0] for row in living}
    # `docker exec` has a parent outside as well: the container's own first process is older.
    first = max((row for row in living if row[1] not in pids), key=lambda row: _seconds(row[4]), default=None)
    if first is None:
        return None
    fathers = {row[0] for row in living if "supervisord" in [_word(word) for word in row[5].split()[:_TITLE]]}
    # An orphan is supervisord's child as well, but in the group of the one that has died.
    ours = [row for row in living if not fathers or (row[1] in fathers and row[0] == row[2])]
    return Processes(first[0], _seconds(first[4]), tuple(_program(row[5]) for row in ours))


def missing(critical: Sequence[str], programs: Sequence[Program]) -> tuple[str, ...]:
    """The names of those in `critical` that do not run, in its order."""
    names, groups = {program.name for program in programs}, {program.group for program in programs}
    left = [
        (kind, name)
        for kind, _, name in (word.partition(":") for word in critical)
        if name not in (names if kind == "program" else groups)
    ]
    titles = [program.title for program in programs if not program.name]
    # Each untold one is one program; those that bear its very name come first.
    for alike in (str, _stem):
        for entry in list(left):
            title = next((title for title in titles if alike(entry[1]) in map(alike, title)), None)
            if title is not None:
                left.remove(entry)
                titles.remove(title)
    return tuple(name for _, name in left)


def _program(args: str) -> Program:
    words = args.split()
    values = {}
    for mark in (_PROGRAM, _GROUP):
        # The environment comes last: whatever the command line itself says is no match for it.
        values[mark] = next((word.removeprefix(mark) for word in reversed(words) if word.startswith(mark)), "")
    return Program(values[_PROGRAM], values[_GROUP], tuple(_word(word) for word in words[:_TITLE] if "=" not in word))


def _word(word: str) -> str:
    return word.rpartition("/")[2].rstrip(":").removesuffix(".sh").removesuffix(".py")


def _stem(name: str) -> str:
    """`redis` of redis-server and of redis_bmp."""
    found = _STEM.match(name)
    return found[0] if found else name


def _groups(configurations: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Group -> its programs. A program that is in no group is one by itself."""
    from configparser import Error, RawConfigParser  # once in a container's life

    found: dict[str, tuple[str, ...]] = {}
    for text in configurations:
        parser = RawConfigParser(strict=False, inline_comment_prefixes=(";",), allow_no_value=True)
        try:
            parser.read_string(text)
        except Error:
            continue
        for section in parser.sections():
            kind, _, name = section.partition(":")
            if kind == "group":
                programs = (parser.get(section, "programs", fallback="") or "").replace("\n", ",").split(",")
                found[name] = tuple(program.strip() for program in programs if program.strip())
            elif kind == "program":
                found.setdefault(name, (name,))
    return found


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0.0
