"""The real waiter hands a feature over: real Redis, the fake Docker with pods in it, gates that keep the rules."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from system_service.backends.unitfiles import UnitFiles, text
from tests.fakes.docker_life import FakeContainer
from tests.fakes.docker_server import DockerServer
from tests.support.redis import RedisServer
from tests.waiter.process import Waiter, until

LABELS = {
    "io.kubernetes.container.name": "snmp",
    "io.kubernetes.docker.type": "container",
    "io.kubernetes.pod.namespace": "default",
}
OWN, NEW = "20260601.1", "20260701.1"
GATE = [["7", "/usr/bin/python3 /usr/bin/container_startup.py -f snmp -o kube"]]


class Pod:
    """The container of a pod: what its gate does is done here, by the rules, whenever it is started or asked."""

    def __init__(self, scene: Scene, version: str = NEW, *, obeys: bool = True) -> None:
        self.scene = scene
        self.version = version
        self.obeys = obeys
        self.frozen = False
        self.box: FakeContainer = scene.docker.create(
            f"k8s_snmp_snmp-{len(scene.docker.containers)}_default_uid_0",
            labels=LABELS,
            env=[f"IMAGE_VERSION={version}"],
        )

    def start(self) -> Pod:
        self.box.processes = GATE
        self.scene.docker.run(self.box)
        self.arrive()
        return self

    def arrive(self) -> None:
        """Rules b and c."""
        config, state = self.scene.config.hgetall("FEATURE|snmp"), self.scene.row()
        local = self.scene.state.hget("KUBE_LABELS|SET", "snmp_local")
        self.frozen = config.get("set_owner") != "kube" or state.get("system_state") != "up" or local == self.version
        if self.frozen:
            return
        self.scene.put(container_version=self.version)
        if state.get("remote_state", "") in ("", "none", "running", "stopped"):
            self.scene.put(remote_state="pending", update_time=now())

    def poll(self) -> None:
        """Rules d and e."""
        state = self.scene.row()
        if self.box.state != "running" or self.frozen or self.box.processes != GATE or not self.obeys:
            return
        if state.get("container_version") != self.version:
            self.frozen = True
        elif state.get("remote_state") == "ready":
            self.box.processes = [["8", "snmpd"]]
            self.scene.put(
                current_owner="kube", remote_state="running", container_id=self.box.id[:12], update_time=now()
            )


class Scene:
    """One feature on a switch, its local container running. Gates poll quickly, and never is snmpd there twice."""

    def __init__(self, folder: str, server: RedisServer, docker: DockerServer) -> None:
        self.folder, self.docker, self.server = folder, docker, server
        self.config = redis.Redis(unix_socket_path=server.address, db=4, decode_responses=True)
        self.state = redis.Redis(unix_socket_path=server.address, db=6, decode_responses=True)
        self.environment = {
            "DOCKER_HOST": f"unix://{docker.address}",
            "SYSTEM_SERVICE_DB_CONFIG": server.config,
            "SYSTEM_SERVICE_RUN_DIR": folder,
        }
        self.local = docker.create("snmp", env=[f"IMAGE_VERSION={OWN}"])
        self.pods: list[Pod] = []
        self.twice: list[str] = []
        self.pace = 0.05
        self._over = threading.Event()
        self._gates = threading.Thread(target=self._run)

    def begin(self, owner: str = "local", *, local: bool = True, **fields: str) -> None:
        self.config.hset("FEATURE|snmp", mapping={"state": "enabled", "set_owner": owner, **fields})
        self.put(system_state="up", update_time=now())
        if local:
            self.docker.run(self.local)
            self.put(current_owner="local", container_id="snmp", remote_state="none", container_version=OWN)
        self.state.hset("KUBE_LABELS|SET", "snmp_local", OWN)
        self._gates.start()

    def end(self) -> None:
        self._over.set()
        if self._gates.is_alive():
            self._gates.join()
        self.config.close()
        self.state.close()

    def _run(self) -> None:
        starts = self.local.starts
        while not self._over.wait(self.pace):
            with self.docker.changed:
                if self.local.starts != starts:  # what a local container does at its start
                    starts = self.local.starts
                    self.put(container_version=OWN, current_owner="local", container_id="snmp", update_time=now())
                for pod in self.pods:
                    if pod.box.state == "running" and pod.box.starts != getattr(pod, "starts", pod.box.starts):
                        pod.box.processes = GATE
                        pod.arrive()
                    pod.starts = pod.box.starts
                    pod.poll()
                owners = [p.box.name for p in self.pods if p.box.state == "running" and p.box.processes != GATE]
                owners += ["snmp"] if self.local.state == "running" else []
                if len(owners) > 1:
                    self.twice.append(" and ".join(owners))

    def pod(self, version: str = NEW, **options: bool) -> Pod:
        made = Pod(self, version, **options)
        self.pods.append(made)
        return made.start()

    def put(self, **fields: str) -> None:
        self.state.hset("FEATURE|snmp", mapping=fields)

    def row(self) -> dict[str, str]:
        return self.state.hgetall("FEATURE|snmp")

    def own(self) -> dict[str, str]:
        return self.state.hgetall("SYSTEM_SERVICE|snmp")

    def wants(self, **fields: str) -> None:
        self.config.hset("FEATURE|snmp", mapping=fields)

    def owner(self) -> str:
        """Who runs snmpd, as Docker shows it."""
        served = [p for p in self.pods if p.box.state == "running" and p.box.processes != GATE]
        return "kube" if served else "local" if self.local.state == "running" else "none"


def now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture
def scene() -> Iterator[Scene]:
    with (
        tempfile.TemporaryDirectory(prefix="wait-", dir="/tmp") as folder,
        RedisServer(f"{folder}/redis") as server,
        DockerServer(f"{folder}/docker.sock") as docker,
    ):
        made = Scene(folder, server, docker)
        yield made
        made.end()
        assert made.twice == []


def waiting(scene: Scene) -> Waiter:
    return Waiter("snmp", scene.folder, scene.environment)


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
        assert scene.own()["served"].split()[0] == pod.box.id


def test_legacy_again_brings_the_local_container_back(scene: Scene) -> None:
    scene.begin("kube")
    pod = scene.pod()
    with waiting(scene) as waiter:
        until(lambda: scene.owner() == "kube")
        scene.wants(set_owner="local")
        until(lambda: scene.owner() == "local")
        assert (pod.box.starts, pod.frozen) == (2, True)
        waiter.idle(2)  # legacy: the second stream of events is gone
        assert scene.row()["current_owner"] == "local"
        scene.docker.crash("snmp")
        assert waiter.ended() == 0


def test_a_pod_that_dies_is_awaited_and_answered_again(scene: Scene) -> None:
    scene.begin("kube")
    pod = scene.pod()
    with waiting(scene) as waiter:
        until(lambda: scene.owner() == "kube")
        scene.docker.crash(pod.box.name)
        scene.pod()
        until(lambda: scene.owner() == "kube")
        assert scene.local.starts == 1
        assert len(scene.own()["deaths"].split()) == 1
        assert waiter.process.poll() is None


def test_a_second_death_within_ten_minutes_is_the_local_container_s_turn(scene: Scene) -> None:
    scene.begin("kube")
    pod = scene.pod()
    with waiting(scene) as waiter:
        for _ in range(2):
            until(lambda: scene.owner() == "kube")
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
    scene.pod()
    with waiting(scene):
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
        scene.state.hset("SYSTEM_SERVICE|snmp", "answered", f"{time.time() - 11:.1f}")
        scene.wants(high_mem_alert="disabled2")  # it looks again
        until(lambda: scene.owner() == "local")
        assert pod.box.starts == 2  # whatever it had read, it is at its gate again
        assert scene.own()["reason"] == "the pod's gate did not open"


def test_the_same_version_can_never_open_and_the_local_one_goes_on(scene: Scene) -> None:
    scene.begin("kube")
    scene.state.hset("SYSTEM_SERVICE|snmp", "closed", "1")
    with waiting(scene) as waiter:
        waiter.idle(3)
        pod = scene.pod(OWN)
        pod.box.started -= 60
        scene.wants(high_mem_alert="on")
        until(lambda: any("version of the local image" in line for line in waiter.said))
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
    scene.pod()
    with waiting(scene) as waiter:
        until(lambda: scene.owner() == "kube")
        scene.docker.crash(scene.pods[-1].box.name)
        assert waiter.ended() == 0


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
    pod = scene.pod()
    with waiting(scene) as waiter:
        until(lambda: scene.owner() == "kube")
        waiter.idle(3)
        scene.state.delete("FEATURE|snmp", "SYSTEM_SERVICE|snmp")
        until(lambda: scene.row().get("remote_state") == "running")
        assert scene.row()["container_id"] == pod.box.id[:12]
        assert (scene.owner(), pod.box.starts) == ("kube", 1)


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


@pytest.fixture
def kube_only(scene: Scene) -> Scene:
    """No local container, and a unit that says so."""
    with scene.docker.changed:
        scene.docker.containers.clear()
    folder = f"{scene.folder}/units"
    scene.environment["SYSTEM_SERVICE_UNIT_DIR"] = folder
    UnitFiles(folder).write("snmp", text("snmp"))
    return scene


def test_what_exists_in_kubernetes_only_ends_when_legacy_is_written(kube_only: Scene) -> None:
    """Fallback or not, nothing is started that is not there."""
    kube_only.begin("kube", local=False)
    with waiting(kube_only) as waiter:
        waiter.idle(3)
        kube_only.pod()
        until(lambda: kube_only.owner() == "kube")
        kube_only.wants(set_owner="local")
        assert waiter.ended() == 0
        assert "snmp: legacy is wanted, and there is no local container" in waiter.said
        assert kube_only.owner() != "kube"


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
