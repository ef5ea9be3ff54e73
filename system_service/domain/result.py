"""What a command ends with: one object for the table, the JSON and the exit code alike.

What is said of a feature depends on the command and on what could be seen: a record for each, all with `name`,
`changed` and `error`. Which JSON keys they make is known to terminal/envelope.py alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from system_service.errors import SwitchError

if TYPE_CHECKING:
    from system_service.model.feature import Feature, Owner
    from system_service.model.snapshot import InstanceState


class FeatureReport(NamedTuple):
    """A feature as it was seen.

    `status`: a word of docs/commands.md. `since`: RFC 3339 UTC. `version`, `since` and `detail` are "" where there is
    none. `plan`: the steps of a dry run, else None. `warning`: what to know of a change, or "".
    """

    feature: Feature
    owner: Owner
    status: str
    version: str
    since: str
    detail: str
    instances: tuple[InstanceState, ...]
    changed: bool = False
    error: SwitchError | None = None
    plan: tuple[str, ...] | None = None
    warning: str = ""

    @property
    def name(self) -> str:
        return self.feature.name


class Unseen(NamedTuple):
    """A feature of which nothing is seen: what is wanted of it, as far as it has a FEATURE row (else None)."""

    name: str
    feature: Feature | None = None
    changed: bool = False
    error: SwitchError | None = None
    plan: tuple[str, ...] | None = None

    @property
    def detail(self) -> str:
        return str(self.error or "")


class DeadProcess(NamedTuple):
    """A critical process that does not run, in a container that does; `owner`: whose that is."""

    container: str
    owner: Owner
    process: str


class CheckReport(NamedTuple):
    """A feature as `check` judges it.

    `expected`: it should run. `missing`: its containers that do not. `detail`: why, or "".
    """

    feature: Feature
    owner: Owner
    expected: bool
    running: bool
    alarm: bool
    missing: tuple[str, ...]
    missing_processes: tuple[DeadProcess, ...]
    detail: str
    changed: bool = False
    error: SwitchError | None = None

    @property
    def name(self) -> str:
        return self.feature.name


class Explanation(NamedTuple):
    """A feature's report, and sentences on it."""

    report: FeatureReport
    now: tuple[str, ...]
    why: tuple[str, ...]
    next: tuple[str, ...]
    changes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.report.name

    @property
    def changed(self) -> bool:
        return self.report.changed

    @property
    def error(self) -> SwitchError | None:
        return self.report.error


class RowReport(NamedTuple):
    """A feature as the host's own commands show it: fields of its rows, under the databases' names."""

    name: str
    fields: Mapping[str, Any] = MappingProxyType({})
    changed: bool = False
    error: SwitchError | None = None


Report = FeatureReport | Unseen | CheckReport | Explanation | RowReport


class NodeReport(NamedTuple):
    """This switch as a node.

    `server`: of the cluster it has joined, else the configured one, or "". `plan`: the steps of a dry run, else None.
    """

    name: str
    joined: bool
    server: str
    warnings: tuple[str, ...]
    plan: tuple[str, ...] | None = None


class Result(NamedTuple):
    """The outcome of a command over some features, or over the switch; `error` is the first failure, None on success.

    `facts`: rows of the switch's own, by their JSON keys beside `features`. `node`: what it is in a cluster. `steps`:
    what was done to it, or would be. `wrote`: something of these was changed.
    """

    command: str
    reports: tuple[Report, ...] = ()
    dry_run: bool = False
    error: SwitchError | None = None
    facts: Mapping[str, Any] = MappingProxyType({})
    wrote: bool = False
    node: NodeReport | None = None
    steps: tuple[str, ...] | None = None

    @property
    def observed(self) -> list[FeatureReport]:
        """The features that were seen, of those it is about."""
        return [report for report in self.reports if isinstance(report, FeatureReport)]

    @property
    def changed(self) -> bool:
        return self.wrote or any(r.changed for r in self.reports)

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0
