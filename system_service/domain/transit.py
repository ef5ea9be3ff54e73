"""Whether a feature that nobody runs at this moment is on its way from one owner to the other.

Told by two things. The action lock, held for each single step by whoever hands over (the unit's `wait`, or a command):
a worker that has died holds none. And a time, noted in our row or by Docker, that bounds it: a worker that hangs is no
excuse for ever, and between two steps nobody holds the lock for a moment.
"""

from __future__ import annotations

import fcntl
import os

from system_service.domain.switch import Switch
from system_service.errors import UnknownFeature
from system_service.handover.view import START_GRACE
from system_service.model.clock import docker_time, number
from system_service.model.feature import Mode
from system_service.model.snapshot import FeatureSeen, Seen

# Seconds that one step may take: ten until a container that does not heed is killed, and Docker's own time.
STEP = 30.0
# Seconds between two steps, in which nobody holds the lock.
PAUSE = 5.0


def in_transit(switch: Switch, wanted: FeatureSeen, seen: Seen, now: float) -> bool:
    """For an instance that does not run; `now` is Unix time. Asks Docker when that began; in legacy mode nobody."""
    own, row = wanted.own, wanted.state_row
    legacy = wanted.feature.mode is Mode.LEGACY
    if seen.instance.namespace or row.get("system_state") != "up" or (legacy and not seen.pods and not own):
        return False
    answered = number(own.get("answered", "").partition(" ")[2])
    if row.get("remote_state") == "ready" and now - answered < START_GRACE:
        return True
    began = max(answered, number("".join(own.get("renewed", "").split()[1:2])))
    if legacy:
        began = max([began, *(_when(switch, pod.id, "StartedAt") for pod in seen.pods)])
    elif seen.pods and seen.container:
        began = max(began, _when(switch, seen.container.id, "FinishedAt"))
    return now - began < (STEP if acting(switch.run_dir, wanted.feature.name) else PAUSE)


def acting(run_dir: str, feature: str) -> bool:
    """Whether somebody holds the feature's action lock. It is tried, shared and for an instant: nobody waits for us."""
    try:
        handle = os.open(os.path.join(run_dir, f"{feature}.action"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # never taken yet, or not ours to see
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _when(switch: Switch, id: str, moment: str) -> float:
    """StartedAt or FinishedAt of a container, as Unix time; 0.0 when it is gone."""
    try:
        state = switch.engine.inspect(id).get("State")
    except UnknownFeature:
        return 0.0
    return docker_time(str(state.get(moment))) if isinstance(state, dict) else 0.0
