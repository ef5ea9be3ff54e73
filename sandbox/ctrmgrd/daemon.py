"""The loop: rows that change, and what is due. One thing at a time: while it restarts a unit it is deaf."""

from __future__ import annotations

import heapq
import itertools
import json
import os
import re
import select
import socket
import time
from collections import deque

from . import images
from .database import Redis
from .master import KEY as SERVER
from .master import Master
from .node import Node
from .programs import run, say, succeeds
from .rules import Transitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Change = tuple[str, str, dict[str, str]]  # the database, a key in it, the row as it is by now
    Due = tuple[float, int, Callable[..., None], tuple[str, ...]]  # when, which of that time, what to do

LABELS = "KUBE_LABELS|SET"
FEATURES = "FEATURE|"
NOT_MOVED = "database"
TIMERS: dict[str, float] = {  # seconds, where the file says nothing
    "join_latency_on_boot_seconds": 10,
    "retry_join_interval_seconds": 10,
    "retry_labels_update_seconds": 2,
    "tag_latest_image_on_wait_seconds": 30,
    "retry_tag_latest_seconds": 5,
    "retry_clean_image_seconds": 5,
}


class Clock:
    """The host's."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, link: socket.socket, seconds: float | None) -> bool:
        """Until something can be read from `link` (True), or for some seconds (False; None: for ever)."""
        return bool(select.select([link], [], [], seconds)[0])


class Daemon:
    """`root`: a folder with the host's files, where they are not in their places. `name`: the node's."""

    def __init__(
        self,
        redis: str = "/run/redis/redis.sock",
        root: str = "",
        name: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.root = root
        self.clock = clock or Clock()
        self.timers = TIMERS | self._settings()
        self.node = Node(name or socket.gethostname().lower())
        self.redis = Redis(redis)
        self.told = Redis(redis)
        self.transitions = Transitions(self)
        self.rows: dict[str, dict[str, str]] = {}  # feature -> its row of STATE_DB, in small letters
        self.labels: dict[str, str] = {}
        self.retrying = False
        self._due: list[Due] = []
        self._order = itertools.count()
        self.master = Master(self)

    def run(self) -> None:
        """Ends with ConnectionError when Redis does: systemd starts it again."""
        for database, pattern in (("CONFIG_DB", SERVER), ("STATE_DB", LABELS)):
            self.told.subscribe(database, pattern)
        for database in ("CONFIG_DB", "STATE_DB"):
            self.told.subscribe(database, f"{FEATURES}*")
        changes: deque[Change] = deque(self._found("STATE_DB", LABELS))
        changes += self._found("CONFIG_DB", f"{FEATURES}*") + self._found("STATE_DB", f"{FEATURES}*")
        while True:
            self._do_what_is_due()
            if changes:
                self._take(*changes.popleft())
            elif self.clock.wait(self.told.link, self._patience()):
                changes += [change for told in self.told.changes() if (change := self._read(*told))]

    def after(self, seconds: float, action: Callable[..., None], *arguments: str) -> None:
        heapq.heappush(self._due, (self.clock.now() + seconds, next(self._order), action, arguments))

    # --- what a row asks for ---

    def active(self, feature: str) -> bool:
        return succeeds("systemctl", "is-active", "--quiet", feature)

    def label(self, feature: str, wanted: bool) -> None:
        self.redis.write(LABELS, {f"{feature}_enabled": "true" if wanted else "false"})

    def restart(self, feature: str, owner: str) -> None:
        run("systemctl", "reset-failed", feature)
        done = succeeds("systemctl", "restart", feature)
        say(f"{'Restarted' if done else 'Failed to restart'} {feature} to switch to {owner}")

    def served(self, feature: str) -> None:
        row = self.rows[feature]
        found = (feature, row.get("container_id", ""), row.get("container_version", ""))
        self.after(self.timers["tag_latest_image_on_wait_seconds"], self._tag, *found)

    def set_node_labels(self) -> None:
        """What tells this switch from others; what it does not know of itself is left out."""
        metadata = self.redis.row("CONFIG_DB", "DEVICE_METADATA|localhost")
        version = self._fact("/etc/sonic/sonic_version.yml", r"build_version: *'?([^'\s]+)")
        facts = {
            "sonic_version": version and f"SONiC.{version}",
            "hwsku": metadata.get("hwsku"),
            "deployment_type": metadata.get("type"),
            "worker.sonic/platform": self._fact("/host/machine.conf", r"onie_platform=(\S+)"),
        }
        self.redis.write(LABELS, {name: value for name, value in facts.items() if value})

    # --- the loop's parts ---

    def _take(self, database: str, key: str, row: dict[str, str]) -> None:
        if key == SERVER:
            self.master.config(row)
        elif key == LABELS:
            self.labels = row
            if not self.retrying:
                self._send()
        elif (feature := key.removeprefix(FEATURES)) != NOT_MOVED:
            if database == "CONFIG_DB":
                self.transitions.config(feature, row)
            else:
                self.rows[feature] = lowered = {field: value.lower() for field, value in row.items()}
                self.transitions.state(feature, lowered)

    def _send(self) -> None:
        self.retrying = False
        if self.master.connected and not self.node.label(self.labels):
            self.retrying = True
            self.after(self.timers["retry_labels_update_seconds"], self._send)

    def _tag(self, feature: str, container: str, version: str) -> None:
        done = images.tag_latest(feature, container, version)
        if done is False:
            self.after(self.timers["retry_tag_latest_seconds"], self._tag, feature, container, version)
        elif done:
            row = self.rows[feature]
            stable, last = (row.get(f"container_{which}_version", "") for which in ("stable", "last"))
            last = last if stable == version else stable
            # Known at once: what is due next may come before the row does.
            self.rows[feature] = row | {"container_stable_version": version, "container_last_version": last}
            self.redis.write(
                f"{FEATURES}{feature}", {"container_stable_version": version, "container_last_version": last}
            )
            self._clean(feature, version, last)

    def _clean(self, *arguments: str) -> None:
        if not images.clean(*arguments):
            self.after(self.timers["retry_clean_image_seconds"], self._clean, *arguments)

    def _do_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= self.clock.now():
            _, _, action, arguments = heapq.heappop(self._due)
            action(*arguments)

    def _patience(self) -> float | None:
        return max(0, self._due[0][0] - self.clock.now()) if self._due else None

    def _read(self, database: str, key: str, what: str) -> Change | None:
        """A row is read as it is now, however old the message. That it was deleted is told in any case."""
        row = {} if what == "del" else self.redis.row(database, key)
        return (database, key, row) if row or what == "del" else None

    def _found(self, database: str, pattern: str) -> list[Change]:
        return [(database, key, self.redis.row(database, key)) for key in self.redis.keys(database, pattern)]

    def _fact(self, path: str, pattern: str) -> str | None:
        if not os.path.exists(self.root + path):
            return None
        with open(self.root + path) as file:
            found = re.search(pattern, file.read())
        return found[1] if found else None

    def _settings(self) -> dict[str, float]:
        path = f"{self.root}/etc/sonic/remote_ctr.config.json"
        if not os.path.exists(path):
            return {}
        with open(path) as file:
            settings: dict[str, float] = json.load(file)
        return settings
