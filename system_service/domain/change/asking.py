"""Asking the API server while a command waits, why pods do not come or whether they have gone: less and less often.

A fleet's commands wait side by side, whoever began them at the same moment. Each move has six requests for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from system_service.backends.cluster import Cluster
from system_service.backends.pod_diagnosis import PodDiagnosis
from system_service.domain.change.execute import Executor
from system_service.domain.change.retry import FIRST, LONGEST, spread
from system_service.errors import Interrupted, SwitchError, TimedOut

REQUESTS = 6
"""What one move may ask while it waits, however many its features are and however long it waits."""
_EACH = 2  # requests of one question: where the pods are, and one more about those that are not
# Seconds from one question to the next: doubled each time, and spread. The first is less for a command that has little
# time, so that there is more than one answer in it.
_LEAST = 2.0
_PAUSE = 0.25  # seconds between two looks on this switch
_LAST = 2.0  # seconds before the end at which it is asked once more


class Asking:
    """`why`: of each feature what was told last, "" for nothing."""

    def __init__(self, cluster: Cluster, executor: Executor, names: Sequence[str], timeout: float) -> None:
        """`timeout`: the seconds that the command has; its deadline and its signals end a question as well."""
        self.why = dict.fromkeys(names, "")
        executor.limit(cluster)
        self._executor = executor
        self._reasons = PodDiagnosis(cluster, REQUESTS)
        self._next = 0.0  # of `time.monotonic()`
        self._pause = min(FIRST, max(_LEAST, timeout / 20))

    def look(self, names: Sequence[str], believed: bool = True) -> None:
        """Ask about these features when it is time to. Only a signal is raised.

        `believed`: whether it says something that we cannot reach the API server; another may have a way of its own.
        """
        if time.monotonic() < self._next or not self._reasons.left:
            return
        after = 0.0
        try:
            reasons = self._reasons.diagnose(names, _EACH)
        except Interrupted:
            raise
        except TimedOut:  # the command's time is over, and what is known stays the best that can be told
            reasons = {}
        except SwitchError as error:
            reasons = dict.fromkeys(names, str(error)) if believed else {}
            after = getattr(error, "after", 0.0)
        for name, why in reasons.items():
            self._tell(name, why)
        # Many a fleet is told to move at one moment.
        self._next = time.monotonic() + spread(self._pause, after, random.random())  # noqa: S311 - it hides nothing
        self._pause = min(2 * self._pause, LONGEST)

    def _tell(self, name: str, why: str) -> None:
        """Say it once, and keep it for those who look later."""
        if why and why != self.why[name]:
            self._executor.tell(f"{name}: {why}")
            # Whose word it is, too: once there is a container, it is out of date.
            self._executor.switch.reconciler(name, self._executor.tell).rows.note(reason=why, cluster=why)
        self.why[name] = why


def gone(executor: Executor, cluster: Cluster | None, name: str, here: Callable[[], bool]) -> bool:
    """Wait until no pod of a feature is on this node; False when it still is at the deadline.

    `here`: whether one is to be seen on this switch, which is looked for first and often. `cluster` may be None: nobody
    is to be asked. Raises as Cluster.
    """
    if cluster:
        executor.limit(cluster)
    ask_at, pause = 0.0, 1.0
    while True:
        if not here():
            if cluster is None:
                return True
            if (now := time.monotonic()) >= ask_at:
                if not cluster.present(name):
                    return True
                last = executor.deadline - _LAST
                ask_at = now + spread(pause, 0.0, random.random())  # noqa: S311 - it hides nothing
                ask_at = min(ask_at, last) if now < last else executor.deadline
                pause = min(2 * pause, LONGEST)
        executor.check()
        if time.monotonic() >= executor.deadline:
            return False
        time.sleep(_PAUSE)
