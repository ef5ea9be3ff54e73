"""The real waiter beside ctrmgrd: whatever it does, ctrmgrd's rules see no second reason to restart the unit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ctrmgrd.rules import Transitions
from system_service.model.boot import uptime
from tests.waiter.process import until
from tests.waiter.scene import OWN, Scene, waiting


class Daemon:
    """Hears of every change of the rows, as ctrmgrd does; `restarts` are those it would make of an active unit."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.restarts: list[dict[str, str]] = []
        self._rules = Transitions(self)
        self._told = scene.state.pubsub()
        self._told.psubscribe("__keyspace@*__:FEATURE|snmp")
        self._look()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def active(self, feature: str) -> bool:
        return True

    def label(self, feature: str, wanted: bool) -> None: ...

    def served(self, feature: str) -> None: ...

    def restart(self, feature: str, owner: str) -> None:
        self.restarts.append(self.scene.row())

    def _look(self) -> None:
        self._rules.config("snmp", self.scene.config.hgetall("FEATURE|snmp"))
        self.seen = self.scene.row()
        self._rules.state("snmp", self.seen)

    def _run(self) -> None:
        while not self._over.is_set():
            if self._told.get_message(timeout=0.1):
                self._look()

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        self._told.close()


@pytest.fixture
def beside(scene: Scene) -> Iterator[Scene]:
    """A scene with ctrmgrd installed."""
    Path(scene.folder, "ctrmgrd.service").write_text("[Service]\n")
    scene.environment["SYSTEMD_UNIT_PATH"] = scene.folder
    return scene


@pytest.fixture
def daemon(beside: Scene) -> Iterator[Daemon]:
    """ctrmgrd's eyes, on a feature that is to move."""
    beside.begin("kube")
    made = Daemon(beside)
    yield made
    made.end()


def test_a_pod_that_announces_itself_is_left_to_ctrmgrd(beside: Scene, daemon: Daemon) -> None:
    with waiting(beside) as waiter:
        waiter.idle(3)
        pod = beside.pod()
        until(lambda: any("ctrmgrd is to restart the unit" in line for line in waiter.said))
        until(lambda: waiter.blocks_on() == (3, False))  # for a while, not for ever
        assert (beside.owner(), pod.box.starts, beside.row()["remote_state"]) == ("local", 1, "pending")
        until(lambda: len(daemon.restarts) == 1)


def test_what_ctrmgrd_does_not_do_is_done_in_the_end(beside: Scene) -> None:
    beside.begin("kube")
    with waiting(beside) as waiter:
        waiter.idle(3)
        pod = beside.pod()
        begun = time.monotonic()
        until(lambda: beside.owner() == "kube", 40)
        assert time.monotonic() - begun > 10
        assert pod.box.starts == 1
        beside.wants(set_owner="local")
        until(lambda: beside.owner() == "local", 40)


def test_pods_that_fail_give_no_reason_for_a_restart(beside: Scene, daemon: Daemon) -> None:
    with waiting(beside) as waiter:
        waiter.idle(3)
        first = beside.pod()
        beside.put(current_owner="none")  # as a restart leaves it: the stop, and a start that met the pod
        until(lambda: beside.owner() == "kube")
        daemon.restarts.clear()

        beside.docker.crash(first.box.name)
        until(lambda: beside.row()["current_owner"] == "none")
        second = beside.pod()
        until(lambda: beside.owner() == "kube")
        beside.docker.crash(second.box.name)
        until(lambda: beside.owner() == "local")
        until(lambda: beside.row()["current_owner"] == "local")
        waiter.idle_or_due()
        third = beside.pod()
        until(lambda: beside.own().get("heard", "").startswith(third.box.id[:12]))
        assert (beside.owner(), third.box.starts, beside.row()["remote_state"]) == ("local", 1, "pending")

        # It has waited long enough at its gate.
        long_ago = f"{uptime() - 61:.1f}"
        beside.note(fell=long_ago, heard=f"{beside.own()['heard'].split()[0]} {long_ago}")
        beside.wants(high_mem_alert="on")  # it looks again
        until(lambda: beside.owner() == "kube", 40)
        assert third.box.starts == 1
        assert daemon.restarts == []


def test_a_local_container_that_was_removed_is_the_start_script_s_to_make(beside: Scene) -> None:
    beside.begin("kube")
    with waiting(beside) as waiter:
        waiter.idle(3)
        pod = beside.pod()
        beside.put(current_owner="none")
        until(lambda: beside.owner() == "kube")
        beside.docker.crash(pod.box.name)
        second = beside.pod()
        until(lambda: beside.owner() == "kube")
        beside.docker.remove(beside.local, force=False)
        beside.docker.crash(second.box.name)
        assert waiter.ended() == 0
        assert "the unit's start makes it anew" in waiter.said[-1]


def test_a_frozen_pod_is_asked_anew_while_the_local_container_goes_on(beside: Scene, daemon: Daemon) -> None:
    """It fell back quietly, over `pending`: a gate that finds that says its version alone, which is no restart."""
    with waiting(beside) as waiter:
        waiter.idle(3)
        with beside.docker.changed:  # so long nobody looks at a row that is half made
            beside.put(current_owner="none", remote_state="pending", container_version="")
            until(lambda: daemon.seen["remote_state"] == "pending")
            pod = beside.pod()
            pod.frozen = True
            beside.put(container_version=OWN, current_owner="local")
        begun = beside.local.ends
        until(lambda: pod.box.starts == 2)
        assert beside.local.ends == begun  # it serves until the gate is there
        until(lambda: beside.owner() == "kube")
        assert daemon.restarts == []
