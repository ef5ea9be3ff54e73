"""The oneshot that sends labels hears everybody who asks for it, also while it is at work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import features
from system_service.domain.change.retry import UNIT as AGAIN
from tests.acceptance.console import Console
from tests.support.switch import CONFIG_DB, wait_until

UNIT = "sonic-system-service-sync"
(NAME,) = features.KUBE_ONLY
HOLD, RUNS = "/run/hold-sync", "/run/sync-runs"
# In the place of sending: notes that it has begun, and goes on when it is let.
SLOW = f"""[Service]
ReadWritePaths=/run
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


ROW = {"state": "enabled", "set_owner": "kube", "no_fallback_to_local": "true", "has_global_scope": "True"}
SERVER = "KUBERNETES_MASTER|SERVER"


@pytest.fixture
def asked(console: Console) -> Iterator[Console]:
    """A switch on which there is much to do: a unit that an upgrade lost, and a label for nobody who listens."""
    console.witness.write(CONFIG_DB, f"FEATURE|{NAME}", ROW)
    yield console
    console.witness.write(CONFIG_DB, SERVER, {})
    console.type(f"config feature uninstall {NAME}")
    console.switch.exec(["systemctl", "stop", f"{AGAIN}.timer"])


def test_with_the_rights_that_they_have_the_oneshots_do_their_part(asked: Console) -> None:
    """Read-only file systems, no capability but one, no devices: and yet units and rows."""
    asked.type(["systemctl", "restart", "sonic-system-service-gates"])
    assert asked.unit("sonic-system-service-gates", "ActiveState", "Result") == ["active", "success"]
    assert asked.state(NAME).get("system_state") == "down"
    asked.type(["systemctl", "start", UNIT])
    wait_until("the unit", lambda: asked.unit(NAME, "ActiveState", "UnitFileState") == ["active", "enabled"])
    exposed = asked.type(["systemd-analyze", "security", "--no-pager", UNIT, "--threshold=30"])
    assert "exposure level" in exposed


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
