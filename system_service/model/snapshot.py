"""Everything known about some features at one moment, immutable. Built by `observe`; read by the planner.

No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from system_service.errors import SwitchError
from system_service.model.clock import number
from system_service.model.feature import Feature, Instance, Owner

_LONGEST_REASON = 200  # letters


class Run(Enum):
    """What Docker says of a container; ABSENT: there is none of that name."""

    ABSENT = "absent"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"

    @property
    def live(self) -> bool:
        """Whether its processes are there, or about to be there again."""
        return self in (Run.RUNNING, Run.PAUSED, Run.RESTARTING)


class Container(NamedTuple):
    """A container as Docker's list shows it. `id` is the full id; `status` is Docker's own text."""

    id: str
    name: str
    run: Run
    image: str = ""
    status: str = ""
    health: str = ""
    labels: Mapping[str, str] = MappingProxyType({})


class Active(Enum):
    """systemd's ActiveState."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    FAILED = "failed"
    RELOADING = "reloading"


class Unit(NamedTuple):
    """A unit as `systemctl show` prints it.

    `exists` is false for a unit without a file (LoadState not-found). A masked unit exists. `since` is the last change
    of ActiveState, RFC 3339 UTC, or "". `stale`: its file has changed since systemd read it.
    """

    name: str
    exists: bool = False
    active: Active = Active.INACTIVE
    sub: str = "dead"
    file_state: str = ""
    result: str = ""
    restarts: int = 0
    since: str = ""
    stale: bool = False

    @property
    def masked(self) -> bool:
        return self.file_state in ("masked", "masked-runtime")

    @property
    def words(self) -> str:
        """Its state as systemd's own tools show it: `inactive (dead)`."""
        return f"{self.active.value} ({self.sub})"

    @property
    def in_auto_restart(self) -> bool:
        """Whether it has ended, and systemd starts it again after its RestartSec."""
        return self.sub == "auto-restart"


class Host(NamedTuple):
    """What acts beside us: `systemd` runs here; `featured` acts on FEATURE.state; `ctrmgrd` on owners and labels."""

    systemd: bool = False
    featured: bool = False
    ctrmgrd: bool = False


class InstanceState(NamedTuple):
    """One instance: its local container, and its unit (None: there is none, Docker is driven directly).

    `pods`: the running containers that Kubernetes made for it; `serving` the one of them that runs the feature, past
    its gate.
    """

    spec: Instance
    container: Container | None = None
    unit: Unit | None = None
    pods: tuple[Container, ...] = ()
    serving: Container | None = None

    @property
    def run(self) -> Run:
        return self.container.run if self.container else Run.ABSENT

    @property
    def runs(self) -> bool:
        """Whether the feature runs here, whoever runs it."""
        return self.run is Run.RUNNING or self.serving is not None

    @property
    def owner(self) -> Owner:
        if self.run.live:
            return Owner.LOCAL
        return Owner.KUBE if self.serving is not None else Owner.NONE


class Notes(NamedTuple):
    """Our own row of a feature, STATE_DB SYSTEM_SERVICE|<name>, as commands read it.

    Written by many, and by strangers too: nothing here fails for what a row holds. Times are Unix time, to be shown;
    0.0: not noted. `reason`: why the feature is not as wanted, as a line that a terminal can show; `since`: since when.
    `cluster`: the last reason that the API server gave. `taker`, `taken`: the owner that runs it, and since when.
    `served`: the mark of the pod's container that runs it. `want`: whether the node's label is to be there; `label`:
    whether the API server has it; None: not noted. `todo`: what of an installation is unfinished, as root's note has it
    (the row, which whoever writes to Redis can write, has no say in it). `row`: all of it, for handover/own_row.py.
    """

    reason: str = ""
    since: float = 0.0
    cluster: str = ""
    taker: str = ""
    taken: float = 0.0
    served: str = ""
    want: str | None = None
    label: str | None = None
    todo: str = ""
    row: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Notes:
        if not row:
            return cls()
        taker, _, taken = row.get("took", "").partition(" ")
        reason = row.get("reason", "")[:_LONGEST_REASON]
        return cls(
            reason="".join(letter if letter.isprintable() else "?" for letter in reason),
            since=number(row.get("since", "")),
            cluster=row.get("cluster", ""),
            taker=taker,
            taken=number(taken),
            served=row.get("served", ""),
            want=row.get("want"),
            label=row.get("label"),
            row=row,
        )

    def took(self, owner: Owner) -> float:
        """Since when (Unix time, to be shown) this owner runs it; 0.0 where that is not noted of this one."""
        return self.taken if self.taker == owner.value else 0.0

    @property
    def fell(self) -> bool:
        """Whether the local container may have taken over from a pod that failed, and another has to wait for that."""
        return bool(self.row.get("fell") and self.row.get("settle"))

    @property
    def died(self) -> bool:
        """Whether a pod's container that ran it may have ended of late, and not because it was told to."""
        return bool(self.row.get("deaths"))


class FeatureState(NamedTuple):
    """One feature with all its instances.

    `state_row` is its STATE_DB row, a hint and never the truth; `own` is our own row beside it.
    `kube_only`: nothing on this switch could run it; it has no image here, and no unit but ours. `bare`: it has a unit
    of the switch's, and yet neither a container nor the image from which that unit's script would make one.
    """

    spec: Feature
    instances: tuple[InstanceState, ...]
    state_row: Mapping[str, str] = MappingProxyType({})
    own: Notes = Notes()
    kube_only: bool = False
    bare: bool = False

    @property
    def owner(self) -> Owner:
        """Who runs it: local where any instance does."""
        owners = {instance.owner for instance in self.instances}
        return next((owner for owner in (Owner.LOCAL, Owner.KUBE) if owner in owners), Owner.NONE)


class Node(NamedTuple):
    """This switch's node object in the API server."""

    labels: Mapping[str, str] = MappingProxyType({})
    ready: bool = False


class Snapshot(NamedTuple):
    """Some features of the switch at one moment. `server` is KUBERNETES_MASTER|SERVER of CONFIG_DB.

    `node`: where the cluster was asked, this switch's node, or the error with which that failed.
    """

    host: Host
    features: tuple[FeatureState, ...]
    server: Mapping[str, str] = MappingProxyType({})
    node: Node | SwitchError | None = None
