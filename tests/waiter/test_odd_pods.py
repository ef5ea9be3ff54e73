"""Whatever the rows say and pods do, a handover is for the one that it is meant for, and never for two."""

from __future__ import annotations

import pytest

from system_service.handover.own_row import OwnRow
from system_service.handover.view import STARTING, UNANNOUNCED, UNKNOWN, PodContainer, View, judge
from system_service.model.boot import uptime
from tests.waiter.process import Waiter, until
from tests.waiter.scene import GATE, LABELS, NEW, OWN, Scene, waiting


def tells(waiter: Waiter, words: str) -> None:
    until(lambda: any(words in line for line in waiter.said))


@pytest.mark.parametrize(
    "row",
    [
        {"remote_state": "pending", "container_version": NEW},  # a predecessor's, for all that anybody can tell
        {"remote_state": "pending", "container_version": ""},
        {"remote_state": "pending", "container_version": "another"},
        {"remote_state": "half\x1b[2J", "container_version": NEW, "update_time": "yesterday"},
        {"remote_state": "running", "container_version": NEW, "container_id": ""},
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
        until(lambda: scene.owner() == "kube")  # asked anew
        assert pod.box.starts == 2


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("update_time", ["2020-01-01 00:00:00", "2099-01-01 00:00:00", "", "soon"])
def test_no_time_in_a_row_has_a_say(scene: Scene, zone: str, update_time: str) -> None:
    """A pod writes its own zone's time, a switch may change its zone, a clock may be set; all that comes after a gate
    was heard, or before, is the same."""
    scene.environment["TZ"] = zone
    scene.begin("kube")
    scene.put(update_time=update_time)
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: scene.owner() == "kube" and "served" in scene.own())
        scene.put(update_time=update_time)
        scene.wants(high_mem_alert="x")
        waiter.idle(3)
        assert (scene.owner(), pod.box.starts, scene.local.starts) == ("kube", 1, 1)
        scene.wants(set_owner="local")
        until(lambda: scene.owner() == "local")


def test_a_field_of_ours_that_holds_no_number_counts_as_none(scene: Scene) -> None:
    scene.begin("kube")
    names = ("stop", "settle", "fell", "renewed", "answered", "failed", "deaths", "heard", "ended", "served")
    scene.note(**dict.fromkeys(names, "soon"))
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.pod()
        until(lambda: scene.owner() == "kube")


@pytest.mark.parametrize("far", ["99999999999", "1e300", "inf", "nan", "-1"])
def test_a_time_that_is_far_away_ends_no_wait(scene: Scene, far: str) -> None:
    scene.begin("kube")
    scene.note(fell=far, settle=far, answered=f"x {far}", deaths=f"{far} {far}", ended=far, stop=far)
    scene.put(update_time="2099-01-01 00:00:00")
    with waiting(scene) as waiter:
        waiter.idle_or_due()
        scene.pod()
        until(lambda: scene.owner() == "kube", 90)
        assert not any("unforeseen" in line for line in waiter.said), waiter.said


def test_what_another_boot_has_noted_is_void(scene: Scene) -> None:
    scene.begin("kube")
    scene.note(fell=f"{uptime():.1f}", settle="3600", boot="another1")
    with waiting(scene) as waiter:
        waiter.idle(3)
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
    scene.note(settle="60", fell=f"{uptime():.1f}")
    with waiting(scene) as waiter:
        tells(waiter, "the local container runs it")
        pod = scene.pod()
        tells(waiter, "settles")
        scene.docker.crash(pod.box.name)
        tells(waiter, "no pod")
        waiter.idle_or_due()
        assert (scene.owner(), scene.local.starts, scene.own().get("deaths")) == ("local", 1, None)


def test_ungated_processes_beside_the_local_container_are_sent_back_to_their_gate(scene: Scene) -> None:
    """Rules a and f. Two owners are what is found; one is what is made of it."""
    scene.begin("kube")
    pod = scene.pod()
    pod.box.processes = [["9", "snmpd"]]
    scene.put(remote_state="none", container_version=OWN)
    with waiting(scene):
        until(lambda: pod.box.starts == 2, timeout=7)
        until(lambda: scene.owner() == "kube" and scene.local.state == "exited")
    scene.twice.clear()


def test_a_gate_that_gives_way_beside_the_local_container_is_shut_again(scene: Scene) -> None:
    scene.begin("kube")
    scene.note(settle="60", fell=f"{uptime():.1f}")
    with waiting(scene) as waiter:
        tells(waiter, "the local container runs it")
        pod = scene.pod()
        tells(waiter, "settles")
        pod.box.processes = [["9", "snmpd"]]
        scene.wants(high_mem_alert="x")
        until(lambda: pod.box.starts == 2)
        assert scene.owner() == "local"
    scene.twice.clear()


@pytest.mark.parametrize("listed", [True, False])
def test_a_container_that_is_long_on_its_way_to_its_gate_is_given_the_time(scene: Scene, listed: bool) -> None:
    """None of its critical programs runs; where nobody knows which those are, it may run the feature."""
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod(arrives=False, listed=listed)
        if not listed:
            until(lambda: pod.box.starts == 2, timeout=10)
            return
        until(lambda: waiter.blocks_on() == (3, False))
        looks = scene.docker.calls["GET", f"/containers/{pod.box.id}/top"]
        until(lambda: scene.docker.calls["GET", f"/containers/{pod.box.id}/top"] > looks + 10)
        assert (scene.owner(), pod.box.starts) == ("local", 1)
        pod.arrives = True
        until(lambda: scene.owner() == "kube")
        assert pod.box.starts == 1


def test_with_nobody_else_the_local_container_serves_while_a_pod_is_long_on_its_way(scene: Scene) -> None:
    scene.begin("kube", local=False)
    pod = scene.pod(arrives=False)
    with waiting(scene):
        until(lambda: scene.owner() == "local")
        pod.arrives = True
        until(lambda: scene.owner() == "kube")
        assert (pod.box.starts, scene.own().get("settle")) == (1, None)


@pytest.mark.parametrize(
    ("grace", "gate", "local", "own"),
    [
        (5, UNANNOUNCED, True, {}),
        (2, UNKNOWN, True, {}),
        (10, UNKNOWN, True, {"renewed": "a@1 100 9"}),  # it was sent back to its gate, and may be slow to come there
        (10, UNKNOWN, False, {}),
        (10, STARTING, False, {}),
    ],
)
def test_how_long_a_container_may_be_on_its_way(grace: int, gate: str, local: bool, own: dict[str, str]) -> None:
    view, pod = View(), PodContainer("a", "a@1", gate=gate)
    pod.since = 100.0
    view.local, view.pods = local, [pod]
    for after, young in ((grace - 0.1, True), (grace, False)):
        judge(view, OwnRow({"boot": "b", **own}, 100.0 + after, "b"), 100.0 + after)
        assert pod.young is young


def test_a_paused_container_opens_no_gate_and_is_given_none(scene: Scene) -> None:
    scene.begin("kube")
    scene.note(settle="60", fell=f"{uptime():.1f}")
    with waiting(scene) as waiter:
        tells(waiter, "the local container runs it")
        pod = scene.pod()
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
    scene.put(remote_state="pending", container_version=NEW)
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
