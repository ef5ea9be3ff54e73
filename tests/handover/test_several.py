"""More than one container of Kubernetes claims a feature: what is noted, and what is done."""

from __future__ import annotations

from typing import Any

import pytest

from system_service.handover.decide import ANSWER, CTRMGRD, RESTART_POD, START_LOCAL, STOP_POD, decide
from system_service.handover.own_row import OwnRow
from system_service.handover.reconciler import Reconciler
from system_service.handover.rows import Rows
from system_service.handover.view import OPEN, STARTING, UNANNOUNCED, WAITING, PodContainer, View, judge
from system_service.model.boot import boot_id, uptime
from tests.handover.test_reconciler import GATE, NEW, POD, Databases, Docker

BOOT = "b"
SECOND = "c" * 12


def view(*gates: str, local: bool = False, remote: str = "none", version: str = "") -> View:
    found = View()
    found.wants, found.up, found.local, found.remote, found.version = "kube", True, local, remote, version
    found.pods = [PodContainer(f"{at}", version=NEW, gate=gate) for at, gate in enumerate(gates)]
    for pod in found.pods:
        pod.uid, pod.maker = f"uid-{pod.id}", "snmp"
    return found


@pytest.mark.parametrize(("displaced", "may_replace"), [("", True), ("uid-1", False), ("uid-7", True)])
def test_a_pod_that_gave_way_does_not_take_over_again(displaced: str, may_replace: bool) -> None:
    found = view(OPEN, WAITING)
    own = OwnRow({"boot": BOOT, "heard": "1@x 5", "displaced": displaced}, 100.0, BOOT)
    found.pods[1].mark = "1@x"
    judge(found, own, 100.0)
    assert found.pods[1].may_replace is may_replace


def test_two_that_are_frozen_beside_the_local_container_do_not_stay_so() -> None:
    assert (
        decide(view(UNANNOUNCED, UNANNOUNCED, local=True)).kind,
        decide(view(UNANNOUNCED, UNANNOUNCED, local=True)).id,
    ) == (RESTART_POD, "1")


def test_two_that_asked_before_anybody_listened_are_let_in_alone() -> None:
    """And the local container is not started over their announcement, which would freeze both."""
    step = decide(view(UNANNOUNCED, UNANNOUNCED, remote="pending", version=NEW))
    assert (step.kind, step.id) == (STOP_POD, "0")
    assert decide(view(UNANNOUNCED, remote="pending", version=NEW)).kind == ANSWER


def test_while_several_are_on_their_way_the_local_container_serves() -> None:
    assert decide(view(STARTING, STARTING)).kind == START_LOCAL


class Two(Docker):
    def running(self, labels: object) -> list[str]:
        return [POD, SECOND]

    def inspect(self, ref: str) -> dict[str, Any]:
        found = super().inspect(ref)
        return {**found, "Id": ref} if ref == SECOND else found


def reconciler(databases: Any, docker: Any) -> Reconciler:
    return Reconciler(Rows(databases, "snmp", "snmp"), docker, "snmp", "snmp", lambda sentence: None, patient=True)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[str]:
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(tmp_path))
    return []


def test_of_two_that_wait_the_newest_is_heard_once(log: list[str]) -> None:
    """With one field for both, each look would begin its settle time anew."""
    databases = Databases(log, "kube")
    waits = reconciler(databases, Two(log, local=True, shown=GATE))
    waits.look()
    databases.rows_held["STATE_DB", "FEATURE|snmp"] |= {"remote_state": "pending", "container_version": NEW}
    waits.look()
    noted = databases.rows_held["STATE_DB", "SYSTEM_SERVICE|snmp"]["heard"]
    assert noted.startswith(SECOND)
    waits.look()
    assert databases.rows_held["STATE_DB", "SYSTEM_SERVICE|snmp"]["heard"] == noted


def test_ctrmgrd_is_not_waited_for_while_two_run_the_feature(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("system_service.backends.ctrmgrd.present", lambda: True)
    databases = Databases(log, "kube", remote_state="none", current_owner="local")
    databases.rows_held["STATE_DB", "SYSTEM_SERVICE|snmp"] = {
        "boot": boot_id(),
        "heard": f"{SECOND}@2026-01-01T00:00:00.5Z0 {uptime():.1f}",
    }
    docker = Two(log, local=True, shown=GATE)
    docker.top = lambda ref, columns: GATE if ref == SECOND else [["9", "1", "9", "S", "5", "snmpd"]]  # type: ignore[method-assign]
    databases.rows_held["STATE_DB", "FEATURE|snmp"] |= {"remote_state": "pending", "container_version": NEW}
    step = decide(reconciler(databases, docker).look())
    assert (step.kind, step.why == CTRMGRD) == (RESTART_POD, False)


def test_the_local_container_is_not_started_beside_one_that_opens(log: list[str]) -> None:
    """What is wanted may change, and a step be put off, while `container start` keeps."""
    for remote, shown, wants, starts in (
        ("none", GATE, "local", True),
        ("ready", GATE, "local", False),
        ("none", [["9", "1", "9", "S", "5", "snmpd"]], "local", False),
        ("none", GATE, "kube", False),
    ):
        holder = reconciler(Databases(log, wants, remote_state=remote), Docker(log, local=False, shown=shown))
        holder.look()
        assert holder.may_start_local() is starts, (remote, shown, wants)
