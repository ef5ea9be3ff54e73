"""Plays recorded cases of ctrmgrd with the sandbox's stand-in: a real Redis, programs that note their call and answer.

Time is the recording's: the stand-in asks for it, and whatever it waits for comes at once.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, Final, NamedTuple

from tests.recordings.ctrmgrd_host import Host, make_certificate
from tests.recordings.database import Database
from tests.recordings.replay import Case, Difference, Replayer, compare

Action = dict[str, Any]

TABLES: Final = ("FEATURE|", "KUBERNETES_MASTER|", "KUBE_LABELS|")
LATER: Final = 6.0
"""Seconds by which an action may come later here than in a recording before it counts as missing."""
APART: Final = 2.4
"""Seconds by which a pause between two actions may differ; a recording has the machine's slowness in it."""
TAIL: Final = 2.5
"""Seconds after the last action in which nothing more may be done."""
PASSES: Final = "time passes"


class Player(Replayer):
    """The stand-in for ctrmgrd."""

    together = 4
    compared = frozenset({"steps", "daemon", "exit_code", "node_labels_after", "rows_after"})
    left_out = {  # noqa: RUF012 - as in Replayer
        "syslog": "its words are the daemon's own; what they tell of is in the steps",
        "stderr_last_line": "Python's words for a lost connection",
        "traceback": "Python's words for a lost connection",
    }

    def __enter__(self) -> Player:
        self._folder = tempfile.TemporaryDirectory(prefix="ctr")
        self._certificate = make_certificate(self._folder.name)
        self._database = Database(os.path.join(self._folder.name, "redis"))
        return self

    def __exit__(self, *about: object) -> None:
        self._database.__exit__(*about)
        self._folder.cleanup()

    def replay(self, case: Case) -> list[Difference]:
        """What differs from case["result"]. Unplayable: the case asks for something unknown.

        Just when an event came a recording does not say: as soon as the one before it was done with, or, where that is
        not what was recorded, as something else was about to be due.
        """
        found = self._played(case, False)
        if found and any(event.get("fixed") for event in case.get("events", ())):
            return self._played(case, True) and found
        return found

    def _played(self, case: Case, before_due: bool) -> list[Difference]:
        result = case["result"]
        steps = _steps(case)
        self._database.revive()
        with (
            tempfile.TemporaryDirectory(prefix="ctr") as folder,
            Host(case, self._database, folder, self._certificate) as host,
        ):
            found = []
            for number, step in enumerate(steps):
                if before_due and number:
                    host.pass_until_nearly_due()
                begun = host.happens(step.events)
                last = step is steps[-1]
                here = _acted(host, step.actions, begun, last)
                if last:
                    here = _cut(step.actions, here, result["syslog"])
                found += _compared(f"steps[{number}]", step, here)
            if (result["daemon"] == "ended") != host.ended:
                found.append(Difference("daemon", result["daemon"], "ended" if host.ended else "runs on"))
            if "exit_code" in result:
                found += compare("exit_code", result["exit_code"], host.exit_code())
            if "node_labels_after" in result:
                found += compare("node_labels_after", result["node_labels_after"], host.labels)
            if "rows_after" in result:
                rows = self._database.rows("STATE_DB")
                shown = {key: row for key, row in rows.items() if key.startswith(TABLES)}
                found += compare("rows_after", result["rows_after"], shown)
        return found


class Step(NamedTuple):
    """`events`: what happens. `actions`: what was recorded then. `hurried`: one came without waiting for rest.

    `starts`: the event is the daemon's start.
    """

    events: list[dict[str, Any]]
    actions: list[Action]
    hurried: bool
    starts: bool


def _steps(case: Case) -> list[Step]:
    """Time that passed is no step."""
    events = iter(case.get("events", ()))
    steps: list[Step] = []
    hurried = False
    for step in case["result"]["steps"]:
        if step["event"] == PASSES:
            # Where the recorder cut is chance: the first action's time is not counted from a known moment.
            steps[-1].actions.extend(action | ({} if n else {"cut": True}) for n, action in enumerate(step["actions"]))
        else:
            event = next(events) if steps else {"do": []}
            steps.append(Step(event["do"], list(step["actions"]), hurried, not steps))
            hurried = hurried or event.get("fixed", False)
    return steps


def _acted(host: Host, recorded: list[Action], begun: float, last: bool) -> list[Action]:
    """What the stand-in does until it has done as much as was recorded, or rests for longer."""
    host.actions = []
    host.act()
    while not host.ended and len(host.actions) < len(recorded):
        following = recorded[len(host.actions)]
        latest = begun + max(action["after_s"] for action in recorded) + following["after_s"] + LATER
        if host.due is None or host.due > latest:
            break
        host.let_pass()
        host.act()
    if last and len(host.actions) == len(recorded):
        until = host.now + TAIL
        while not host.ended and host.due is not None and host.due <= until:
            host.let_pass()
            host.act()
    return host.actions


def _cut(recorded: list[Action], here: list[Action], syslog: list[str]) -> list[Action]:
    """Without what is tried again for ever: a recording of that was cut at some time."""
    theirs, ours = _bare(recorded), _bare(here)
    extra = ours[len(theirs) :]
    goes_on = extra and not compare("", theirs, ours[: len(theirs)]) and _failed(theirs, extra, syslog)
    return here[: len(theirs)] if goes_on else here


def _compared(part: str, step: Step, here: list[Action]) -> list[Difference]:
    theirs, ours = _bare(step.actions), _bare(here)
    if not compare(part, theirs, ours):
        return _paced(part, step, here)
    found = []
    names = list(dict.fromkeys(_concern(action) for action in (*theirs, *ours)))
    for name in names:
        one, other = ([action for action in actions if _concern(action) == name] for actions in (theirs, ours))
        if name == LABELS:
            one, other = _labelled(one), _labelled(other)
        found += compare(f"{part}.{name}", one, other)
    return found


def _failed(recorded: list[Action], extra: list[Action], syslog: list[str]) -> bool:
    """Whether `extra` is once more what failed, again and again, until the recording ended."""
    rounds = 0
    while recorded and not compare("", recorded[-len(extra) :], extra):
        recorded = recorded[: -len(extra)]
        rounds += 1
    return 0 < rounds <= sum(line.startswith("err ") for line in syslog)


def _bare(actions: list[Action]) -> list[Action]:
    """Without their times."""
    return [{key: action[key] for key in ("ran", "wrote") if key in action} for action in actions]


LABELS: Final = "labels"


def _concern(action: Action) -> str:
    """What an action is about: a feature's unit, the node's labels, the server, an image.

    One concern's actions have an order; that of two is chance, as that of messages about rows of two tables is.
    """
    if "wrote" in action:
        key, fields = action["wrote"]["key"], action["wrote"]["set"]
        if key.startswith("FEATURE|"):
            return "images"
        name = next(iter(fields)) if len(fields) == 1 else ""
        return name.removesuffix("_enabled") if name.endswith("_enabled") else "server"
    program, *words = action["ran"]
    if program == "systemctl" and words[-1] != "kubelet":
        return words[-1]
    if program == "docker":
        return "images"
    return LABELS if "--show-labels" in words or "label" in words else "server"


def _labelled(actions: list[Action]) -> list[Any]:
    """Calls about labels: how often they were read, and every change in its order.

    How many changes of the row one call sends depends on when it comes.
    """
    read = [action["ran"] for action in actions if "get" in action["ran"]]
    changed = [word for action in actions if "get" not in action["ran"] for word in action["ran"][7:]]
    return [*read, *changed]


def _paced(part: str, step: Step, here: list[Action]) -> list[Difference]:
    """What came too early or too late, by the pause before it.

    After a hurried event it may have been due earlier than here, where that event took no time. When the daemon started
    a recording does not say; but what came only when the recorder had waited for rest in vain was not due at once.
    """
    found = []
    before = theirs = 0.0
    least = -LATER if step.hurried else -1
    for number, (recorded, action) in enumerate(zip(step.actions, here, strict=True)):
        pause, ours = recorded["after_s"] - theirs, action["after_s"] - before
        theirs, before = recorded["after_s"], action["after_s"]
        wrong = not number and ours < 1 if recorded.get("cut") else not least <= pause - ours <= APART
        if wrong and (number or not step.starts or recorded.get("cut")):
            place = f"{part}.actions[{number}].after_s"
            found.append(Difference(place, f"{pause:.1f} s later", f"{ours:.1f} s later"))
    return found
