"""The real waiter hands a feature over: real Redis, the fake Docker with pods in it, gates that keep the rules."""

from __future__ import annotations

import os

import pytest

from system_service.backends.unitfiles import UnitFiles, text
from system_service.model.boot import uptime
from tests.waiter.process import until
from tests.waiter.scene import OWN, Scene, waiting


def test_a_pod_at_its_gate_takes_over_and_the_unit_s_wait_goes_on(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: scene.owner() == "kube")
        assert scene.local.state == "exited"
        assert pod.box.starts == 1
        waiter.idle(3)
        assert scene.row()["remote_state"] == "running"
        assert scene.own()["served"].split("@")[0] == pod.box.id[:12]


def test_whoever_wrote_that_kubernetes_is_wanted_the_sender_of_labels_is_asked_to_look(scene: Scene) -> None:
    """`config feature owner snmp kube` writes CONFIG_DB, and notes no label."""
    scene.begin("local")
    asked = os.path.join(scene.folder, "sync")
    with waiting(scene) as waiter:
        waiter.idle(2)
        assert not os.path.exists(asked)
        scene.wants(set_owner="kube")
        until(lambda: os.path.exists(asked))


def test_legacy_again_brings_the_local_container_back(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: scene.owner() == "kube")
        scene.wants(set_owner="local")
        until(lambda: scene.owner() == "local")
        until(lambda: pod.frozen)
        assert pod.box.starts == 2
        waiter.idle(2)  # legacy: the second stream of events is gone
        assert scene.row()["current_owner"] == "local"
        scene.docker.crash("snmp")
        assert waiter.ended() == 0


def test_a_pod_that_dies_is_awaited_and_answered_again(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: "served" in scene.own())
        scene.docker.crash(pod.box.name)
        scene.pod()
        until(lambda: scene.owner() == "kube")
        assert scene.local.starts == 1
        assert len(scene.own()["deaths"].split()) == 1
        assert waiter.process.poll() is None


def test_a_second_death_within_ten_minutes_is_the_local_container_s_turn(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        for _ in range(2):
            # Noted: a kubelet takes longer than that to make the next one.
            until(lambda: scene.own().get("served", "").startswith(scene.pods[-1].box.id[:12]))
            scene.docker.crash(scene.pods[-1].box.name)
            scene.pod()
        until(lambda: scene.owner() == "local")
        waiter.idle_or_due()
        assert scene.owner() == "local"
        assert scene.own()["settle"] == "60"
        assert "twice within 10 minutes" in scene.own()["reason"]
        assert pod.box.state == "exited"


def test_the_end_of_an_old_version_s_container_is_no_failure(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.pod()
        for version in ("2", "3", "4"):
            until(lambda: scene.owner() == "kube")
            scene.docker.crash(scene.pods[-1].box.name, 0)
            scene.pod(version)
            until(lambda: scene.row().get("container_version") == version and scene.owner() == "kube")  # noqa: B023
        assert scene.local.starts == 1


def test_a_gate_that_does_not_open_is_given_up(scene: Scene) -> None:
    scene.begin("kube")
    pod = scene.pod(obeys=False)
    with waiting(scene):
        until(lambda: scene.row()["remote_state"] == "ready")
        scene.note(answered=f"{scene.own()['answered'].split()[0]} {uptime() - 11:.1f}")
        scene.wants(high_mem_alert="disabled2")  # it looks again
        until(lambda: scene.owner() == "local")
        assert pod.box.starts == 2  # whatever it had read, it is at its gate again
        assert scene.own()["reason"] == "the pod's gate did not open"


def test_the_same_version_can_never_open_and_the_local_one_goes_on(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod(OWN)
        until(lambda: any("the local image is the pod's version" in line for line in waiter.said))
        assert (scene.owner(), pod.box.starts) == ("local", 1)


def test_without_fallback_it_waits_for_its_pod_and_starts_nothing(scene: Scene) -> None:
    scene.begin("kube", local=False, no_fallback_to_local="true")
    with waiting(scene) as waiter:
        waiter.idle(3)
        assert scene.owner() == "none"
        scene.config.delete("FEATURE|snmp")  # a reload: intent unknown
        until(lambda: waiter.blocks_on() == (3, True))
        scene.wants(state="enabled", set_owner="kube")  # with fallback again
        until(lambda: scene.owner() == "local")


def test_without_fallback_a_pod_that_comes_is_let_in(scene: Scene) -> None:
    scene.begin("kube", local=False, no_fallback_to_local="true")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.pod()
        until(lambda: scene.owner() == "kube")
        assert scene.local.starts == 0


def test_of_two_containers_of_one_feature_the_older_is_stopped(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        first = scene.pod(obeys=False)
        first.box.created -= 5
        second = scene.pod()
        until(lambda: scene.owner() == "kube")
        assert (first.box.state, second.box.state) == ("exited", "running")


def test_the_local_container_s_own_death_ends_the_life(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.docker.crash("snmp")
        assert waiter.ended() == 0


def test_with_auto_restart_disabled_a_pod_s_death_ends_it(scene: Scene) -> None:
    scene.begin("kube", auto_restart="disabled")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.pod()
        until(lambda: scene.owner() == "kube")
        scene.docker.crash(scene.pods[-1].box.name)
        assert waiter.ended() == 0


def test_with_auto_restart_disabled_a_death_of_an_earlier_life_does_not_end_this_one(scene: Scene) -> None:
    scene.begin("kube", auto_restart="disabled")
    first = scene.pod()
    with waiting(scene) as waiter:
        until(lambda: scene.owner() == "kube" and "served" in scene.own())
        scene.docker.crash(first.box.name)
        assert waiter.ended() == 0
    died = float(scene.own()["deaths"])
    scene.pod()
    with waiting(scene) as waiter:
        # On a busy machine the local container has served meanwhile, and the pod has to settle first.
        until(lambda: any("a pod runs it" in line for line in waiter.said), timeout=180)
        waiter.idle(3)
        # Too old to count, it is dropped as the next one is written: the field is no longer than it was.
        scene.note(deaths=f"{died - 700:.1f}")
        scene.docker.crash(scene.pods[-1].box.name)
        assert waiter.ended() == 0
        assert "snmp: the pod's container ended, and auto_restart is disabled" in waiter.said


def test_stopped_by_container_stop_it_ends(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.put(system_state="down")
        scene.docker.crash("snmp", 0)
        assert waiter.ended() == 0


def test_sigterm_closes_the_gate(scene: Scene) -> None:
    scene.begin("kube", local=False, no_fallback_to_local="true")
    with waiting(scene) as waiter:
        waiter.idle(3)
        scene.pod(obeys=False)
        until(lambda: scene.row()["remote_state"] == "ready")
        waiter.process.terminate()
        assert waiter.ended() == -15
        assert (scene.row()["system_state"], scene.row()["remote_state"]) == ("down", "none")


def test_redis_that_comes_back_empty_is_told_who_runs_it(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: scene.owner() == "kube")
        waiter.idle(3)
        scene.state.delete("FEATURE|snmp", "SYSTEM_SERVICE|snmp")
        until(lambda: scene.row().get("remote_state") == "running")
        assert scene.row()["container_id"] == pod.box.id[:12]
        assert (scene.owner(), pod.box.starts) == ("kube", 1)


def test_dockerd_that_comes_back_is_heard_again(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        for _ in range(2):
            waiter.idle(3)
            scene.docker.stop()
            until(lambda: waiter.blocks_on() == (1, False))
            scene.docker.start()
        waiter.idle(3)
        assert sum("Docker is back" in line for line in waiter.said) >= 2, waiter.said
        scene.pod()
        until(lambda: scene.owner() == "kube")


def test_no_gate_is_left_beside_the_local_container_when_redis_dies(scene: Scene) -> None:
    """Rule f: without Redis a gate gives way, and the processes start ungated."""
    scene.begin("kube")
    scene.note(settle="60", fell=f"{uptime():.1f}")
    with waiting(scene) as waiter:
        until(lambda: any("the local container runs it" in line for line in waiter.said))
        pod = scene.pod()
        until(lambda: any("settles" in line for line in waiter.said))
        scene.server.stop()
        until(lambda: pod.box.state == "exited")
        again = scene.pod()  # the kubelet makes another
        until(lambda: again.box.state == "exited")
        assert scene.owner() == "local"
        scene.server.start()


def test_a_pod_that_serves_goes_on_when_redis_dies(scene: Scene) -> None:
    scene.begin("kube")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod()
        until(lambda: scene.owner() == "kube")
        waiter.idle(3)
        scene.server.stop()
        until(lambda: any("cannot be reached" in line or "hung up" in line for line in waiter.said))
        waiter.idle_or_due()
        assert (scene.owner(), pod.box.starts, pod.box.state) == ("kube", 1, "running")
        scene.server.start()


@pytest.mark.parametrize("moment", ["before", "during"])
def test_killed_anywhere_another_wait_goes_on(scene: Scene, moment: str) -> None:
    scene.begin("kube")
    pod = scene.pod(obeys=moment == "before")
    with waiting(scene) as waiter:
        if moment == "during":
            until(lambda: scene.row()["remote_state"] == "ready")
        waiter.process.kill()
        assert waiter.ended() == -9
    pod.obeys = True
    with waiting(scene):
        until(lambda: scene.owner() == "kube")


def test_a_pod_that_runs_when_redis_is_away_is_waited_on(scene: Scene) -> None:
    """`container start` has left it to this wait, and the end of a wait stops the pod."""
    scene.begin("kube", local=False)
    scene.pod()
    with waiting(scene):
        until(lambda: scene.owner() == "kube" and scene.row()["remote_state"] == "running")
    scene.server.stop()
    with waiting(scene) as waiter:
        until(lambda: any("a pod may run it" in line for line in waiter.said))
        waiter.idle_or_due()
        scene.server.start()
        scene.wants(state="enabled", set_owner="kube")
        until(lambda: scene.row().get("system_state") == "up")
        waiter.idle_or_due()
        assert (scene.owner(), scene.local.starts) == ("kube", 0)


@pytest.mark.parametrize("row", [{"set_owner": "kube"}, {"set_owner": "local"}, {}])
def test_a_pod_that_runs_when_the_row_is_absent_is_waited_on(scene: Scene, row: dict[str, str]) -> None:
    scene.begin("kube", local=False)
    pod = scene.pod()
    with waiting(scene):
        until(lambda: scene.owner() == "kube" and scene.row()["remote_state"] == "running")
    scene.config.delete("FEATURE|snmp")  # a reload
    with waiting(scene) as waiter:
        until(lambda: any("a pod may run it" in line for line in waiter.said))
        waiter.idle_or_due()
        if row.get("set_owner") == "kube":
            scene.wants(state="enabled", **row)
            waiter.idle(3)
            assert (scene.owner(), pod.box.starts) == ("kube", 1)
            return
        if row:
            scene.wants(state="enabled", **row)  # the unit's start deals with the pod
        else:
            scene.docker.crash(pod.box.name)
        assert waiter.ended() == 0
        assert waiter.said[-1] == "snmp: the container is not running"


@pytest.fixture
def kube_only(scene: Scene) -> Scene:
    """No local container, and a unit that says so."""
    with scene.docker.changed:
        scene.docker.containers.clear()
    folder = f"{scene.folder}/units"
    scene.environment["SYSTEM_SERVICE_UNIT_DIR"] = folder
    UnitFiles(folder).write("snmp", text("snmp"))
    return scene


def test_what_exists_in_kubernetes_only_goes_on_when_legacy_is_written(kube_only: Scene) -> None:
    """Nothing here could take over: whoever serves is not ended for it."""
    kube_only.begin("kube", local=False)
    with waiting(kube_only) as waiter:
        waiter.idle(3)
        pod = kube_only.pod()
        until(lambda: kube_only.owner() == "kube")
        kube_only.wants(set_owner="local")
        until(lambda: any("legacy is wanted, and there is no local container" in line for line in waiter.said))
        waiter.idle(3)
        assert (kube_only.owner(), pod.box.starts) == ("kube", 1)


def test_what_exists_in_kubernetes_only_waits_for_its_row(kube_only: Scene) -> None:
    with waiting(kube_only) as waiter:
        waiter.idle()
        kube_only.begin("kube", local=False, no_fallback_to_local="true")
        kube_only.pod()
        until(lambda: kube_only.owner() == "kube")


def test_what_exists_in_kubernetes_only_waits_for_redis(kube_only: Scene) -> None:
    kube_only.server.stop()
    with waiting(kube_only) as waiter:
        until(lambda: any("waiting on" in line for line in waiter.said))
        kube_only.server.start()
        kube_only.begin("kube", local=False, no_fallback_to_local="true")
        kube_only.pod()
        until(lambda: kube_only.owner() == "kube")
