"""A one-node Kubernetes in an engine's room: etcd, registry, control plane and a kubelet that drives that engine.

Everything listens on the room's own loopback and dies with the room. The node is the virtual switch.
"""

from __future__ import annotations

import contextlib
import functools
import json
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from sandbox.engine import Engine
from sandbox.kube import binaries
from sandbox.kube.pki import API_NAMES, Pki
from sandbox.kube.process import Process
from sandbox.kube.registry import Registry
from sandbox.processes import SandboxError, run, wait_until

API_PORT = 6443
SERVER = f"https://127.0.0.1:{API_PORT}"
NAMESPACE = "sonic"
"""The namespace of features' pods; `default`, which every cluster has, is there for whoever wants it."""
PAUSE = "local/pause:1"
_ETCD, _ETCD_PEER = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
_CONTROLLER_PORT, _SCHEDULER_PORT, _KUBELET_PORT, _KUBELET_HEALTH = 10257, 10259, 10250, 10248
_USERS = {
    "admin": "/O=system:masters/CN=admin",
    "controller": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
}


class ApiError(SandboxError):
    """The API server refused; `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the API server answered {status}: {text[:500]}")
        self.status = status


class Cluster:
    """A cluster whose only node is called `node`.

    `processes`: etcd, registry, kube-apiserver, kube-controller-manager, kube-scheduler and kubelet, by these names.
    """

    def __init__(self, engine: Engine, node: str) -> None:
        self.engine = engine
        self.node = node
        self.base = engine.base / "kube"
        self.pki = Pki(self.base / "pki")
        self.registry = Registry(engine, engine.base / "registry")
        self.processes: dict[str, Process] = {}
        self._kubelet_since = ""
        self._deaf: set[str] = set()

    def open(self) -> None:
        """Start everything and wait until the node is Ready. SandboxError with the end of the log of what failed."""
        folder = binaries.provide()
        for name in ("etcd", "plugins"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        self._certificates()
        self._write_configuration()
        for name, argv in self._command_lines(str(folder / "kubebox"), str(folder / "kubenode")).items():
            self.processes[name] = Process(self.engine.room, argv, self.base / "log" / name)
        etcd = self.processes["etcd"]
        etcd.start()
        self.registry.start()
        self.processes["registry"] = self.registry.process
        etcd.await_(lambda: "ready to serve client requests" in etcd.said(), 30)
        self.processes["kube-apiserver"].start()
        self._import_pause()
        self.processes["kube-apiserver"].await_(self.answers, 90)
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet"):
            self.start(name)
        self.processes["kubelet"].await_(self.ready, 90)
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for space in ("default", NAMESPACE):
            account = f"/api/v1/namespaces/{space}/serviceaccounts/default"
            self.processes["kube-controller-manager"].await_(functools.partial(self._there, account), 60)

    def start(self, name: str) -> None:
        """Start one of `processes`, or start it again after its `kill`."""
        if name == "kubelet":
            self._kubelet_since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.processes[name].start()

    def kill(self, name: str) -> None:
        """End one of `processes` at once, as a crash does."""
        if name == "kube-apiserver":
            self._deaf = {"kube-controller-manager", "kube-scheduler", "kubelet"}
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start a process that `kill` ended, and wait until it serves again."""
        self.start(name)
        ready = {"kubelet": self.ready, "kube-apiserver": self.answers}.get(name, lambda: True)
        self.processes[name].await_(ready, 90)

    def refresh(self) -> None:
        """Have those listen again who heard the API server die: their next try may be a minute away."""
        for name in sorted(self._deaf):
            self.kill(name)
            self.restart(name)
        self._deaf.clear()

    def answers(self) -> bool:
        """Whether the API server says it is ready."""
        return self._there("/readyz")

    def ready(self) -> bool:
        """Whether the node is Ready by a heartbeat newer than the kubelet's last start."""
        with contextlib.suppress(SandboxError, OSError, HTTPException):
            for condition in self.get(f"/api/v1/nodes/{self.node}")["status"].get("conditions", ()):
                if condition["type"] == "Ready" and condition["status"] == "True":
                    return str(condition["lastHeartbeatTime"]) >= self._kubelet_since
        return False

    def kubeconfig(self, user: str = "admin", server: str = SERVER, **changes: str) -> str:
        """Text of a kubeconfig for the room's inside; pass `server` for another way in."""
        return self.pki.kubeconfig(user, server, **changes)

    def get(self, path: str) -> dict[str, Any]:
        """The object at a path. ApiError when it is refused, OSError when nobody answers."""
        return self.request("GET", path)

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        """One exchange as the administrator, past the product's own client."""
        context = ssl.create_default_context(cafile=self.pki.path("ca.crt"))
        context.load_cert_chain(self.pki.path("admin.crt"), self.pki.path("admin.key"))
        connection = HTTPSConnection("127.0.0.1", API_PORT, timeout=10, context=context)
        plain = self.engine.room.connect(API_PORT)
        try:
            connection.sock = context.wrap_socket(plain, server_hostname="127.0.0.1")
            connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
            response: HTTPResponse = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
            plain.close()
        if response.status >= 300:
            raise ApiError(response.status, text)
        try:
            return json.loads(text)  # type: ignore[no-any-return]
        except ValueError:
            return {"text": text}

    def labels(self) -> dict[str, str]:
        """The node's labels."""
        return dict(self.get(f"/api/v1/nodes/{self.node}")["metadata"].get("labels") or {})

    def label(self, **changes: str | None) -> None:
        """Set labels of the node, or delete those that are None."""
        patch = {"metadata": {"labels": changes}}
        self.request("PATCH", f"/api/v1/nodes/{self.node}", patch, "application/merge-patch+json")

    def apply(self, daemonset: Mapping[str, Any]) -> None:
        """Create a DaemonSet in the namespace that it names (default: NAMESPACE), or change the one of its name there
        (strategic merge patch).

        Returns when its controller has seen it: before that it would still make pods of the former one.
        """
        path = f"/apis/apps/v1/namespaces/{daemonset['metadata'].get('namespace', NAMESPACE)}/daemonsets"
        one = f"{path}/{daemonset['metadata']['name']}"
        try:
            self.request("POST", path, daemonset)
        except ApiError as error:
            if error.status != 409:
                raise
            self.request("PATCH", one, daemonset, "application/strategic-merge-patch+json")
        wait_until("the controller's look at a DaemonSet", lambda: self._observed(one), timeout=180)

    def _observed(self, path: str) -> bool:
        found = self.get(path)
        return bool(found["status"].get("observedGeneration", 0) >= found["metadata"]["generation"])

    def daemonsets(self, name: str) -> list[dict[str, Any]]:
        """Those of this name, in whatever namespace."""
        return list(self.get(f"/apis/apps/v1/daemonsets?fieldSelector=metadata.name%3D{name}")["items"])

    def delete(self, daemonset: str) -> None:
        """Delete a DaemonSet and its pods, in whatever namespace; none of that name is fine."""
        for found in self.daemonsets(daemonset):
            with contextlib.suppress(ApiError):
                place = found["metadata"]["namespace"]
                self.request("DELETE", f"/apis/apps/v1/namespaces/{place}/daemonsets/{daemonset}")

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Pods with the label `app=NAME`, in whatever namespace."""
        return list(self.get(f"/api/v1/pods?labelSelector=app%3D{name}")["items"])

    # --- bringing up ---

    def _certificates(self) -> None:
        self.pki.create()
        self.pki.issue("apiserver", "/CN=kube-apiserver", "serverAuth", API_NAMES)
        self.pki.issue("kubelet-server", f"/CN={self.node}", "serverAuth", f"IP:127.0.0.1,DNS:{self.node}")
        for name, subject in {**_USERS, "kubelet": f"/O=system:nodes/CN=system:node:{self.node}"}.items():
            self.pki.issue(name, subject, "clientAuth")

    def _write_configuration(self) -> None:
        for user in (*_USERS, "kubelet"):
            path = self.base / "pki" / f"{user}.kubeconfig"
            path.write_text(self.kubeconfig(user))
            path.chmod(0o600)
        (self.base / "kubelet.yml").write_text(json.dumps(self._kubelet()))

    def _kubelet(self) -> dict[str, object]:
        zero = dict.fromkeys(("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"), "0%")
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "port": _KUBELET_PORT,
            "healthzBindAddress": "127.0.0.1",
            "healthzPort": _KUBELET_HEALTH,
            "readOnlyPort": 0,
            "tlsCertFile": self.pki.path("kubelet-server.crt"),
            "tlsPrivateKeyFile": self.pki.path("kubelet-server.key"),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": self.pki.path("ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "protectKernelDefaults": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "nodeStatusUpdateFrequency": "2s",
            "nodeStatusReportFrequency": "1m",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": zero,
            "volumePluginDir": str(self.base / "plugins"),
            "resolvConf": "",
            "clusterDomain": "cluster.local",
        }

    def _command_lines(self, box: str, node: str) -> dict[str, Sequence[str]]:
        path = self.pki.path
        api = {
            "etcd-servers": _ETCD,
            "bind-address": "127.0.0.1",
            "secure-port": str(API_PORT),
            "advertise-address": "127.0.0.1",
            "endpoint-reconciler-type": "none",
            "service-cluster-ip-range": "10.96.0.0/16",
            "tls-cert-file": path("apiserver.crt"),
            "tls-private-key-file": path("apiserver.key"),
            "client-ca-file": path("ca.crt"),
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "allow-privileged": "true",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": path("sa.pub"),
            "service-account-signing-key-file": path("sa.key"),
            "kubelet-preferred-address-types": "InternalIP",
            "kubelet-certificate-authority": path("ca.crt"),
            "kubelet-client-certificate": path("admin.crt"),
            "kubelet-client-key": path("admin.key"),
        }
        kubelet = {
            "config": str(self.base / "kubelet.yml"),
            "kubeconfig": path("kubelet.kubeconfig"),
            "root-dir": "/var/lib/kubelet",
            "cert-dir": "/var/lib/kubelet/pki",
            "hostname-override": self.node,
            "node-ip": "127.0.0.1",
            "container-runtime": "docker",
            "docker-endpoint": self.engine.host,
            "pod-infra-container-image": PAUSE,
            "image-pull-progress-deadline": "2m",
        }
        return {
            "etcd": [
                *("/usr/bin/etcd", "--name", "sandbox", "--data-dir", str(self.base / "etcd")),
                *("--listen-client-urls", _ETCD, "--advertise-client-urls", _ETCD),
                *("--listen-peer-urls", _ETCD_PEER, "--initial-advertise-peer-urls", _ETCD_PEER),
                *("--initial-cluster", f"sandbox={_ETCD_PEER}", "--unsafe-no-fsync"),
            ],
            "kube-apiserver": [box, "kube-apiserver", *_options(api)],
            "kube-controller-manager": [
                *(box, "kube-controller-manager", "--leader-elect=false", "--use-service-account-credentials=true"),
                *_options(self._component("controller", _CONTROLLER_PORT)),
                *_options({"root-ca-file": path("ca.crt"), "service-account-private-key-file": path("sa.key")}),
            ],
            "kube-scheduler": [
                *(box, "kube-scheduler", "--leader-elect=false"),
                *_options(self._component("scheduler", _SCHEDULER_PORT)),
            ],
            "kubelet": [node, "kubelet", *_options(kubelet)],
        }

    def _component(self, user: str, port: int) -> dict[str, str]:
        config = self.pki.path(f"{user}.kubeconfig")
        files = dict.fromkeys(("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"), config)
        return {
            **files,
            "bind-address": "127.0.0.1",
            "secure-port": str(port),
            "tls-cert-file": self.pki.path("apiserver.crt"),
            "tls-private-key-file": self.pki.path("apiserver.key"),
        }

    def _import_pause(self) -> None:
        """The image of pods' sandboxes: busybox that sleeps until it is told to end. Deaf, it would cost 10 s each."""
        archive = self.base / "pause.tar"
        run(["tar", "-C", "/bin", "-cf", str(archive), "busybox"])
        with archive.open("rb") as stream:
            entry = 'ENTRYPOINT ["/busybox","sh","-c","trap exit TERM; /busybox sleep 2147483647 & wait"]'
            self.engine.docker("import", "--change", entry, "-", PAUSE, stdin=stream)

    def _there(self, path: str) -> bool:
        try:
            self.get(path)
        except (SandboxError, OSError, HTTPException):
            return False
        return True


def _options(values: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]
