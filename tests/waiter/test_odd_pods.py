"""Whatever the rows say and pods do, a handover is for the one that it is meant for, and never for two."""

from __future__ import annotations

import time

import pytest

from system_service.handover.view import Kube, View, judge
from tests.waiter.process import Waiter, until
from tests.waiter.scene import GATE, LABELS, NEW, OWN, Scene, now, waiting

OLD = "2020-01-01 00:00:00"


def tells(waiter: Waiter, words: str) -> None:
    until(lambda: any(words in line for line in waiter.said))


@pytest.mark.parametrize(
    "row",
    [
        {"remote_state": "pending", "container_version": NEW, "update_time": OLD},  # a stale one
        {"remote_state": "pending", "container_version": NEW, "update_time": ""},
        {"remote_state": "pending", "container_version": "", "update_time": now()},
        {"remote_state": "pending", "container_version": "another", "update_time": now()},
        {"remote_state": "half\x1b[2J", "container_version": NEW, "update_time": "yesterday"},
        {"remote_state": "running", "container_version": NEW, "update_time": OLD, "container_id": ""},
    ],
)
def test_a_row_that_does_not_speak_of_this_pod_lets_nobody_in(scene: Scene, row: dict[str, str]) -> None:
    scene.begin("kube")
    pod = scene.pod()
    pod.frozen = True
    scene.put(**row)
    with waiting(scene) as waiter:
        tells(waiter, "on its way to its gate")
        assert (scene.owner(), pod.box.starts) == ("local", 1)
        pod.box.started -= 60
        scene.wants(high_mem_alert="x")
        until(lambda: scene.owner() == "kube")  # asked anew
        assert pod.box.starts == 2


def test_a_field_of_ours_that_holds_no_number_counts_as_none(scene: Scene) -> None:
    scene.begin("kube")
    names = ("stop", "settle", "fell", "renewed", "answered", "failed", "deaths")
    scene.state.hset("SYSTEM_SERVICE|snmp", mapping=dict.fromkeys(names, "soon"))
    with waiting(scene):
        scene.pod()
        until(lambda: scene.owner() == "kube")


def test_a_stale_ready_is_taken_back_before_anybody_reads_it(scene: Scene) -> None:
    scene.begin("kube")
    scene.put(remote_state="ready")
    with waiting(scene) as waiter:
        until(lambda: scene.row()["remote_state"] == "none")
        waiter.idle(3)
        scene.pod()
        until(lambda: scene.owner() == "kube")


def test_a_gate_that_dies_while_it_waits_costs_nothing(scene: Scene) -> None:
    scene.begin("kube")
    scene.state.hset("SYSTEM_SERVICE|snmp", mapping={"settle": "60", "fell": f"{time.time():.1f}"})
    pod = scene.pod()
    with waiting(scene) as waiter:
        tells(waiter, "settles")
        scene.docker.crash(pod.box.name)
        tells(waiter, "no pod")
        waiter.idle_or_due()
        assert (scene.owner(), scene.local.starts, scene.own().get("deaths")) == ("local", 1, None)


@pytest.mark.parametrize("age", [60, 0])
def test_ungated_processes_beside_the_local_container_are_sent_back_to_their_gate(scene: Scene, age: int) -> None:
    """Rules a and f. Two owners are what is found; one is what is made of it, soon after a start too."""
    scene.begin("kube")
    pod = scene.pod()
    pod.box.processes = [["9", "snmpd"]]
    scene.put(remote_state="none", container_version=OWN)
    pod.box.started -= age
    with waiting(scene):
        until(lambda: pod.box.starts == 2, timeout=7)  # less than a container without a local one beside it is given
        until(lambda: scene.owner() == "kube" and scene.local.state == "exited")
    scene.twice.clear()


def test_who_was_seen_at_its_gate_and_is_there_no_more_is_not_given_the_time_of_a_start(scene: Scene) -> None:
    scene.begin("kube")
    pod = scene.pod()
    pod.box.started += 60  # young for as long as this test lasts
    with waiting(scene) as waiter:
        tells(waiter, "on its way to its gate")
        pod.box.processes = [["9", "snmpd"]]
        scene.wants(high_mem_alert="x")
        until(lambda: pod.box.starts == 2)
        until(lambda: scene.owner() == "kube" and scene.local.state == "exited")
    scene.twice.clear()


@pytest.mark.parametrize(("local", "own", "seconds"), [(True, {}, 2), (True, {"renewed": "99.9"}, 10), (False, {}, 10)])
def test_how_long_a_container_may_be_on_its_way(local: bool, own: dict[str, str], seconds: int) -> None:
    """One that was sent back to its gate may be slow to come there: it is not stopped for that."""
    view, kube = View(), Kube("a", started=100.0)
    view.local, view.kube = local, [kube]
    assert judge(view, {}, own, 100.0 + seconds - 0.1) == 100.0 + seconds
    assert kube.young
    judge(view, {}, own, 100.0 + seconds)
    assert not kube.young


def test_a_paused_container_opens_no_gate_and_is_given_none(scene: Scene) -> None:
    scene.begin("kube")
    scene.state.hset("SYSTEM_SERVICE|snmp", mapping={"settle": "60", "fell": f"{time.time():.1f}"})
    pod = scene.pod()
    with waiting(scene) as waiter:
        tells(waiter, "settles")
        pod.box.state = "paused"
        scene.state.hdel("SYSTEM_SERVICE|snmp", "settle", "fell")
        scene.wants(high_mem_alert="x")
        until(lambda: len(waiter.said) > 2)
        waiter.idle_or_due()
        assert scene.owner() == "local"


@pytest.mark.parametrize(
    "labels",
    [
        LABELS | {"io.kubernetes.docker.type": "podsandbox"},
        LABELS | {"io.kubernetes.container.name": "snmp-sidecar"},
        LABELS | {"io.kubernetes.container.name": "snmp\n"},
    ],
)
def test_what_is_no_container_of_the_feature_s_pod_is_left_alone(scene: Scene, labels: dict[str, str]) -> None:
    scene.begin("kube")
    other = scene.docker.create("k8s_snmp_other", labels=labels, env=[f"IMAGE_VERSION={NEW}"])
    other.processes = GATE
    scene.docker.run(other)
    scene.put(remote_state="pending", container_version=NEW, update_time=now())
    with waiting(scene) as waiter:
        waiter.idle(3)
        assert (scene.owner(), other.state, other.starts) == ("local", "running", 1)


def test_sidecars_of_its_pod_are_no_second_owner(scene: Scene) -> None:
    scene.begin("kube")
    sidecar = scene.docker.create("k8s_log_snmp", labels=LABELS | {"io.kubernetes.container.name": "log"})
    scene.docker.run(sidecar)
    with waiting(scene):
        scene.pod()
        until(lambda: scene.owner() == "kube")
        assert (sidecar.state, sidecar.starts) == ("running", 1)


@pytest.mark.parametrize("env", [[], ["IMAGE_VERSION"], ["IMAGE_VERSION=\x1b[2J", "X=1"]])
def test_an_image_without_a_version_that_means_anything(scene: Scene, env: list[str]) -> None:
    scene.begin("kube")
    other = scene.docker.create("k8s_snmp_other", labels=LABELS, env=env)
    other.processes = GATE
    scene.docker.run(other)
    with waiting(scene) as waiter:
        tells(waiter, "on its way to its gate")
        assert scene.owner() == "local"
