"""What `container start`, `stop` and `wait` write into FEATURE|<name> of STATE_DB: the fields, as the host writes them.

Also imported by the waiter: no dataclasses, no typing at run time.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# The table of STATE_DB with what is ours alone: FEATURE rows carry the host's own fields and no others.
OWN_TABLE = "SYSTEM_SERVICE"
# The row of STATE_DB with the labels that the switch wants on its node, `false` for none; local containers write their
# versions there.
LABELS_ROW = "KUBE_LABELS|SET"


def host_time() -> str:
    """Now, as the host writes `update_time`: local time, whole seconds."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def emptied(row: Mapping[str, str]) -> bool:
    """Whether the row was lost: it has no system_state, or only the word that closes gates after that.

    Whoever stops a feature says when, and whose it was.
    """
    word = row.get("system_state", "")
    return not word or (word != "up" and not row.get("update_time") and not row.get("current_owner"))


def local_up(container: str, now: str, quiet: bool = False) -> dict[str, str]:
    """The row of a feature that the local container of this docker name is to run.

    `quiet`: instead of a pod, or beside one that is frozen. A gate says nothing where it finds `pending` already, so
    that ctrmgrd does not restart the unit for each pod that fails; the owner is what the local container itself writes
    next, because a `pending` that comes together with an owner is a restart too.
    """
    row = {
        "system_state": "up",
        "current_owner": "local",
        "container_id": container,
        "remote_state": "none",
        "update_time": now,
    }
    return row | ({"current_owner": "none", "container_id": "", "remote_state": "pending"} if quiet else {})


def local_down(now: str, remote: str) -> dict[str, str]:
    """The row of a feature that is to run nowhere on this switch, where `remote` is its remote_state.

    A `stopped` that the host's own script has left stays: to ctrmgrd, turned to `none`, it is a reason to start the
    unit again.
    """
    row = {"system_state": "down", "current_owner": "none", "container_id": "", "update_time": now}
    return row | ({} if remote in ("none", "pending", "stopped") else {"remote_state": "none"})
