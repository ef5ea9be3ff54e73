"""The oneshot that sends labels hears everybody who asks for it, also while it is at work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.console import Console
from tests.support.switch import wait_until

UNIT = "sonic-system-service-sync"
HOLD, RUNS = "/run/hold-sync", "/run/sync-runs"
# In the place of sending: notes that it has begun, and goes on when it is let.
SLOW = f"""[Service]
ExecStart=
ExecStart=sh -c 'echo run >> {RUNS}; while [ -e {HOLD} ]; do sleep 0.05; done'
"""
# As whoever writes a wish does it (system_service/backends/trigger.py).
ASK = ["python3", "-c", "from system_service.backends.trigger import ask; raise SystemExit(not ask())"]


@pytest.fixture
def slow(console: Console) -> Iterator[Console]:
    console.drop_in(UNIT, SLOW)
    yield console
    console.type(["rm", "-f", HOLD])
    wait_until("the oneshot's end", lambda: console.active(UNIT) == "inactive")
    console.drop_in(UNIT, "")
    console.type(["rm", "-f", RUNS])


def runs(console: Console) -> int:
    return console.switch.exec(["cat", RUNS]).stdout.count("run")


@pytest.mark.parametrize("user", [None, "admin"])
def test_who_asks_while_it_is_at_work_is_heard(slow: Console, user: str | None) -> None:
    slow.type(["touch", HOLD])
    slow.type(ASK, user=user)
    wait_until("the first run", lambda: runs(slow) == 1)
    slow.type(ASK, user=user)
    assert (runs(slow), slow.active(UNIT)) == (1, "activating")
    slow.type(["rm", HOLD])
    wait_until("the second run", lambda: runs(slow) == 2)
    wait_until("its end", lambda: slow.active(UNIT) == "inactive")
    assert runs(slow) == 2
