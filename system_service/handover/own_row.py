"""Our own row of a feature, STATE_DB SYSTEM_SERVICE|<name>, as the handover reads it; commands: model/snapshot.py.

Written by many and by strangers too (whoever writes Redis): each field is parsed here, bounded, and nonsense counts as
absent. Seconds are those since boot (model/boot.py), void when `boot` names another boot, and while they are still to
come. A `mark` tells one start of one container: its id and Docker's StartedAt, one word, compared and never read.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEATH_WINDOW = 600.0  # seconds: two deaths within it are too many
FIRST_SETTLE, LONGEST_SETTLE = 60.0, 3600.0
FORGETS = 7200.0  # seconds after which a fall counts no more
LONGEST_PAUSE = 60.0  # seconds between two tries of anything that is tried again

_MOST_MARKS = 8
_ROUNDED = 1.0  # a time that was written with fewer digits than it was read with
_MOST_SECONDS = 1e9  # 31 years
_LONGEST_WORD = 100


class OwnRow:
    """What is noted of a feature. Marks are "" and times 0.0 where nothing is.

    served: the mark of the pod's container that runs it. heard, heard_at: of the one that announced itself last, and
    when that was noticed. answered, answered_at: to whom `ready` was given last. failed: marks of those who may have
    read a `ready` that was taken back. renewed, renewed_at, tries: which container came of the last restart at its
    gate, and how many there were without success. ends, ended_at: when pods' containers ended that had been told to,
    and the last of them. deaths: when others did. fell: when the local container took over from a pod that failed;
    settle: for how long the next pod then waits. displaced: the pod (its uid) whose container had to give way to
    another pod's. made: when the unit was last ended for its script to make the local container. stop: seconds that
    the local container took to stop. version: of the pod that was let in last. reason: why it is not as wanted.
    """

    __slots__ = (
        "answered",
        "answered_at",
        "deaths",
        "displaced",
        "ended_at",
        "ends",
        "failed",
        "fell",
        "heard",
        "heard_at",
        "made",
        "reason",
        "renewed",
        "renewed_at",
        "served",
        "settle",
        "stop",
        "tries",
        "version",
    )

    def __init__(self, row: Mapping[str, str], now: float, boot: str) -> None:
        same = row.get("boot", "") == boot

        def words(field: str) -> list[str]:
            return row.get(field, "")[: 20 * _LONGEST_WORD].split() if same else []

        def mark(field: str) -> str:
            found = "".join(words(field)[:1])[:_LONGEST_WORD]
            return found if "@" in found else ""

        def moment(field: str, at: int) -> float:
            found = seconds("".join(words(field)[at : at + 1]))
            return min(found, now) if found <= now + _ROUNDED else 0.0

        def recent(field: str) -> tuple[float, ...]:
            found = [moment(field, at) for at in range(len(words(field)))]
            return tuple(time for time in found if time and now - time < DEATH_WINDOW)[-_MOST_MARKS:]

        self.served = mark("served")
        self.heard, self.heard_at = mark("heard"), moment("heard", 1)
        self.answered, self.answered_at = mark("answered"), moment("answered", 1)
        self.failed = tuple(words("failed")[-_MOST_MARKS:])
        self.renewed, self.renewed_at = mark("renewed"), moment("renewed", 1)
        self.tries = int(min(seconds("".join(words("renewed")[2:3])), 100.0))
        self.ends = recent("ended")
        self.ended_at = max(self.ends, default=0.0)
        self.deaths = recent("deaths")
        self.made = moment("made", 0)
        self.fell = moment("fell", 0)
        settle = seconds("".join(words("settle")[:1])) if self.fell and now - self.fell < FORGETS else 0.0
        self.settle = min(settle, LONGEST_SETTLE)
        self.displaced = "".join(words("displaced")[:1])[:_LONGEST_WORD]
        self.stop = min(seconds("".join(words("stop")[:1])), 600.0)
        self.version = row.get("version", "")[:_LONGEST_WORD]
        self.reason = row.get("reason", "")

    @property
    def pause(self) -> float:
        """Seconds after a restart at the gate during which there is no other."""
        return min(2.0**self.tries, LONGEST_PAUSE)

    @property
    def settles_at(self) -> float:
        """Until when (seconds since boot) the local container serves after a pod failed; 0.0: none did."""
        return self.fell + self.settle if self.settle else 0.0


def seconds(text: str) -> float:
    """A number of seconds from outside; 0.0 for what is none, is negative, or is no time that a switch can be up."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 < found < _MOST_SECONDS else 0.0


def marks(found: Iterable[str]) -> str:
    """The field that holds these: the last ones, each once."""
    return " ".join(list(dict.fromkeys(found))[-_MOST_MARKS:])
