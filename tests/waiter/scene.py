"""A switch for one real waiter: real Redis, the fake Docker with pods in it, gates that keep the recorded rules."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from system_service.model.boot import boot_id
from tests.fakes.docker_life import FakeContainer
from tests.fakes.docker_server import DockerServer
from tests.support.gate import rules
from tests.support.redis import RedisServer
from tests.waiter.process import Waiter

CRITICAL = {"/etc/supervisor/critical_processes": b"program:snmpd\n"}
LABELS = {
    "io.kubernetes.container.name": "snmp",
    "io.kubernetes.docker.type": "container",
    "io.kubernetes.pod.namespace": "sonic",
}
OWN, NEW = "20260601.1", "20260701.1"
BOOT = [["7", "/bin/sh /usr/bin/entry.sh"]]
GATE = [["7", "/usr/bin/python3 /usr/bin/container_startup.py -f snmp -o kube"]]


class Pod:
    """The container of a pod: what its gate does is done here, by the rules, whenever it is started or asked."""

    def __init__(
        self,
        scene: Scene,
        version: str = NEW,
        *,
        obeys: bool = True,
        arrives: bool = True,
        listed: bool = True,
        name: str = "",
        namespace: str = "sonic",
    ) -> None:
        """`obeys`: its gate takes `ready`. `arrives`: its start comes as far as its gate. `listed`: its image names its
        critical processes."""
        self.scene = scene
        self.version = version
        self.obeys = obeys
        self.arrives = arrives
        self.frozen = False
        self.starts = 0  # of its container, as of the last look at its gate
        self.box: FakeContainer = scene.docker.create(
            f"k8s_snmp_snmp-{len(scene.docker.containers)}_{namespace}_uid_0",
            labels=LABELS
            | {
                "io.kubernetes.pod.namespace": namespace,
                "io.kubernetes.pod.name": name or f"snmp-{len(scene.docker.containers)}",
                "io.kubernetes.pod.uid": f"uid-{len(scene.docker.containers)}",
            },
            env=[f"IMAGE_VERSION={version}"],
            files=dict(CRITICAL) if listed else {},
            boot=BOOT,
        )
        self._gate = rules.Gate("snmp", "kube", version, self.box.id[:12], now)

    @property
    def runs(self) -> bool:
        """The feature's processes, in a container that runs."""
        return self.box.processes not in (BOOT, GATE)

    def start(self) -> Pod:
        with self.scene.docker.changed:
            self.scene.docker.run(self.box)
            self.starts = self.box.starts
        if not self.arrives:
            return self
        self.box.processes = GATE
        with contextlib.suppress(redis.ConnectionError):  # the scene sees to it
            self.arrive()
        return self

    def arrive(self) -> None:
        """Its gate begins."""
        self._take(self._gate.arrive(self.scene.read))

    def poll(self) -> None:
        """Its gate looks again."""
        if self.box.state == "running" and self.box.processes == GATE and not self.frozen:
            self._take(self._gate.look(self.scene.row()))

    def _take(self, step: Any) -> None:
        if step.goes == rules.OPENS and not self.obeys:
            return
        self.scene.write(step)
        self.frozen = step.goes == rules.FREEZES
        if step.goes == rules.OPENS:
            self.box.processes = [["8", "snmpd"]]


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
        self._gate = rules.Gate("snmp", "local", OWN, "", now)  # of the local container
        self.pace = 0.05
        self.away = 0.0  # for how long Redis has been
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
            with self.docker.changed, self._gates_without_redis():
                if self.local.starts != starts:
                    starts = self.local.starts
                    self.write(self._gate.arrive(self.read))
                for pod in self.pods:
                    if pod.box.state == "running" and pod.box.starts != pod.starts:
                        pod.box.processes = BOOT
                        pod.starts = pod.box.starts
                    if pod.box.state == "running" and pod.box.processes == BOOT and pod.arrives:
                        pod.box.processes = GATE
                        pod.arrive()
                    pod.poll()
                self._count()

    def _count(self) -> None:
        owners = [p.box.name for p in self.pods if p.box.state == "running" and p.runs]
        owners += ["snmp"] if self.local.state == "running" else []
        if len(owners) > 1:
            self.twice.append(" and ".join(owners))

    @contextlib.contextmanager
    def _gates_without_redis(self) -> Iterator[None]:
        """Without Redis those end that look every 2 s, half a second from now, and their features go ungated."""
        try:
            yield
        except redis.ConnectionError:
            self.away += self.pace
            for pod in self.pods:
                if self.away > 0.5 and pod.box.state == "running" and not pod.frozen:
                    pod.box.processes = [["9", "snmpd"]]
            self._count()
        else:
            self.away = 0.0

    def pod(self, version: str = NEW, **options: Any) -> Pod:
        made = Pod(self, version, **options)
        self.pods.append(made)
        return made.start()

    def put(self, **fields: str) -> None:
        self.state.hset("FEATURE|snmp", mapping=fields)

    def write(self, step: Any) -> None:
        """The writes of a gate's step."""
        for key, fields in step.writes:
            self.state.hset(key, mapping=fields)

    def read(self, database: int, key: str) -> dict[str, str]:
        """A row as a gate reads it."""
        return (self.config if database == rules.CONFIG_DB else self.state).hgetall(key)  # type: ignore[return-value]

    def row(self) -> dict[str, str]:
        return self.state.hgetall("FEATURE|snmp")

    def own(self) -> dict[str, str]:
        return self.state.hgetall("SYSTEM_SERVICE|snmp")

    def note(self, **fields: str) -> None:
        """Into our own row, as of this boot."""
        self.state.hset("SYSTEM_SERVICE|snmp", mapping={"boot": boot_id(), **fields})

    def wants(self, **fields: str) -> None:
        self.config.hset("FEATURE|snmp", mapping=fields)

    def owner(self) -> str:
        """Who runs snmpd, as Docker shows it."""
        served = [p for p in self.pods if p.box.state == "running" and p.runs]
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
