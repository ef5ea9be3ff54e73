"""How long an SNMP client gets no answer while something is done to snmpd: a real client, ten times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sandbox.switch import Switch

PERIOD = 0.1  # seconds between two questions
_STEADY = 5  # answers in a row before and after what is measured


class Poller:
    """Asks until it is stopped; `answers` are the monotonic times of the answers."""

    def __init__(self, switch: Switch) -> None:
        self.answers: list[float] = []
        self._switch = switch
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def steady(self, timeout: float = 30) -> None:
        """Wait for a row of answers. Raises RuntimeError when none come."""
        wanted, deadline = len(self.answers) + _STEADY, time.monotonic() + timeout
        while len(self.answers) < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"snmpd does not answer within {timeout:g} s")
            self._over.wait(PERIOD / 2)

    def longest_silence(self) -> float:
        """Seconds of the longest gap between two answers, less the gap that the period itself makes."""
        gaps = [later - earlier for earlier, later in zip(self.answers, self.answers[1:], strict=False)]
        return max(0.0, max(gaps) - PERIOD)

    def _ask(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due + PERIOD, time.monotonic())
            if self._switch.snmp_get(timeout=PERIOD) is not None:
                self.answers.append(time.monotonic())


def silence(switch: Switch, act: Callable[[], object]) -> float:
    """Seconds without an answer around `act`."""
    with Poller(switch) as poller:
        poller.steady()
        act()
        poller.steady()
        return poller.longest_silence()
