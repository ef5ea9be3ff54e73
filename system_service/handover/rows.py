"""One feature's rows as its custody reads and writes them: each change one transaction on one row.

STATE_DB FEATURE|<name> carries only the host's own fields, as the host's script writes them; what is ours alone is in
SYSTEM_SERVICE|<name> of STATE_DB (times are seconds since 1970):

served: "id started" of the pod's container that runs it. version: of the one that was let in last. deaths: when such
containers died. renewed: when one was last restarted at its gate. answered: when `ready` was last written. failed: when
it was last taken back: whoever runs since before that may have taken it all the same. fell: when the local container
last took over from a pod; settle: the seconds that the next pod then waits at its gate. stop: seconds that the local
one took to stop. reason, since: why the feature is not as wanted, and since when. want: whether the node's label is to
be there; label: whether the API server has it. todo: `install` or `uninstall`, while that is not finished.
"""

from __future__ import annotations

from system_service.backends.switchdb import Edit
from system_service.handover.view import DEATH_WINDOW, FIRST_SETTLE, LONGEST_SETTLE
from system_service.model.clock import number
from system_service.model.state_row import LABELS_ROW, OWN_TABLE, host_time, local_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from system_service.backends.switchdb import SwitchDB

# A pod that failed again within this many seconds of the last fall has to wait twice as long as then.
_FORGETS = 7200.0


class Rows:
    """The rows of the feature `name`, whose local container has the docker name `container`.

    Every method may raise Unreachable, NotPermitted and Failed (somebody keeps changing the row, or it is no hash).
    `config`, `state`, `own`: as of the last read(); {} for a row that is not there.
    """

    def __init__(self, db: SwitchDB, name: str, container: str) -> None:
        self._db = db
        self._name = name
        self._container = container
        self._key = f"FEATURE|{name}"
        self._own_key = f"{OWN_TABLE}|{name}"
        self.config: Mapping[str, str] = {}
        self.state: Mapping[str, str] = {}
        self.own: Mapping[str, str] = {}
        self.local_version = ""

    def read(self) -> None:
        """Read all of them, in one round trip."""
        self.config, self.state, self.own, labels = self._db.rows(
            ("CONFIG_DB", self._key),
            ("STATE_DB", self._key),
            ("STATE_DB", self._own_key),
            ("STATE_DB", LABELS_ROW),
        )
        self.local_version = labels.get(f"{self._name}_local", "")

    @property
    def wants(self) -> str:
        """Who is to run it: "kube", "local"; "" while CONFIG_DB has no such row (a reload)."""
        if not self.config:
            return ""
        return "kube" if self.config.get("set_owner") == "kube" else "local"

    @property
    def fallback(self) -> bool:
        return self.config.get("no_fallback_to_local", "").lower() != "true"

    @property
    def auto_restart(self) -> bool:
        return self.config.get("auto_restart", "enabled") not in ("disabled", "always_disabled")

    def up(self) -> None:
        """The feature is to run; who does is left as it is."""
        # A gate announces itself only where it finds a word it knows.
        self._state(lambda row: {"system_state": "up"} | ({} if row.get("remote_state") else {"remote_state": "none"}))

    def local_up(self, quiet: bool = False) -> bool:
        """The local container is about to run it; False when it is to be down meanwhile.

        `quiet`: instead of a pod. A gate says nothing where it finds `pending` already, so that ctrmgrd does not
        restart the unit for each pod that fails; the owner is what the local container itself writes next, because a
        `pending` that comes together with an owner is a restart too.
        """
        wanted = True
        fields = local_up(self._container, host_time())
        if quiet:
            fields |= {"current_owner": "none", "container_id": "", "remote_state": "pending"}

        def decide(row: Mapping[str, str]) -> Edit | None:
            nonlocal wanted
            wanted = row.get("system_state") != "down"
            return Edit(fields) if wanted else None

        self._db.update("STATE_DB", self._key, decide)
        return wanted

    def kube_up(self, id: str, version: str) -> None:
        """Say again what was lost: this container of a pod's runs it, past its gate."""
        fields = {"current_owner": "kube", "remote_state": "running", "container_id": id[:12]}
        fields |= {"system_state": "up", "update_time": host_time()}
        self._state(lambda row: fields | ({"container_version": version} if version else {}))

    def down(self, now: float) -> bool:
        """Close the gate: nobody is to run it. A gate that waits goes on waiting, and will not be answered.

        True when a `ready` was taken back: somebody may have read it, and opens all the same.
        """
        while True:
            ready = self._db.rows(("STATE_DB", self._key))[0].get("remote_state") == "ready"
            self.note(now, "served", **({"failed": f"{now:.3f}"} if ready else {}))
            if self._down(ready):
                return ready

    def _down(self, noted: bool) -> bool:
        """False when a `ready` has come that was not noted."""
        done = False

        def decide(row: Mapping[str, str]) -> Edit | None:
            nonlocal done
            done = noted or row.get("remote_state") != "ready"
            return Edit({"system_state": "down"} | _unready(row)) if done else None

        self._db.update("STATE_DB", self._key, decide)
        return done

    def stopped(self) -> None:
        """Nobody runs it any more. `none` and not `stopped`: upstream's daemon would start it again."""
        fields = {"current_owner": "none", "container_id": "", "update_time": host_time()}
        # A `pending` stays, for whoever asks next; a `ready` is only ever taken back by those who note it.
        kept = ("pending", "ready")
        self._state(lambda row: fields | ({} if row.get("remote_state") in kept else {"remote_state": "none"}))

    def answer(self, version: str) -> bool:
        """Open the gate of the container that announced this version; False when things have changed meanwhile."""

        def decide(row: Mapping[str, str]) -> Edit | None:
            asked = (row.get("system_state"), row.get("remote_state"), row.get("container_version"))
            return Edit({"remote_state": "ready"}) if asked == ("up", "pending", version) else None

        return self._db.update("STATE_DB", self._key, decide)

    def withdraw(self, now: float) -> bool:
        """Take `ready` back; False when the gate had taken it, or it was not there.

        A gate that has read it and not yet said so opens all the same: that is noted first.
        """
        self.note(now, failed=f"{now:.3f}")
        return self._cleared("ready")

    def vanished(self) -> None:
        """Whoever was said to run it does no more. ctrmgrd has a restart to make only where somebody owns it."""

        def decide(row: Mapping[str, str]) -> Edit | None:
            fields = {"remote_state": "none", "current_owner": "none", "container_id": ""}
            return Edit(fields) if row.get("remote_state") == "running" else None

        self._db.update("STATE_DB", self._key, decide)

    def unannounced(self, now: float) -> None:
        """Before a gate is started anew: without this it would not say that it is there."""
        if self.state.get("remote_state") == "ready":
            self.withdraw(now)
        # Words that no gate knows as well. A `ready` that has come meanwhile stays: taking it back is noted first.
        kept = ("none", "ready")
        self._state(lambda row: {} if row.get("remote_state") in kept else {"remote_state": "none"})

    def filled(self, up: bool) -> None:
        """Before a gate is started anew: one that finds no system_state opens at once."""
        self._state(lambda row: {} if row.get("system_state") else {"system_state": "up" if up else "down"})

    def _cleared(self, *words: str) -> bool:
        def decide(row: Mapping[str, str]) -> Edit | None:
            return Edit({"remote_state": "none"}) if row.get("remote_state", "") in words else None

        return self._db.update("STATE_DB", self._key, decide)

    def note(self, now: float, *drop: str, **fields: str) -> None:
        """Set and delete fields of our own row. A reason keeps its `since` as long as it stays the same."""
        if "reason" in fields and fields["reason"] != self.own.get("reason"):
            fields["since"] = f"{now:.0f}"
        self._db.update("STATE_DB", self._own_key, lambda row: Edit(fields, drop))

    def died(self, now: float, reason: str) -> bool:
        """A pod's container that ran the feature is gone. True when that was once too often: the local one's turn."""
        deaths = [word for word in self.own.get("deaths", "").split() if now - number(word) < DEATH_WINDOW]
        self.note(now, "served", deaths=" ".join([*deaths, f"{now:.1f}"]), reason=reason)
        return bool(deaths)

    def fell(self, now: float, reason: str) -> None:
        """The local container takes over from a pod that failed: the next pod waits longer."""
        recent = now - number(self.own.get("fell", "")) < _FORGETS
        settle = number(self.own.get("settle", "")) if recent else 0.0
        settle = min(2 * settle, LONGEST_SETTLE) if settle else FIRST_SETTLE
        self.note(now, fell=f"{now:.1f}", settle=f"{settle:.0f}", reason=reason)

    def forget(self) -> None:
        """Begin anew: an operator has asked for something."""
        drop = ("settle", "fell", "deaths", "failed", "renewed", "reason", "since")
        self._db.update("STATE_DB", self._own_key, lambda row: Edit(delete=drop) if row else None)

    def _state(self, fields: Callable[[Mapping[str, str]], dict[str, str]]) -> None:
        self._db.update("STATE_DB", self._key, lambda row: Edit(fields(row)))


def _unready(row: Mapping[str, str]) -> dict[str, str]:
    return {"remote_state": "none"} if row.get("remote_state") in ("ready", "running") else {}
