"""Simulated switches: rows in memory; what else sends a label and decides when it is sent is the product's own."""

from __future__ import annotations

import heapq
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from system_service.backends.cluster import Cluster
from system_service.domain.change import retry
from system_service.domain.change.labels import send
from system_service.domain.switch import Switch
from system_service.errors import SwitchError
from tests.fleet.rows import Rows

FEATURE = "snmp"
_OWN = ("STATE_DB", f"SYSTEM_SERVICE|{FEATURE}")


class _Switch(Switch):
    def cluster(self) -> Cluster:
        return Cluster(f"{self.run_dir}/kubeconfig", Path(self.run_dir).name)


class Simulated:
    """One that was told to move a feature to kubernetes while the API server was away: its label is to be sent.

    Does what `system service sync --again` does of that; systemd's timer is the fleet's. `chance` is its own, as the
    processes of real switches have their own.
    """

    def __init__(self, folder: Path, kubeconfig: str, seed: int) -> None:
        folder.mkdir()
        (folder / "kubeconfig").write_text(kubeconfig)
        (folder / "kubeconfig").chmod(0o600)
        self._chance = random.Random(seed)  # noqa: S311 - it spreads, and hides nothing
        rows = Rows(
            {
                ("CONFIG_DB", f"FEATURE|{FEATURE}"): {"state": "enabled", "set_owner": "kube"},
                ("CONFIG_DB", "KUBERNETES_MASTER|SERVER"): {"ip": "127.0.0.1", "disable": "False"},
                _OWN: {"want": "true"},
            }
        )
        self._switch = _Switch(rows, None, None, str(folder))  # type: ignore[arg-type]
        self.tries = 0

    def attempt(self) -> float | None:
        """Try; the seconds until the next try, None: it is served."""
        self.tries += 1
        error: SwitchError | None = None
        try:
            error = next(iter(send(self._switch).failures.values()), None)
        except SwitchError as failure:
            error = failure
        return retry.due(self._switch.run_dir, error, self._chance.random())


class Fleet:
    """Has each switch try when it is due, in threads.

    `unserved`: how many are left; `late`: the longest delay that was ours.
    """

    def __init__(self, switches: Sequence[Simulated], threads: int, enter: Callable[[], None]) -> None:
        """`enter` is called in each thread before all else."""
        self.unserved = len(switches)
        self.late = 0.0
        self.began = 0.0
        """The seconds in which all have tried for the first time."""
        self._enter = enter
        self._due: list[tuple[float, int]] = []
        self._switches = switches
        self._work: queue.SimpleQueue[tuple[float, int] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, float | None]] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._try, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def run(self, until: float = float("inf")) -> None:
        """Go on until this moment (of `time.monotonic()`), or until all are served. The first call begins with all."""
        if not self._due and not self.began:
            self._begin()
        while self.unserved and (now := time.monotonic()) < until:
            while self._due and self._due[0][0] <= now:
                self._work.put(heapq.heappop(self._due))
            next_due = self._due[0][0] if self._due else now + 1.0
            self._collect(max(0.0, min(next_due, until, now + 1.0) - now))

    def close(self) -> None:
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join(timeout=30)

    def _begin(self) -> None:
        begun = time.monotonic()
        for number in range(len(self._switches)):
            self._work.put((begun, number))
        for _ in self._switches:
            self._collect(60.0)
        self.began = time.monotonic() - begun
        self.late = 0.0  # that of the beginning is told by itself

    def _collect(self, seconds: float) -> None:
        try:
            number, pause = self._done.get(timeout=seconds)
        except queue.Empty:
            return
        if pause is None:
            self.unserved -= 1
        else:
            heapq.heappush(self._due, (time.monotonic() + pause, number))

    def _try(self) -> None:
        self._enter()
        while (work := self._work.get()) is not None:
            due, number = work
            self.late = max(self.late, time.monotonic() - due)
            self._done.put((number, self._switches[number].attempt()))
