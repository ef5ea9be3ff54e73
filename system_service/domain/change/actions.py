"""What a plan is made of: single steps, each safe to repeat, each with its own sentence. Carried out by `execute`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from system_service.errors import SwitchError


class Kind(Enum):
    """One step. The value is its sentence, in the imperative, for `--dry-run`, progress and the audit log."""

    WRITE = "write {fields} to CONFIG_DB FEATURE|{target}"
    UNMASK = "unmask {target}"
    ENABLE = "enable {target}"
    DISABLE = "disable {target}"
    MASK = "mask {target}"
    RESET_FAILED = "forget earlier failures of {target}"
    START_UNIT = "start {target}"
    STOP_UNIT = "stop {target}"
    RESTART_UNIT = "restart {target}"
    START_CONTAINER = "start container {target}"
    STOP_CONTAINER = "stop container {target}"
    RESTART_CONTAINER = "restart container {target}"
    UNPAUSE_CONTAINER = "unpause container {target}"
    WRITE_UNIT = "write the unit {target}"
    REMOVE_UNIT = "remove the unit {target}"
    RELOAD = "have systemd read the unit {target} anew"
    ADD = "add {fields} to CONFIG_DB FEATURE|{target}"
    FORGET = "remove the rows of {target}"
    LABEL = "set {fields} on this switch's node"
    KEEP = "hand {target} over"
    CLOSE = "close the gate of {target}"
    AWAIT_FEATURED = "let featured act on {fields} of {target}"
    AWAIT_SETTLED = "wait until {target} has settled"
    AWAIT_RUNNING = "wait until container {target} is running"
    AWAIT_STOPPED = "wait until container {target} has stopped"
    AWAIT_KUBE = "wait until a pod runs {target}"
    AWAIT_LOCAL = "wait until the local container {target} runs it"
    AWAIT_GONE = "wait until the pod of {target} has gone"

    @property
    def waits(self) -> bool:
        return self.name.startswith("AWAIT_")

    @property
    def changes(self) -> bool:
        """Whether the feature is another one afterwards; waiting and forgetting failures do not count."""
        return not self.waits and self not in (Kind.RESET_FAILED, Kind.RELOAD)


class Action(NamedTuple):
    """One step on one target: a unit, a container or a feature.

    It is a feature for WRITE, ADD, FORGET, LABEL, KEEP, CLOSE and AWAIT_FEATURED.
    `fields`: what WRITE and ADD set in CONFIG_DB, LABEL among the node's labels; one whose value is None is deleted.
    Of AWAIT_FEATURED: what it is to act on.
    Of WRITE_UNIT: the `text`.
    """

    kind: Kind
    target: str
    fields: Mapping[str, str | None] = MappingProxyType({})

    def __str__(self) -> str:
        words = ", ".join(f"{k}={v}" if v is not None else f"no {k}" for k, v in self.fields.items())
        return self.kind.value.format(target=self.target, fields=words)


class Plan(NamedTuple):
    """The ordered steps from a snapshot to what was asked; none: it is so already.

    `verdict`: the error to end with once the steps are done, where only a part can be had (None: all of it).
    """

    actions: tuple[Action, ...] = ()
    verdict: SwitchError | None = None
