"""Who serves when more than one claims the feature, or nobody can: nothing is lost, and nothing tried in a spin."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.waiter.process import until
from tests.waiter.scene import NEW, OWN, Pod, Scene, waiting

NEXT = "20260801.1"


def served(scene: Scene, waiter, **options: str) -> Pod:
    """A pod that runs the feature, handed over by this wait."""
    waiter.idle(3)
    pod = scene.pod(**options)
    until(lambda: scene.owner() == "kube" and scene.own().get("served", "").startswith(pod.box.id[:12]))
    waiter.idle(3)
    return pod


@pytest.mark.parametrize("version", [NEW, NEXT])
def test_of_two_pods_the_one_that_serves_goes_on(scene: Scene, version: str) -> None:
    """Two DaemonSets: their pods have nothing in common but the container's name."""
    scene.begin("kube")
    with waiting(scene) as waiter:
        first = served(scene, waiter, name="snmp-a")
        second = scene.pod(version, name="other-b")
        until(lambda: any("two pods claim it" in line for line in waiter.said))
        assert scene.own()["reason"] == "two pods claim it"
        scene.wants(high_mem_alert="x")
        waiter.idle(3)
        assert (first.box.starts, second.box.starts, scene.local.starts) == (1, 1, 1)
        assert (first.runs, second.runs) == (True, False)
        scene.docker.crash(first.box.name)
        until(lambda: second.runs)
        assert scene.local.starts == 1


def test_when_the_other_pod_has_gone_the_row_speaks_of_the_one_that_serves(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        served(scene, waiter, name="snmp-a")
        second = scene.pod(NEXT, name="other-b")
        until(lambda: scene.own().get("reason") == "two pods claim it")
        assert (scene.row()["remote_state"], scene.row()["container_version"]) == ("pending", NEXT)
        scene.docker.crash(second.box.name)
        until(lambda: (scene.row()["remote_state"], scene.row()["container_version"]) == ("running", NEW))
        until(lambda: "reason" not in scene.own())
        waiter.idle(3)


def test_a_second_pod_of_the_same_daemonset_takes_over_in_the_end(scene: Scene) -> None:
    """maxSurge: the old pod is not deleted before the new one is ready, and that one is not before its gate opens."""
    scene.begin("kube")
    with waiting(scene) as waiter:
        first = served(scene, waiter, name="snmp-a")
        second = scene.pod(NEXT, name="snmp-b")
        until(lambda: second.runs, 30)
        assert first.box.state == "exited"
        scene.docker.run(first.box)  # its kubelet makes it anew, until it is deleted
        until(lambda: any("two pods claim it" in line for line in waiter.said))
        waiter.idle_or_due()
        assert (second.runs, scene.local.starts) == (True, 1)


def test_what_is_no_pod_of_ours_does_not_end_the_one_that_serves(scene: Scene) -> None:
    """`kubectl run snmp --image=nginx`: the container has the pod's name, no gate and no list."""
    scene.begin("kube")
    with waiting(scene) as waiter:
        first = served(scene, waiter)
        other = scene.pod("", arrives=False, listed=False, name="snmp", namespace="default")
        until(lambda: any("two pods claim it" in line for line in waiter.said))
        until(lambda: other.box.starts == 2 or other.box.state == "exited", 30)
        assert (first.runs, first.box.starts) == (True, 1)
        assert scene.owner() == "kube"


def test_while_the_local_container_serves_one_of_two_is_let_in(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.pod(name="snmp-a", arrives=False)
        second = scene.pod(NEXT, name="other-b")
        until(lambda: scene.owner() == "kube", 40)
        assert second.runs or scene.pods[0].runs
        assert scene.local.state == "exited"


@pytest.mark.parametrize("namespace", ["sonic", "default", "kube-system"])
def test_a_pod_of_any_namespace_is_an_owner(scene: Scene, namespace: str) -> None:
    scene.begin("kube", local=False)
    pod = scene.pod(namespace=namespace)
    pod.box.processes = [["9", "snmpd"]]  # rule a, after a reboot: it was first, and found no row
    with waiting(scene) as waiter:
        until(lambda: scene.own().get("served", "").startswith(pod.box.id[:12]))
        waiter.idle(3)
        assert (scene.owner(), scene.local.starts, pod.box.starts) == ("kube", 0, 1)


def test_who_starts_the_local_container_beside_a_pod_is_sent_away(scene: Scene) -> None:
    """`docker start snmp`: it ends at once, and the pod is not touched."""
    scene.begin("kube")
    scene.local.on_term = None  # it would take its full time
    with waiting(scene) as waiter:
        scene.local.on_term = 0
        pod = served(scene, waiter)
        scene.local.on_term = None
        with scene.docker.changed:
            scene.docker.run(scene.local)
        until(lambda: scene.local.state == "exited", 5)
        until(lambda: scene.row()["current_owner"] == "kube")
        waiter.idle(3)
        assert (pod.runs, pod.box.starts, scene.own().get("deaths")) == (True, 1, None)
    scene.twice.clear()


def test_a_pod_that_was_told_to_end_has_not_failed(scene: Scene) -> None:
    """An update, a roll-out, a label that was dropped: twice in a row, and nothing is to settle."""
    scene.begin("kube")
    with waiting(scene) as waiter:
        pod = served(scene, waiter)
        for version in (NEXT, NEW):
            with scene.docker.changed:
                scene.docker.stop_container(pod.box, 5)  # as a kubelet does it
            until(lambda: "ended" in scene.own())
            pod = scene.pod(version)
            until(lambda: pod.runs)  # noqa: B023
            until(lambda: scene.own().get("served", "").startswith(pod.box.id[:12]))  # noqa: B023
        assert (scene.own().get("deaths"), scene.own().get("settle"), scene.local.starts) == (None, None, 1)


def test_while_its_successor_is_pulled_the_local_image_serves(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        pod = served(scene, waiter)
        with scene.docker.changed:
            scene.docker.stop_container(pod.box, 5)
        begun = time.monotonic()
        until(lambda: scene.owner() == "local", 15)
        assert time.monotonic() - begun < 10  # less than for one that has died
        late = scene.pod(NEXT)
        until(lambda: late.runs)
        assert scene.own().get("settle") is None


def test_a_frozen_pod_and_no_local_container_is_the_start_script_s_business(scene: Scene) -> None:
    """ctrmgrd has removed the local container; the pod that comes has the version that the image here has."""
    scene.begin("kube", local=False)
    scene.docker.remove(scene.local, force=False)
    Path(scene.folder, "snmp.sh").write_text("docker create --name snmp docker-snmp:latest\n")
    scene.environment["SYSTEM_SERVICE_SCRIPT_DIR"] = scene.folder
    scene.docker.images.add("docker-snmp:latest")
    pod = scene.pod(OWN)
    with waiting(scene) as waiter:
        assert waiter.ended() == 0
        assert "the unit's start makes it anew" in waiter.said[-1]
    assert pod.box.starts == 1


def test_where_nothing_can_be_made_the_pod_goes_on(scene: Scene) -> None:
    """Legacy is written where neither a container nor its image is here."""
    scene.begin("kube")
    Path(scene.folder, "snmp.sh").write_text("docker create --name snmp docker-snmp:latest\n")
    scene.environment["SYSTEM_SERVICE_SCRIPT_DIR"] = scene.folder
    with waiting(scene) as waiter:
        pod = served(scene, waiter)
        scene.docker.remove(scene.local, force=False)
        scene.wants(set_owner="local")
        until(lambda: any("legacy is wanted, and there is no local container" in line for line in waiter.said))
        waiter.idle(3)
        assert (pod.runs, pod.box.starts) == (True, 1)


def test_a_fallback_that_docker_refuses_is_not_tried_in_a_spin(scene: Scene) -> None:
    scene.begin("kube", local=False)
    scene.docker.refuse("POST /containers/snmp/start", "port is already allocated")
    with waiting(scene) as waiter:
        until(lambda: scene.docker.calls["POST", "/containers/snmp/start"] >= 3)
        begun = time.monotonic()
        until(lambda: scene.docker.calls["POST", "/containers/snmp/start"] >= 4)
        assert time.monotonic() - begun > 2  # 1, 2, 4 s
        assert waiter.process.poll() is None


def test_after_a_homecoming_no_row_speaks_of_the_pod(scene: Scene) -> None:
    """What is left behind would have ctrmgrd restart the unit at the next move, before there is a pod."""
    scene.begin("kube")
    scene.note(settle="60", fell="1")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod(obeys=False)
        pod.frozen = True
        scene.put(remote_state="pending", container_version=NEW)
        scene.wants(set_owner="local")
        until(lambda: scene.row()["remote_state"] == "none")
        assert (scene.row()["container_version"], scene.owner()) == (OWN, "local")


def test_a_second_wait_only_watches(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as unit:
        unit.idle(3)
        with waiting(scene) as other:
            until(lambda: any("another wait hands it over" in line for line in other.said))
            scene.pod()
            until(lambda: scene.owner() == "kube")
            unit.idle(3)
            assert other.process.poll() is None
            scene.wants(set_owner="local")
            until(lambda: scene.owner() == "local")
            unit.idle(2)
            scene.docker.crash("snmp")
            assert unit.ended() == 0
            assert other.ended() == 0


@pytest.mark.parametrize("first", ["oneshot", "wait"])
@pytest.mark.parametrize("owner", ["kube", "local"])
def test_an_emptied_database_is_told_what_is_so(scene: Scene, owner: str, first: str) -> None:
    """The oneshot that closes gates, and this wait, in either order."""
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = served(scene, waiter) if owner == "kube" else None
        lost = scene.state.pipeline(transaction=True)
        lost.delete("FEATURE|snmp", "SYSTEM_SERVICE|snmp", "KUBE_LABELS|SET")
        if first == "oneshot":  # which writes over no word, and so nothing once the row is back
            lost.hset("FEATURE|snmp", "system_state", "down")
        lost.execute()
        until(lambda: scene.row().get("system_state") == "up" and scene.row().get("current_owner") == owner)
        waiter.idle(3)
        if pod is not None:
            assert (pod.runs, pod.box.starts) == (True, 1)
            return
        scene.pod()
        until(lambda: scene.owner() == "kube")
