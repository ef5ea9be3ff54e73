"""What happens to features: by their rows in both databases, as they come. Nothing here acts; `host` does."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Host(Protocol):
        """Who does what the rules say; `active`: whether the feature's unit is."""

        def active(self, feature: str) -> bool: ...
        def label(self, feature: str, wanted: bool) -> None: ...
        def restart(self, feature: str, owner: str) -> None: ...
        def served(self, feature: str) -> None: ...


class Transitions:
    """`host` is told what to do: active(feature), label(feature, wanted), restart(feature, owner), served(feature).

    All words are taken in any case.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.wanted: dict[str, str] = {}  # feature -> set_owner
        self.seen: dict[str, tuple[str, str]] = {}  # feature -> (current_owner, remote_state)

    def config(self, feature: str, row: Mapping[str, str]) -> None:
        """A row of CONFIG_DB has come, changed or gone ({}): one that says what it said before is nothing."""
        owner = row.get("set_owner", "local").lower()
        before = self.wanted.get(feature)
        self.wanted[feature] = owner
        if owner != before and feature in self.seen:
            self._act(feature)

    def state(self, feature: str, row: Mapping[str, str]) -> None:
        """A row of STATE_DB has come, changed or gone ({}): nothing but another remote_state is looked at."""
        owner, remote = (row.get(field, "none").lower() for field in ("current_owner", "remote_state"))
        before = self.seen.get(feature)
        self.seen[feature] = (owner, remote)
        if before is not None and before[1] == remote:
            return
        if remote == "running":
            self.host.served(feature)
        if before is None or remote in ("pending", "stopped"):
            if feature in self.wanted:
                self._act(feature)
        elif (before[1], remote) == ("stopped", "none") and owner != "local":
            # Meant for a `container wait` that gives up on a pod. Neither the unit nor set_owner is looked at.
            self.host.restart(feature, "local")

    def _act(self, feature: str) -> None:
        wanted = self.wanted[feature]
        owner, remote = self.seen[feature]
        if not self.host.active(feature):
            # This undoes a stop that somebody meant, also one that is still under way.
            if wanted != "local" and (owner, remote) == ("none", "stopped"):
                self.host.restart(feature, wanted)
            return
        self.host.label(feature, wanted == "kube")
        # Whoever comes up local again, and meets the next `pending`, is restarted again: without end.
        if owner not in ("local", "none") if wanted == "local" else (owner != "none" and remote == "pending"):
            self.host.restart(feature, wanted)
