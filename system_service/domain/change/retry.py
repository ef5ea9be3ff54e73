"""Asking again for what could not be done: later each time, at moments that no two switches share.

systemd of many a switch can only pause for as long each time. Ten thousand of them that ask every 15 s are what an API
server meets when it comes back.
"""

from __future__ import annotations

import os
import random

from system_service.backends import files
from system_service.backends.trigger import TRIGGER
from system_service.backends.units import Units
from system_service.errors import SwitchError
from system_service.model.boot import uptime
from system_service.model.clock import number
from system_service.model.naming import run_dir

UNIT = "sonic-system-service-again"
"""The timer, made each time and gone once it has elapsed."""
# Seconds, before they are spread: half as much again, and what a try itself takes, is less than five minutes. Then all
# of a fleet are served in five minutes once the API server is back, and a thousand of them are six a second.
FIRST, LONGEST = 15.0, 180.0
_MOST_ASKED = 3600.0  # seconds that a server may ask to be left alone
_TRIES = "sync.tries"
ARMED = 75
"""The exit code of what failed and will be tried again: the one failure that the unit takes for a success."""


def again(error: SwitchError | None) -> None:
    """Have the oneshot run once more after this error; with none, begin from the start next time.

    The error's exit code is ARMED from then on. Raises what systemd's `run_later` does, with a code that is not: then
    the unit's own rule is left.
    """
    seconds = due(run_dir(), error, random.random())  # noqa: S311 - it spreads, and hides nothing
    if error is None or seconds is None:
        return
    Units().run_later(UNIT, seconds, ["touch", "--no-dereference", os.path.join(run_dir(), TRIGGER)])
    error.exit_code = ARMED


def due(run_dir: str, error: SwitchError | None, chance: float) -> float | None:
    """Seconds until the next try after this error; None after a success.

    Counted is what fails when it is due, and begins anew after a success.
    """
    path = os.path.join(run_dir, _TRIES)
    if error is None:
        files.remove(path)
        return None
    tries, planned = _noted(path)
    now, asked = uptime(), getattr(error, "after", 0.0)
    if now + 1.0 < planned <= now + 1.5 * _MOST_ASKED:
        # Somebody has asked in between, as many do at once: that puts off nothing.
        return max(planned - now, spread(0.0, asked, chance))
    seconds = pause(tries, asked, chance)
    files.put(path, f"{tries + 1} {now + seconds:.0f}\n", 0o600)
    return seconds


def pause(tries: int, asked: float, chance: float) -> float:
    """Seconds until the next try, after so many; `asked`: those for which the server wants to be left alone.

    `chance` (0 to 1) spreads it.
    """
    return spread(min(LONGEST, FIRST * 2.0 ** min(tries, 16)), asked, chance)


def spread(seconds: float, asked: float, chance: float) -> float:
    """From half of these seconds to half as much again, and not before the server wants to be asked."""
    # Nobody is to be the first of all to come back.
    return max(seconds * (0.5 + chance), min(asked, _MOST_ASKED) * (1.0 + chance / 2))


def _noted(path: str) -> tuple[int, float]:
    """How many tries there were, and when (seconds since boot) the next one is due."""
    tries, _, moment = files.read(path).partition(" ")
    usable = tries.isascii() and tries.isdigit() and len(tries) < 6
    return int(tries) if usable else 0, number(moment.strip())
