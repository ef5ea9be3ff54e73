"""What happens to features: by their rows in both databases, as they come. Nothing here acts; `host` does."""


class Transitions:
    """`host` is told what to do: active(feature), label(feature, wanted), restart(feature, owner), served(feature).

    All words are taken in any case.
    """

    def __init__(self, host):
        self.host = host
        self.wanted = {}  # feature -> set_owner
        self.seen = {}  # feature -> (current_owner, remote_state)

    def config(self, feature, row):
        """A row of CONFIG_DB has come, changed or gone ({}): one that says what it said before is nothing."""
        owner = row.get("set_owner", "local").lower()
        before = self.wanted.get(feature)
        self.wanted[feature] = owner
        if owner != before and feature in self.seen:
            self._act(feature)

    def state(self, feature, row):
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

    def _act(self, feature):
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
