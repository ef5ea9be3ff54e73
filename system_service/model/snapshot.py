"""Everything known about some features at one moment, immutable. Built by `observe`; read by the planner.

No I/O here. The label and the gate of Kubernetes mode get their fields here when that mode arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

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


@dataclass(frozen=True)
class Container:
    """A container as Docker's list shows it. `id` is the full id; `since` is Docker's own status text."""

    id: str
    name: str
    run: Run
    image: str = ""
    status: str = ""
    health: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


class Active(Enum):
    """systemd's ActiveState."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    FAILED = "failed"
    RELOADING = "reloading"


@dataclass(frozen=True)
class Unit:
    """A unit as `systemctl show` prints it.

    `exists` is false for a unit without a file (LoadState not-found). A masked unit exists. `since` is the last change
    of ActiveState, RFC 3339 UTC, or "".
    """

    name: str
    exists: bool = False
    active: Active = Active.INACTIVE
    sub: str = "dead"
    file_state: str = ""
    result: str = ""
    restarts: int = 0
    since: str = ""

    @property
    def masked(self) -> bool:
        return self.file_state in ("masked", "masked-runtime")


@dataclass(frozen=True)
class Host:
    """What acts beside us: `systemd` runs here; `featured` acts on FEATURE.state; `ctrmgrd` on owners and labels."""

    systemd: bool = False
    featured: bool = False
    ctrmgrd: bool = False


@dataclass(frozen=True)
class Seen:
    """One instance: its local container, and its unit (None: there is none, the engine is driven directly)."""

    instance: Instance
    container: Container | None = None
    unit: Unit | None = None

    @property
    def run(self) -> Run:
        return self.container.run if self.container else Run.ABSENT

    @property
    def owner(self) -> Owner:
        return Owner.LOCAL if self.run in (Run.RUNNING, Run.PAUSED, Run.RESTARTING) else Owner.NONE


@dataclass(frozen=True)
class FeatureSeen:
    """One feature with all its instances; `state_row` is its STATE_DB row, a hint and never the truth."""

    feature: Feature
    seen: tuple[Seen, ...]
    state_row: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """Some features of the switch at one moment. `server` is KUBERNETES_MASTER|SERVER of CONFIG_DB."""

    host: Host
    features: tuple[FeatureSeen, ...]
    server: Mapping[str, str] = field(default_factory=dict)
