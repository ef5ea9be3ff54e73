"""The cluster that CONFIG_DB KUBERNETES_MASTER|SERVER names: joined, left, and noted in STATE_DB."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import ssl
import time

from .node import KUBECONFIG, start_kubelet
from .programs import run, say, succeeds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from .database import Redis
    from .node import Node

    class Host(Protocol):
        """What a master is told and given; `timers` in seconds."""

        redis: Redis
        node: Node
        root: str
        timers: dict[str, float]

        def after(self, seconds: float, action: Callable[[], None]) -> None: ...
        def set_node_labels(self) -> None: ...


KEY = "KUBERNETES_MASTER|SERVER"
_NETWORKS = "/etc/cni/net.d"
_NETWORK = "/usr/share/sonic/templates/kube_cni.10-flannel.conflist"
_ROOT_CERTIFICATE = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
_CREDENTIALS = ("/etc/sonic/credentials/restapiserver.crt", "/etc/sonic/credentials/restapiserver.key")
_KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
_UNSET = {"ip": "", "port": "6443", "disable": "false", "insecure": "true"}


class Master:
    """`host`: redis, node, root, timers, after(seconds, action), set_node_labels()."""

    def __init__(self, host: Host) -> None:
        """Joins or leaves at once where it did so before in this boot; else after the latency."""
        self.host = host
        self.row = self._lowered(host.redis.row("CONFIG_DB", KEY))
        self.state = {"ip": "", "port": "", "connected": "", "update_time": ""} | host.redis.row("STATE_DB", KEY)
        self.due = False  # a look is due at some time, and nothing is done before
        if self.state["update_time"]:
            self.look()
        else:
            self._later("join_latency_on_boot_seconds")

    @property
    def connected(self) -> bool:
        return self.state["connected"] == "true"

    def config(self, row: Mapping[str, str]) -> None:
        """The row has come, changed or gone ({})."""
        before, self.row = self.row, self._lowered(row)
        if self.row != before and not self.due:
            self.look()

    def look(self) -> None:
        """Do as the row says. That the node is there and Ready is not looked at again until the row changes."""
        self.due = False
        before = dict(self.state)
        ip, port = self.row["ip"], self.row["port"]
        if not ip or self.row["disable"] != "false":
            self._leave(True)
            self.state["connected"] = "false"
        elif self._join(ip, port):
            self.state |= {"connected": "true", "ip": ip, "port": port}
            self.host.set_node_labels()
        else:
            self.state["connected"] = "false"
            self._later("retry_join_interval_seconds")
        if self.state != before:
            self.state["update_time"] = time.strftime("%Y-%m-%d %H:%M:%S")
            self.host.redis.write(KEY, self.state)

    def _later(self, timer: str) -> None:
        self.due = True
        self.host.after(self.host.timers[timer], self.look)

    def _lowered(self, row: Mapping[str, str]) -> dict[str, str]:
        return _UNSET | {field: value.lower() for field, value in row.items()}

    def _joined(self, ip: str) -> bool:
        """Whether the kubeconfig is that server's, whatever its port, and the node Ready."""
        if not os.path.exists(self.host.root + _KUBELET_CONFIG):
            return False
        with contextlib.suppress(FileNotFoundError), open(self.host.root + KUBECONFIG) as file:
            server = re.search(r'server"?: *"?https://([^:"\s]+)', file.read())
            return server is not None and server[1] == ip and self.host.node.ready()
        return False

    def _join(self, ip: str, port: str) -> bool:
        if self._joined(ip):
            start_kubelet()
            return True
        try:
            self._write_kubeconfig(ip, port)
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            say(f"Join failed: {error}")
            self._leave(True)
            return False
        self._leave(False)
        run("modprobe", "br_netfilter")
        run("mkdir", "-p", _NETWORKS)
        run("cp", _NETWORK, _NETWORKS)
        join = ("kubeadm", "join", "--discovery-file", KUBECONFIG, "--node-name", self.host.node.name)
        if start_kubelet() and succeeds(*join):
            return True
        self._leave(True)
        return False

    def _leave(self, for_good: bool) -> None:
        """`for_good`: without a kubeconfig for the next join."""
        if os.path.exists(self.host.root + KUBECONFIG):
            self.host.node.remove()
        run("kubeadm", "reset", "-f")
        run("rm", "-rf", _NETWORKS)
        if for_good:
            run("rm", "-f", KUBECONFIG)
        run("systemctl", "stop", "kubelet")

    def _write_kubeconfig(self, ip: str, port: str) -> None:
        """One that trusts the cluster's own root certificate. OSError, ValueError, KeyError, HTTPException."""
        context = ssl.create_default_context()
        if self.row["insecure"] != "false":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if all(os.path.exists(self.host.root + path) for path in _CREDENTIALS):
            context.load_cert_chain(*(self.host.root + path for path in _CREDENTIALS))
        connection = http.client.HTTPSConnection(ip, int(port), timeout=20, context=context)
        with contextlib.closing(connection):
            connection.request("GET", _ROOT_CERTIFICATE)
            answer = connection.getresponse()
            text = answer.read()
        if answer.status != http.client.OK:
            raise OSError(f"the API server answered {answer.status}")
        certificate = json.loads(text)["data"]["ca.crt"]
        user = dict(zip(("client-certificate", "client-key"), _CREDENTIALS, strict=True))
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "switch", "cluster": _cluster(f"https://{ip}:{port}", certificate)}],
            "users": [{"name": "switch", "user": user}],
            "contexts": [{"name": "switch", "context": {"cluster": "switch", "user": "switch"}}],
            "current-context": "switch",
        }
        with open(self.host.root + KUBECONFIG, "w", opener=_private) as file:
            json.dump(config, file)


def _cluster(server: str, certificate: str) -> dict[str, str]:
    return {"server": server, "certificate-authority-data": base64.b64encode(certificate.encode()).decode()}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
