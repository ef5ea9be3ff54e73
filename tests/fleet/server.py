"""A real API server with its etcd and nothing else of a cluster, which writes down who asked it what and when."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable
from datetime import datetime
from http.client import HTTPSConnection
from typing import NamedTuple

from sandbox.engine import Engine
from sandbox.kube import binaries
from sandbox.kube.cluster import API_PORT, Cluster
from sandbox.kube.process import Process
from sandbox.processes import SandboxError

_USER = "system:node:"
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:nodes"]}, {"level": "None"}],
}


class Request(NamedTuple):
    """What the API server wrote down: when it came (of `time.time()`), of which node, its verb, and the answer's code.

    Requests that it refuses because it has too many are among them.
    """

    moment: float
    node: str
    verb: str
    code: int


class Server(Cluster):
    """An API server that knows these nodes, each by a token that is its own name.

    As kubelets they may change their own node alone, and have no precedence over each other: an administrator would be
    answered however busy it is.
    """

    def __init__(self, engine: Engine, nodes: Iterable[str]) -> None:
        super().__init__(engine, "none")
        self.nodes = tuple(nodes)
        self._audit = self.base / "audit.log"

    def open(self) -> None:
        """Start both, and make the nodes. SandboxError with the end of the log of what failed."""
        folder = binaries.provide()
        (self.base / "etcd").mkdir(parents=True)
        self._certificates()
        tokens, policy = self.base / "tokens.csv", self.base / "audit.json"
        tokens.write_text("".join(f'{node},{_USER}{node},{node},"system:nodes"\n' for node in self.nodes))
        policy.write_text(json.dumps(_POLICY))
        lines = self._command_lines(str(folder / "kubebox"), str(folder / "kubenode"))
        more = [f"--token-auth-file={tokens}", f"--audit-policy-file={policy}", f"--audit-log-path={self._audit}"]
        for name, argv in (("etcd", lines["etcd"]), ("kube-apiserver", [*lines["kube-apiserver"], *more])):
            self.processes[name] = Process(self.engine.room, argv, self.base / "log" / name)
        etcd = self.processes["etcd"]
        etcd.start()
        etcd.await_(lambda: "ready to serve client requests" in etcd.said(), 30)
        self.restart("kube-apiserver")
        self._make_nodes()

    def _make_nodes(self) -> None:
        context = ssl.create_default_context(cafile=self.pki.path("ca.crt"))
        context.load_cert_chain(self.pki.path("admin.crt"), self.pki.path("admin.key"))
        connection = HTTPSConnection("127.0.0.1", API_PORT, timeout=30, context=context)
        with self.engine.room.connect(API_PORT) as plain:
            connection.sock = context.wrap_socket(plain, server_hostname="127.0.0.1")
            for node in self.nodes:
                connection.request("POST", "/api/v1/nodes", json.dumps({"metadata": {"name": node}}))
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 201:
                    raise SandboxError(f"no node {node}: {answer.status} {text[:200]!r}")
            connection.close()

    def labelled(self, label: str) -> int:
        """How many nodes have this label."""
        return len(self.get(f"/api/v1/nodes?labelSelector={label}")["items"])

    def requests(self) -> list[Request]:
        """All that nodes have asked, in the order in which it came."""
        lines = self._audit.read_text().splitlines() if self._audit.exists() else []
        events = [json.loads(line) for line in lines]
        return sorted(
            Request(
                datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
                event["user"]["username"].removeprefix(_USER),
                event["verb"],
                event["responseStatus"]["code"],
            )
            for event in events
        )
