"""What may happen to a switch, and the draw of it. Pure: a seed gives the same steps, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from random import Random
from typing import NamedTuple

from sandbox import features, images

NAMES = features.PUBLISHED
MOST = 4  # steps of a bunch


class Kind(Enum):
    """What is done in a step. The value says so."""

    COMMAND = "a command"
    CONTRARY = "contrary commands at once"
    KILLED = "a command that is killed"
    DEPLOY = "a version is deployed"
    ROLLOUT = "its roll-out is restarted"
    MISSING = "an image that is missing is deployed"
    PODS = "its pods are deleted"
    SECOND = "a second DaemonSet of it is deployed"
    LABEL = "the node's label is removed by hand"
    KUBELET = "the kubelet is killed"
    API = "the API server is killed"
    REDIS = "Redis is killed, and its unit starts it again"
    EMPTIED = "STATE_DB is emptied, and the oneshot runs that closes gates"
    DOCKERD = "dockerd is killed"
    DOCKER_KILL = "docker kill of the local container"
    DOCKER_START = "docker start of the local container"
    WAIT = "its `wait` is killed"
    RELOAD = "config reload"


class Step(NamedTuple):
    """One step, `pause` seconds after the one before.

    `names`: the features that it is about; none: the whole switch. `lines`: what is typed, or the version that is
    deployed. `kill`: seconds after which the command is killed. `away`: seconds until what was taken away is back.
    """

    kind: Kind
    pause: float
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    kill: float = 0.0
    away: float = 0.0

    def __str__(self) -> str:
        typed = self.kind in COMMANDS
        told = [] if typed else [*self.names, self.kind.value]
        told += [f"({line})" if not typed else line for line in self.lines[:1]]
        told += [f"| at once: {line}" for line in self.lines[1:]]
        told += [f"| killed after {self.kill:g} s"] if self.kill else []
        told += [f"for {self.away:g} s"] if self.away else []
        return f"+{self.pause:g} s {' '.join(told)}"


Bunch = tuple[Step, ...]

COMMANDS = (Kind.COMMAND, Kind.CONTRARY, Kind.KILLED)
AWAY = (Kind.KUBELET, Kind.API, Kind.DOCKERD, Kind.RELOAD)
"""Somebody has to bring it back."""
STARTS = (Kind.REDIS, Kind.DOCKER_KILL, Kind.WAIT)
"""Each costs a unit one of its three starts in twenty minutes, as it should."""
CLASHES = (
    # Of what is not there nobody can keep it from: a gate that cannot ask Redis opens, and only `wait`, through Docker,
    # could stop who comes through; a local container that a hand has started only `wait` can stop, and has to know
    # from Redis whether it should.
    {Kind.REDIS, Kind.WAIT},
    {Kind.REDIS, Kind.DOCKERD},
    {Kind.EMPTIED, Kind.WAIT},
    {Kind.DOCKER_START, Kind.WAIT},
    {Kind.DOCKER_START, Kind.DOCKERD},
    {Kind.DOCKER_START, Kind.REDIS},
    # Nobody saves a configuration that is just being loaded.
    {Kind.REDIS, Kind.RELOAD},
)
"""What does not happen in one bunch: then even a switch that does all that it can has two owners, or no intent."""

_WEIGHTS = {
    **dict.fromkeys(Kind, 2),
    Kind.COMMAND: 12,
    Kind.CONTRARY: 4,
    Kind.KILLED: 6,
    Kind.DEPLOY: 4,
    Kind.MISSING: 1,
    Kind.DOCKERD: 1,
}
_MODES = ("kubernetes", "kubernetes", "legacy")
_VERBS = ("start", "start", "restart", "restart", "enable", "stop", "disable")
_OPTIONS = ("--timeout 60", "--timeout 60", "--no-wait")
_FALLBACKS = (*("",) * 6, " --fallback", " --no-fallback")
_CONTRARY = (
    ("config feature mode {} kubernetes", "config feature mode {} legacy"),
    ("system service start {}", "system service stop {}"),
    ("system service enable {}", "system service disable {}"),
    ("config feature mode {} kubernetes", "system service stop {}"),
    ("config feature mode {} legacy", "system service restart {}"),
)


def bunches(random: Random) -> Iterator[Bunch]:
    """Bunches of steps without end."""
    while True:
        size = random.randint(1, MOST)
        bunch: Bunch = ()
        while len(bunch) < size:
            kind = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            if _possible(kind, bunch):
                bunch += (_step(kind, random),)
        yield bunch


def _possible(kind: Kind, bunch: Bunch) -> bool:
    kinds = [step.kind for step in bunch]
    if any({kind, other} in CLASHES for other in kinds) or (kind in AWAY and kind in kinds):
        return False
    # A third would be the unit's last start, and a slow one of ours would spend the limit.
    return kind not in STARTS or sum(other in STARTS for other in kinds) < 2


def _step(kind: Kind, random: Random) -> Step:
    names: tuple[str, ...] = (random.choice(NAMES),)
    # Soon enough to meet what the step before has begun, and now and then after it.
    step = Step(kind, round(random.choice((0.0, 0.3, 1.0, 3.0)) + random.random(), 2), names)
    if kind in AWAY:
        return step._replace(names=(), away=round(random.uniform(1, 12), 1))
    if kind in (Kind.REDIS, Kind.EMPTIED):
        return step._replace(names=())
    if kind is Kind.DEPLOY or kind is Kind.SECOND:
        return step._replace(lines=(random.choice(images.PUBLISHED),))
    if kind not in COMMANDS:
        return step
    if random.random() < 0.15:
        names = tuple(random.sample(NAMES, len(NAMES)))
    return _typed(kind, step._replace(names=names), random)


def _typed(kind: Kind, step: Step, random: Random) -> Step:
    words = " ".join(step.names)
    if kind is Kind.CONTRARY:
        pair = [line.format(words) + " --timeout 60" for line in random.choice(_CONTRARY)]
        random.shuffle(pair)
        return step._replace(lines=tuple(pair))
    make: Callable[[str, Random], str] = random.choice((_mode, _service))
    kill = round(random.uniform(0.1, 4), 2) if kind is Kind.KILLED else 0.0
    return step._replace(lines=(make(words, random),), kill=kill)


def _mode(words: str, random: Random) -> str:
    mode = random.choice(_MODES)
    fallback = random.choice(_FALLBACKS) if mode == "kubernetes" else ""
    return f"config feature mode {words} {mode} {random.choice(_OPTIONS)}{fallback}"


def _service(words: str, random: Random) -> str:
    return f"system service {random.choice(_VERBS)} {words} {random.choice(_OPTIONS)}"


class Event(NamedTuple):
    """`at` seconds after the bunch's begin: a step is taken, or what it took away comes `back`."""

    at: float
    step: Step
    back: bool = False


def timeline(bunch: Bunch) -> list[Event]:
    """What happens when. What is back only after the last step is left to who settles."""
    at, events = 0.0, []
    for step in bunch:
        at += step.pause
        events += [Event(at, step), Event(at + step.away, step, back=True)] if step.away else [Event(at, step)]
    return sorted((event for event in events if event.at <= at), key=lambda event: event.at)
