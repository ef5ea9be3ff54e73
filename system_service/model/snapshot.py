"""Everything known about some features at one moment, immutable. Built by `observe`; read by the planner.

No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from system_service.errors import SwitchError
from system_service.model.feature import Feature, Instance, Owner


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


class Host(NamedTuple):
    """What acts beside us: `systemd` runs here; `featured` acts on FEATURE.state; `ctrmgrd` on owners and labels."""

    systemd: bool = False
    featured: bool = False
    ctrmgrd: bool = False


class Seen(NamedTuple):
    """One instance: its local container, and its unit (None: there is none, Docker is driven directly).

    `pods`: the running containers that Kubernetes made for it; `serving` the one of them that runs the feature, past
    its gate.
    """

    instance: Instance
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
        if self.run in (Run.RUNNING, Run.PAUSED, Run.RESTARTING):
            return Owner.LOCAL
        return Owner.KUBE if self.serving is not None else Owner.NONE


class FeatureSeen(NamedTuple):
    """One feature with all its instances.

    `state_row` is its STATE_DB row, a hint and never the truth; `own` is our own row beside it (handover/rows.py).
    `kube_only`: nothing on this switch could run it; it has no image here, and no unit but ours. `bare`: it has a unit
    of the switch's, and yet neither a container nor the image from which that unit's script would make one.
    """

    feature: Feature
    seen: tuple[Seen, ...]
    state_row: Mapping[str, str] = MappingProxyType({})
    own: Mapping[str, str] = MappingProxyType({})
    kube_only: bool = False
    bare: bool = False

    @property
    def owner(self) -> Owner:
        """Who runs it: local where any instance does."""
        owners = {seen.owner for seen in self.seen}
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
    features: tuple[FeatureSeen, ...]
    server: Mapping[str, str] = MappingProxyType({})
    node: Node | SwitchError | None = None
