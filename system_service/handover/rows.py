"""One feature's rows as the handover reads and writes them: each change one transaction on one row.

STATE_DB FEATURE|<name> carries only the host's own fields, as the host's script writes them; what is ours alone is in
SYSTEM_SERVICE|<name> of STATE_DB (own_row.py), with four fields more that others read: since: since when the reason is
what it is, and took: "OWNER TIME", since when this owner runs it (seconds since 1970, to be shown and nothing else).
want: whether the node's label is to be there; label: whether the API server has it.
"""

from __future__ import annotations

import time

from system_service.backends.switchdb import Edit
from system_service.handover.own_row import DEATH_WINDOW, FIRST_SETTLE, LONGEST_SETTLE, OwnRow, marks
from system_service.model.boot import boot_id, uptime
from system_service.model.feature_row import falls_back, wants_kubernetes
from system_service.model.state_row import LABELS_ROW, OWN_TABLE, emptied, host_time, local_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from system_service.backends.switchdb import SwitchDB

# What is void after a reboot, for it is told in seconds since boot or names a container's start.
_OF_A_BOOT = (
    "served",
    "heard",
    "answered",
    "failed",
    "renewed",
    "ended",
    "deaths",
    "fell",
    "settle",
    "displaced",
    "made",
)


class Rows:
    """The rows of the feature `name`, whose local container has the docker name `container`.

    Every method may raise Unreachable, NotPermitted and Failed (somebody keeps changing the row, or it is no hash).
    `config`, `state`: as of the last read(); {} for a row that is not there. `own`: our own, parsed.
    """

    def __init__(self, db: SwitchDB, name: str, container: str) -> None:
        self._db = db
        self._name = name
        self._container = container
        self._key = f"FEATURE|{name}"
        self._own_key = f"{OWN_TABLE}|{name}"
        self._boot = boot_id()
        self.config: Mapping[str, str] = {}
        self.state: Mapping[str, str] = {}
        self.own = OwnRow({}, 0.0, self._boot)
        self.local_version = ""

    def read(self) -> None:
        """Read all of them, in one round trip."""
        self.config, self.state, own, labels = self._db.rows(
            ("CONFIG_DB", self._key),
            ("STATE_DB", self._key),
            ("STATE_DB", self._own_key),
            ("STATE_DB", LABELS_ROW),
        )
        self.own = OwnRow(own, uptime(), self._boot)
        self.local_version = labels.get(f"{self._name}_local", "")

    @property
    def wants(self) -> str:
        """Who is to run it: "kube", "local"; "" while CONFIG_DB has no such row (a reload)."""
        if not self.config:
            return ""
        return "kube" if wants_kubernetes(self.config) else "local"

    @property
    def fallback(self) -> bool:
        return falls_back(self.config)

    @property
    def auto_restart(self) -> bool:
        return self.config.get("auto_restart", "enabled") not in ("disabled", "always_disabled")

    def up(self, lost: bool = False) -> None:
        """The feature is to run; who does is left as it is. `lost`: only where the row has been emptied."""
        fields = {"system_state": "up", "update_time": host_time()}
        # A gate announces itself only where it finds a word it knows.
        announced = {"remote_state": "none"}

        def decide(row: Mapping[str, str]) -> dict[str, str]:
            if lost and not emptied(row):
                return {}
            return fields | ({} if row.get("remote_state") else announced)

        self._state(decide)

    def local_up(self, quiet: bool = False) -> bool:
        """The local container is about to run it; False when it is to be down meanwhile.

        `quiet`: as of `state_row.local_up`.
        """
        up = True
        fields = local_up(self._container, host_time(), quiet)

        def decide(row: Mapping[str, str]) -> Edit | None:
            nonlocal up
            up = row.get("system_state") != "down"
            return Edit(fields) if up else None

        self._db.update("STATE_DB", self._key, decide)
        return up

    def kube_up(self, id: str, version: str) -> None:
        """Say again what was lost: this container of a pod's runs it, past its gate."""
        fields = {"current_owner": "kube", "remote_state": "running", "container_id": id[:12]}
        fields |= {"system_state": "up", "update_time": host_time()}
        fields |= {"container_version": version} if version else {}
        # Whoever has stopped it meanwhile is not to be undone.
        self._state(lambda row: fields if row.get("system_state") == "up" or emptied(row) else {})

    def down(self, found: Iterable[str]) -> bool:
        """Close the gate: nobody is to run it. A gate that waits goes on waiting, and will not be answered.

        True when a `ready` was taken back: somebody of `found` (marks) may have read it, and opens all the same. So
        does one that has just said so, of which nothing else tells until its gate's program has ended.
        """
        behind = [*found]
        while True:
            self.read()
            ready = self.state.get("remote_state") == "ready"
            self._closing(behind if ready else [])
            if self._down(ready):
                return ready

    def _closing(self, found: Sequence[str]) -> None:
        """Of these and of the one that was answered last a gate may open whatever is said from here on."""

        def decide(row: Mapping[str, str]) -> Edit:
            own = OwnRow(row, uptime(), self._boot)
            opens = found or ([own.answered] if own.answered else ())
            failed = {"failed": marks((*own.failed, *opens))} if opens else {}
            return self._noted(row, ("served", "answered"), failed)

        self._db.update("STATE_DB", self._own_key, decide)

    def _down(self, noted: bool) -> bool:
        """False when a `ready` has come that was not noted."""
        done = False

        def decide(row: Mapping[str, str]) -> Edit | None:
            nonlocal done
            done = noted or row.get("remote_state") != "ready"
            # With its time, as the host's script writes it: a word alone is what an emptied database gets.
            return Edit({"system_state": "down", "update_time": host_time()} | _unready(row)) if done else None

        self._db.update("STATE_DB", self._key, decide)
        return done

    def stopped(self) -> None:
        """Nobody runs it any more. `none` and not `stopped`: upstream's daemon would start it again."""
        fields = {"current_owner": "none", "container_id": "", "update_time": host_time()}
        # A `pending` stays, for whoever asks next; a `ready` is only ever taken back by those who note it; and a
        # `stopped` that the host's own script left is to ctrmgrd, turned to `none`, a reason to restart the unit.
        kept = ("pending", "ready", "stopped")
        self._state(lambda row: fields | ({} if row.get("remote_state") in kept else {"remote_state": "none"}))

    def homed(self) -> None:
        """Legacy is reached: a pod's `pending` and version, left behind, would speak for a pod of tomorrow."""

        def decide(row: Mapping[str, str]) -> Edit | None:
            if (row.get("remote_state"), row.get("current_owner")) != ("pending", "local"):
                return None
            version = {"container_version": self.local_version} if self.local_version else {}
            return Edit({"remote_state": "none"} | version)

        self._db.update("STATE_DB", self._key, decide)

    def answer(self, version: str) -> bool:
        """Open the gate of the container that announced this version; False when things have changed meanwhile."""

        def decide(row: Mapping[str, str]) -> Edit | None:
            asked = (row.get("system_state"), row.get("remote_state"), row.get("container_version"))
            return Edit({"remote_state": "ready"}) if asked == ("up", "pending", version) else None

        return self._db.update("STATE_DB", self._key, decide)

    def withdraw(self, found: Iterable[str]) -> bool:
        """Take `ready` back; False when the gate had taken it, or it was not there.

        A gate (one of `found`) that has read it and not yet said so opens all the same: that is noted first.
        """
        self.note("answered", failed=self._failed(found))
        return self._cleared("ready")

    def opens(self, found: Iterable[str]) -> None:
        """Note that these (marks) open, before the word is taken back that says so."""
        if opening := [*found]:
            self.note(failed=self._failed(opening))

    def vanished(self) -> None:
        """Whoever was said to run it does no more. ctrmgrd has a restart to make only where somebody owns it."""

        def decide(row: Mapping[str, str]) -> Edit | None:
            fields = {"remote_state": "none", "current_owner": "none", "container_id": ""}
            return Edit(fields) if row.get("remote_state") == "running" else None

        self._db.update("STATE_DB", self._key, decide)

    def unannounced(self, found: Iterable[str]) -> None:
        """Before a gate is started anew: without this it would not say that it is there."""
        if self.state.get("remote_state") == "ready":
            self.withdraw(found)
        # A `ready` that has come meanwhile stays: taking it back is noted first. Over `stopped` a gate speaks up.
        kept = ("none", "ready", "stopped")
        self._state(lambda row: {} if row.get("remote_state") in kept else {"remote_state": "none"})

    def unheard(self, version: str) -> None:
        """Before a gate has come to ask: that it writes its version is to be a change, whatever was left behind."""

        def decide(row: Mapping[str, str]) -> Edit | None:
            left = (row.get("remote_state"), row.get("container_version")) == ("pending", version)
            return Edit({"container_version": ""}) if left else None

        self._db.update("STATE_DB", self._key, decide)

    def filled(self, up: bool) -> None:
        """Before a gate is started anew: one that finds no system_state opens at once."""
        self._state(lambda row: {} if row.get("system_state") else {"system_state": "up" if up else "down"})

    def _cleared(self, *words: str) -> bool:
        def decide(row: Mapping[str, str]) -> Edit | None:
            return Edit({"remote_state": "none"}) if row.get("remote_state", "") in words else None

        return self._db.update("STATE_DB", self._key, decide)

    def _failed(self, found: Iterable[str]) -> str:
        return marks((*self.own.failed, *found))

    def note(self, *drop: str, **fields: str) -> None:
        """Set and delete fields of our own row. A reason keeps its `since` as long as it stays the same."""
        self._db.update("STATE_DB", self._own_key, lambda row: self._noted(row, drop, fields))

    def _noted(self, row: Mapping[str, str], drop: Iterable[str], fields: Mapping[str, str]) -> Edit:
        changes, gone = dict(fields), set(drop)
        if changes and row.get("boot") != self._boot:
            changes["boot"] = self._boot
            gone |= set(_OF_A_BOOT)
        if "reason" in changes and changes["reason"] != row.get("reason"):
            changes["since"] = f"{time.time():.0f}"
        return Edit(changes, sorted(gone - set(changes)))

    def died(self, reason: str) -> bool:
        """A pod's container that ran the feature is gone. True when that was once too often: the local one's turn."""
        now = uptime()
        deaths = [death for death in self.own.deaths if now - death < DEATH_WINDOW]
        self.note("served", "ended", deaths=" ".join(f"{moment:.1f}" for moment in (*deaths, now)), reason=reason)
        return bool(deaths)

    def fell(self, reason: str) -> None:
        """The local container takes over from a pod that failed: the next pod waits longer."""
        settle = min(2 * self.own.settle, LONGEST_SETTLE) if self.own.settle else FIRST_SETTLE
        self.note(fell=f"{uptime():.1f}", settle=f"{settle:.0f}", reason=reason)

    def forget(self) -> None:
        """Begin anew: an operator has asked for something."""
        drop = ("settle", "fell", "deaths", "renewed", "ended", "displaced", "reason", "since")
        self._db.update("STATE_DB", self._own_key, lambda row: Edit(delete=drop) if row else None)

    def _state(self, fields: Callable[[Mapping[str, str]], dict[str, str]]) -> None:
        self._db.update("STATE_DB", self._key, lambda row: Edit(fields(row)))


def _unready(row: Mapping[str, str]) -> dict[str, str]:
    return {"remote_state": "none"} if row.get("remote_state") in ("ready", "running") else {}
