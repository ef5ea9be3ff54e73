"""kill -9 between any two actions of a handover: of the unit's `wait`, and of the command that asks for it.

systemd starts the unit anew and the same command is typed again; whatever was half done is finished, and never do two
containers run the feature (the fixture `fleet` looks).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.fleet import V1, Fleet
from tests.acceptance.tripwire import ENVIRONMENT, Tripwire, wired
from tests.support.switch import wait_until

# All that `wait` does, in order: with a pod that is frozen at its gate, and to bring the feature home.
OWN, ROW = "SYSTEM_SERVICE|snmp", "FEATURE|snmp"
AWAY = [
    "docker restart POD",
    f"{OWN} renewed",
    f"{OWN} heard",
    "docker stop snmp",
    f"{OWN} answered",
    f"{ROW} remote_state=ready",
    f"{OWN} stop",
    f"{OWN} served",
]
HOME = [
    f"{OWN} -served",
    f"{ROW} remote_state=none",
    "docker restart POD",
    f"{ROW} current_owner",
    "docker start snmp",
    f"{OWN} took",
    f"{OWN} renewed",
]
# Where it is killed. Between two notes of our own nothing of the feature has changed.
KILLS_AWAY = [
    ("after", "docker restart POD"),
    ("before", "docker stop snmp"),
    ("after", "docker stop snmp"),
    ("before", f"{ROW} remote_state=ready"),
    ("after", f"{ROW} remote_state=ready"),
    ("after", f"{OWN} served"),
]
KILLS_HOME = [
    None,
    ("before", f"{ROW} remote_state=none"),
    ("before", "docker start snmp"),
    ("after", "docker start snmp"),
    ("before", "docker restart POD"),
    ("after", "docker restart POD"),
]
# All that the command does that leaves a trace; between `want` and `label` is its patch of the node.
COMMAND = {
    "kubernetes": [f"{ROW} set_owner=kube", f"{OWN} want=true label=unknown", f"{OWN} label=true"],
    "legacy": [f"{ROW} set_owner=local", f"{OWN} want=false", f"{OWN} label=false"],
}


@pytest.fixture
def no_oneshot(fleet: Fleet) -> Iterator[None]:
    """Nobody but the command sends labels, so that a pod stays at hand until it does."""
    fleet.console.type("systemctl stop sonic-system-service-sync.path")
    yield
    fleet.console.type("systemctl start sonic-system-service-sync.path")


@pytest.fixture
def wire(fleet: Fleet, no_oneshot: None) -> Iterator[Tripwire]:
    """snmp's unit on a tripwire."""
    with wired(fleet.console) as made:
        yield made


def test_wait_killed_between_any_two_of_its_actions(fleet: Fleet, wire: Tripwire) -> None:
    console = fleet.console
    fleet.deploy("snmp", V1)
    console.ask("config feature mode snmp kubernetes --timeout 240")
    console.type("config feature owner snmp local")  # keeps the label: the pod is at hand for all that follows
    fleet.await_runner("snmp", "local")

    def change(owner: str) -> None:
        line = "config feature mode snmp kubernetes --no-wait" if owner == "kube" else "config feature owner snmp local"
        console.type(line)
        fleet.await_runner("snmp", owner)
        if owner == "kube":
            wait_until("its row", lambda: console.state("snmp")["remote_state"] == "running")

    # Nothing is done that is not in the lists above.
    for owner, actions in (("kube", AWAY), ("local", HOME)):
        wire.wrote.clear()
        change(owner)
        wait_until("all of it", lambda: len(wire.wrote) >= len(actions))  # noqa: B023
        seen = [at for at in wire.wrote if owner == "local" or at != f"{ROW} remote_state=none"]
        assert len(seen) == len(actions), seen
        assert all(at.startswith(action) for at, action in zip(seen, actions, strict=True)), seen

    for round in zip(KILLS_AWAY, KILLS_HOME, strict=True):
        for owner, where in zip(("kube", "local"), round, strict=True):
            console.type("systemctl reset-failed snmp")
            (before,) = console.unit("snmp", "MainPID")
            if where:
                wire.kill(*where)
            if owner == "kube" and where != KILLS_AWAY[0]:
                fleet.delete_pods("snmp")  # a new one comes sooner than one that was ended
            change(owner)
            if where:
                wire.sprung(where[1])
                wait_until("systemd's restart", lambda: console.unit("snmp", "MainPID") != [before])  # noqa: B023
                fleet.await_runner("snmp", owner)
            wait_until("its unit", lambda: console.active("snmp") == "active")
            assert (console.unit("snmp", "NRestarts") == ["1"]) is (where is not None)


@pytest.mark.parametrize("mode", COMMAND)
def test_the_command_killed_between_any_two_of_its_actions(fleet: Fleet, no_oneshot: None, mode: str) -> None:
    console = fleet.console
    fleet.deploy("snmp", V1)
    if mode == "legacy":
        console.ask("config feature mode snmp kubernetes --timeout 240")
    line = f"config-kube feature mode snmp {mode} --timeout 240"
    with Tripwire(console, "config-kube") as wire:
        for action in COMMAND[mode]:
            for when in ("before", "after"):
                wire.kill(when, action)
                typed = console.begin(f"env {' '.join(ENVIRONMENT)} {line}")
                wire.sprung(action)
                typed.end(137)
                noted = [at for at in wire.wrote if at not in COMMAND[mode]]
                assert all("reason" in at for at in noted), noted  # nothing else leaves a trace
    console.ask(line)
    owner = "kube" if mode == "kubernetes" else "local"
    fleet.await_runner("snmp", owner)  # the last one killed had seen it begin, and this one finds nothing to write
    fleet.seen("snmp", owner, V1)
