"""Whether a feature that nobody runs at this moment is on its way from one owner to the other.

Told by the action lock, held for each single step by whoever hands over (the unit's `wait`, or a command): a worker
that has died holds none. And by a time since boot, which the holder notes in the lock's file, or our row has of a gate
that was answered: a worker that hangs is no excuse for ever. No wall clock has a say in it.
"""

from __future__ import annotations

import time

from system_service.domain.switch import Switch
from system_service.handover.action_lock import acting_since
from system_service.handover.own_row import OwnRow
from system_service.handover.view import START_GRACE
from system_service.model.boot import boot_id, uptime
from system_service.model.feature import Mode
from system_service.model.snapshot import FeatureState, InstanceState, Notes

# Seconds that one step may take: ten until a container that does not heed is killed, and Docker's own time.
STEP = 30.0
# Seconds in which whoever is at it takes the next step, and between two looks for that.
_BETWEEN, _POLL = 0.5, 0.05


def in_transit(switch: Switch, feature: FeatureState, instance: InstanceState) -> bool:
    """For an instance that does not run. In legacy mode, and without a trace of a pod, nothing is asked."""
    own, row = feature.own, feature.state_row
    legacy = feature.spec.mode is Mode.LEGACY
    if instance.spec.namespace or row.get("system_state") != "up" or (legacy and not instance.pods and own == Notes()):
        return False
    now = uptime()
    note = OwnRow(own.row, now, boot_id())
    if row.get("remote_state") == "ready" and note.answered_at and now - note.answered_at < START_GRACE:
        return True
    if not instance.pods and not legacy:  # nobody hands over to a pod that is not there
        return False
    deadline = now + _BETWEEN
    while not acting(switch.run_dir, feature.spec.name):
        if uptime() >= deadline:
            return False
        time.sleep(_POLL)
    return True


def acting(run_dir: str, feature: str) -> bool:
    """Whether somebody holds the feature's action lock, and not for too long."""
    since = acting_since(run_dir, feature)
    return since is not None and uptime() - since < STEP
