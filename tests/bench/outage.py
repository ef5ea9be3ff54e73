"""How long an SNMP client gets no answer while something is done to snmpd, and while it changes hands."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable

import redis

from sandbox import images
from sandbox.kube.registry import ADDRESS
from sandbox.poller import Poller
from sandbox.processes import wait_until
from sandbox.switch import Switch
from tests.support.switch import STATE_DB

_SERVER = [
    "redis-cli",
    "-s",
    "/var/run/redis/redis.sock",
    "-n",
    "4",
    "HSET",
    "KUBERNETES_MASTER|SERVER",
    "ip",
    "127.0.0.1",
]


def silence(switch: Switch, act: Callable[[], object]) -> float:
    """Seconds without an answer around `act`."""
    with Poller(switch.engine) as client:
        client.steady()
        act()
        client.steady()
        return client.silence()


class Moves:
    """What is done to snmp on a switch that has joined a cluster; its pods' image is here from the beginning on."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.cluster = switch.join()
        switch.exec(_SERVER).check_returncode()
        self.deploy(images.PUBLISHED[0])
        self.move("kubernetes")
        self.move("legacy")

    def deploy(self, version: str) -> None:
        """Have the cluster run this version."""
        image = f"{ADDRESS}/{images.published('snmp', version)}"
        shown = self.switch.exec(["show", "kubernetes", "manifest", "snmp", "--image", image])
        self.cluster.apply(json.loads(shown.stdout))

    def move(self, mode: str, timeout: int = 180, expect: int = 0) -> None:
        """Type it. Patient: controllers take their time to make a pod after the API server was away, and the local one
        serves meanwhile."""
        line = ["config", "feature", "mode", "snmp", mode, "--timeout", str(timeout)]
        done = self.switch.exec(line, timeout=200)
        if done.returncode != expect:
            raise RuntimeError(done.stderr)

    def restart(self) -> None:
        """What a handover is compared with."""
        self.switch.docker("restart", "snmp")

    def to_kubernetes(self) -> None:
        self.move("kubernetes")

    def to_legacy(self) -> None:
        self.move("legacy")

    def to_a_missing_image(self) -> None:
        wait_until("the end of all pods", lambda: "k8s_" not in self.switch.docker("ps"), timeout=60)
        self.deploy("never")
        self.move("kubernetes", 8, expect=6)
        self.move("legacy")
        self.deploy(images.PUBLISHED[0])

    def api_server_dies(self) -> None:
        self.cluster.kill("kube-apiserver")
        self.cluster.restart("kube-apiserver")

    def home_without_api_server(self) -> None:
        self.cluster.kill("kube-apiserver")
        try:
            self.move("legacy")
        finally:
            self.cluster.restart("kube-apiserver")
            self.switch.exec(["system", "service", "sync"], timeout=90)


class GateShares:
    """Seconds from `ready` until a gate has opened, of every handover from creation to `close`: the gate's own part."""

    def __init__(self, switch: Switch) -> None:
        self.found: list[float] = []
        # Not everything that is written is text, and what is said of it is none of ours.
        self._client = redis.Redis(
            unix_socket_path=str(switch.redis_socket), db=STATE_DB, decode_responses=True, encoding_errors="replace"
        )
        self._monitor = self._client.monitor()
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        answered = 0.0
        with contextlib.suppress(redis.RedisError, OSError, ValueError):
            for said in self._monitor.listen():
                if "FEATURE|snmp" not in said["command"] or "remote_state" not in said["command"]:
                    continue
                word = "".join(said["command"].partition("remote_state")[2].split()[:1])
                if word == "ready":
                    answered = said["time"]
                elif word == "running" and answered:
                    self.found.append(said["time"] - answered)
                    answered = 0.0

    def close(self) -> None:
        self._client.connection_pool.disconnect()
        self._thread.join(timeout=10)

    def __enter__(self) -> GateShares:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
