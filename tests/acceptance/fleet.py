"""The switch as the node of a real Kubernetes: what an operator of a fleet has, and what a doubter looks at."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import redis

from sandbox import features, images
from sandbox.kube.cluster import Cluster
from sandbox.kube.registry import ADDRESS
from sandbox.processes import SandboxError
from tests.acceptance.console import Console
from tests.support.owners import PROCESSES, Owners, containers_with
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

V1, V2 = images.PUBLISHED
SERVER = {"ip": "127.0.0.1", "port": "6443", "disable": "False", "insecure": "False"}


class Fleet:
    """A console, and the cluster that the switch has joined. `owners` looks all the while who runs what."""

    def __init__(self, console: Console, cluster: Cluster, owners: Owners) -> None:
        self.console = console
        self.cluster = cluster
        self.owners = owners
        self.switch = console.switch
        console.witness.write(CONFIG_DB, "KUBERNETES_MASTER|SERVER", SERVER)

    def deploy(self, name: str, version: str = V1, image: str = "") -> None:
        """Have the cluster run a feature's published image, by the manifest that the switch prints."""
        self.cluster.apply(self.manifest(name, version, image))

    def manifest(self, name: str, version: str = V1, image: str = "") -> dict[str, Any]:
        """The DaemonSet that the switch prints for a feature's published image, or another."""
        reference = image or f"{ADDRESS}/{images.published(name, version)}"
        found: dict[str, Any] = json.loads(self.console.type(f"show kubernetes manifest {name} --image {reference}"))
        return found

    def away(self, name: str, version: str = V1) -> dict[str, Any]:
        """Deploy it and have it run from Kubernetes; Docker's description of its container."""
        self.deploy(name, version)
        self.console.ask(f"config feature mode {name} kubernetes --timeout 240")
        self.seen(name, "kube", version)
        (pod,) = self.pods(name)
        return pod

    def await_version(self, name: str, version: str, timeout: float = 120) -> None:
        """Wait until a pod of this version runs it, and its row says so."""

        def there() -> bool:
            row = self.console.state(name)
            return (row.get("container_version"), row.get("remote_state")) == (version, "running")

        wait_until(f"{name} {version}", there, timeout)
        self.await_runner(name, "kube", 30)

    def same(self, name: str, pod: dict[str, Any]) -> bool:
        """Whether that container of a pod still runs, and was not started anew."""
        mark = (pod["Id"], pod["State"]["StartedAt"])
        return mark in [(found["Id"], found["State"]["StartedAt"]) for found in self.pods(name)]

    def own(self, name: str) -> dict[str, str]:
        """Our own row of the feature."""
        return self.console.witness.row(STATE_DB, f"SYSTEM_SERVICE|{name}")

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Docker's descriptions of the running pod containers of a feature."""
        label = f"label=io.kubernetes.container.name={name}"
        kind = "label=io.kubernetes.docker.type=container"
        for tries in range(5):
            ids = self.switch.docker("ps", "--quiet", "--no-trunc", "--filter", label, "--filter", kind).split()
            try:
                found: list[dict[str, Any]] = json.loads(self.switch.docker("inspect", *ids)) if ids else []
                return found
            except SandboxError:  # one has gone since it was listed
                if tries == 4:
                    raise
        return []

    def runner(self, name: str) -> str:
        """Which container really has the feature's process: local, kube, none, or both."""
        found = containers_with(PROCESSES[name], self.switch.base.name)
        local = self.console.life(name)
        names = {"local" if local and local[0].startswith(id) else "kube" for id in found}
        return "both" if len(found) > 1 else next(iter(names), "none")

    def await_runner(self, name: str, owner: str, timeout: float = 60) -> None:
        wait_until(f"{name} run by {owner}", lambda: self.runner(name) == owner, timeout)

    def seen(self, name: str, owner: str, version: str = "") -> None:
        """Everything that tells who runs a feature tells the same."""
        mode = {"kube": "kubernetes", "local": "legacy"}[owner]
        (shown,) = self.console.ask(f"show feature mode {name}")["features"]
        assert (shown["mode"], shown["owner"], shown["status"]) == (mode, owner, "running"), shown
        self.await_runner(name, owner, 10)  # a container that has just started has its process a moment later
        row = self.console.state(name)
        assert (row["system_state"], row["current_owner"]) == ("up", owner), row
        if owner == "kube":
            (pod,) = self.pods(name)
            assert (row["remote_state"], row["container_id"]) == ("running", pod["Id"][:12]), row
            assert row["container_version"] == version
            assert f"IMAGE_VERSION={version}" in pod["Config"]["Env"]
            assert self.console.life(name) is None
        else:
            assert (row["remote_state"], row["container_id"]) == ("none", name), row
        assert (self.cluster.labels().get(f"{name}_enabled") == "true") is (owner == "kube")

    def unit(self, name: str) -> list[str]:
        """What a handover must not change: the unit's restarts, and since when it is active."""
        return self.console.unit(name, "NRestarts", "ActiveEnterTimestampMonotonic", "ActiveState", "InvocationID")

    def delete_pods(self, name: str) -> None:
        """Its pods go; where its label still is, the cluster makes another, without any back-off."""
        for pod in self.cluster.pods(name):
            place, pod_name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            with contextlib.suppress(SandboxError):
                self.cluster.request("DELETE", f"/api/v1/namespaces/{place}/pods/{pod_name}?gracePeriodSeconds=1")

    def put_back(self) -> None:
        """Everything as it was before: legacy, no pods, no labels, no server."""
        for name in ("kube-apiserver", "kubelet"):
            if not self.cluster.processes[name].running:
                self.cluster.restart(name)
        self.cluster.refresh()
        self.switch.exec(
            ["config", "feature", "mode", "--all", "legacy", "--fallback", "--timeout", "240"], timeout=300
        )
        # DaemonSets stay: without their label they are nothing, and the controllers need not find out anew.
        self.cluster.label(**{f"{name}_enabled": None for name in features.UNITS})
        for name in features.PUBLISHED:
            self.delete_pods(name)
        for name in features.UNITS:
            if self.console.active(name) != "active":
                self.switch.exec(["systemctl", "reset-failed", name])
                self.switch.exec(["systemctl", "start", name])
        # All of them are at their gates by now, and nobody has to wait until they have ended in good order.
        with contextlib.suppress(SandboxError):
            self.switch.docker("kill", *self.switch.docker("ps", "--quiet", "--filter", "name=k8s_").split())
        wait_until("the end of all containers of pods", lambda: "k8s_" not in self.switch.docker("ps"), 60)
        with redis.Redis(unix_socket_path=str(self.switch.redis_socket), db=STATE_DB) as client:
            client.delete(*(f"SYSTEM_SERVICE|{name}" for name in features.UNITS))
        self.console.witness.write(CONFIG_DB, "KUBERNETES_MASTER|SERVER", {})
        for name in features.PUBLISHED:
            row = features.config_db()["FEATURE"][name]
            if self.console.intent(name) != row:
                self.console.witness.write(CONFIG_DB, f"FEATURE|{name}", row)
            self.await_runner(name, "local", 30)
        # A kubelet that has not yet heard of the deletion would start the containers anew: it confirms each by its end.
        self.cluster.processes["kubelet"].await_(lambda: not any(map(self.cluster.pods, features.PUBLISHED)), 60)
        for left in self.switch.docker("ps", "-a", "--quiet", "--filter", "name=k8s_").split():
            with contextlib.suppress(SandboxError):  # the kubelet may come first
                self.switch.docker("rm", "-f", left)
