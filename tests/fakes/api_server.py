"""A small API server: nodes, DaemonSets and pods behind HTTPS, client certificates or a token, failures on request."""

from __future__ import annotations

import http.server
import json
import re
import socketserver
import ssl
import threading
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.kube.pki import API_NAMES, Pki

MERGE = "application/merge-patch+json"


@dataclass
class Failure:
    """What is answered instead: a status with a body and headers, or `kind` hang, cut or raw (the body, and no HTTP).

    Byte by byte: drip the answer's body, drip-head what comes before it.
    """

    kind: str = "status"
    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class ApiServer:
    """Serves from creation to stop(); a context manager. `calls` counts (method, path without query).

    `connections` counts those that were made at all.
    `objects`: path of a collection -> name -> object. `token`: accepted beside client certificates of the authority.
    `public`: path -> what anybody is told.
    """

    def __init__(self, pki: Pki, node: str = "sonic") -> None:
        self.pki = pki
        self.token = "a-token-that-is-known"
        self.calls: Counter[tuple[str, str]] = Counter()
        self.connections = 0
        self.failure: Failure | None = None
        self.objects: dict[str, dict[str, dict[str, Any]]] = {
            "/api/v1/nodes": {
                node: {
                    "metadata": {"name": node, "labels": {"kubernetes.io/hostname": node}},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                }
            },
            "/apis/apps/v1/namespaces/sonic/daemonsets": {},
            "/api/v1/namespaces/sonic/pods": {},
            "/api/v1/namespaces/sonic/events": {},
        }
        self.public: dict[str, dict[str, Any]] = {}
        self.over = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki.path("apiserver.crt"), pki.path("apiserver.key"))
        context.load_verify_locations(pki.path("ca.crt"))
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server = _Server(self, context)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def labels(self) -> dict[str, str]:
        (node,) = self.objects["/api/v1/nodes"].values()
        return node["metadata"]["labels"]  # type: ignore[no-any-return]

    def put(self, path: str, found: dict[str, Any]) -> None:
        self.objects[path][found["metadata"]["name"]] = found

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> ApiServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def make_pki(pki: Pki) -> Pki:
    """The certificates that the fake and its clients need."""
    pki.create()
    pki.issue("apiserver", "/CN=kube-apiserver", "serverAuth", API_NAMES)
    pki.issue("admin", "/O=system:masters/CN=admin", "clientAuth")
    return pki


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, api: ApiServer, context: ssl.SSLContext) -> None:
        self.api, self.context = api, context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.api.connections += 1
        try:
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except OSError:
            pass  # a client that does not trust us, or hung up

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = 10
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at `calls`."""

    def do_GET(self) -> None:
        api = self.server.api
        path, _, query = self.path.partition("?")
        path = urllib.parse.unquote(path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api.calls[self.command, path] += 1
        if api.failure:
            self._fail(api.failure)
            return
        bearer = self.headers.get("Authorization", "")
        if path in api.public:
            self._json(200, api.public[path])
        elif not self.connection.getpeercert() and bearer != f"Bearer {api.token}":
            self._status(401, "Unauthorized")
        elif self.command == "PATCH":
            self._patch(path, body)
        elif self.command == "DELETE":
            self._delete(path)
        else:
            self._get(path, urllib.parse.parse_qs(query).get("fieldSelector", [""])[0])

    do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _get(self, path: str, selector: str) -> None:
        api = self.server.api
        if path == "/version":
            self._json(200, {"major": "1", "minor": "34", "gitVersion": "v1.34.4"})
        elif path in api.objects:
            items = list(api.objects[path].values())
            if selector.startswith("spec.nodeName="):
                node = selector.partition("=")[2]
                items = [item for item in items if item["spec"].get("nodeName", "") == node]
            self._json(200, {"kind": "List", "items": items})
        else:
            collection, _, name = path.rpartition("/")
            found = api.objects.get(collection, {}).get(name)
            if found is None:
                kind = collection.rpartition("/")[2]
                self._status(404, f'{kind} "{name}" not found', "NotFound")
            else:
                self._json(200, found)

    def _delete(self, path: str) -> None:
        collection, _, name = path.rpartition("/")
        if self.server.api.objects.get(collection, {}).pop(name, None) is None:
            self._status(404, f'nodes "{name}" not found', "NotFound")
        else:
            self._json(200, {"kind": "Status", "status": "Success"})

    def _patch(self, path: str, body: bytes) -> None:
        api = self.server.api
        collection, _, name = path.rpartition("/")
        found = api.objects.get(collection, {}).get(name)
        if found is None:
            self._status(404, f'nodes "{name}" not found', "NotFound")
            return
        if self.headers.get("Content-Type") != MERGE:
            self._status(415, "the body of the request was in an unknown format")
            return
        change = json.loads(body)
        for key, value in change["metadata"]["labels"].items():
            if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", key.rpartition("/")[2]):
                self._status(422, f'Node "{name}" is invalid: metadata.labels: Invalid value: "{key}"', "Invalid")
                return
            if value is None:
                found["metadata"]["labels"].pop(key, None)
            else:
                found["metadata"]["labels"][key] = value
        self._json(200, found)

    def _fail(self, failure: Failure) -> None:
        if failure.kind == "hang":
            self.server.api.over.wait()
        elif failure.kind.startswith("drip"):
            end = b"X: " if failure.kind == "drip-head" else b"Content-Length: 1000\r\n\r\n"
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + end)
            while not self.server.api.over.wait(0.05):
                self.wfile.write(b" ")
        elif failure.kind == "raw":
            self.wfile.write(failure.body)
            self.close_connection = True
        elif failure.kind == "cut":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"metadata": {')
            self.close_connection = True
        else:
            self._answer(failure.status, failure.body, failure.headers)

    def _status(self, code: int, message: str, reason: str = "") -> None:
        told = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code}
        self._json(code, told)

    def _json(self, status: int, told: object) -> None:
        self._answer(status, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def pod(name: str, feature: str, node: str = "sonic", **status: Any) -> dict[str, Any]:
    """A pod with one container; `status` as in the API."""
    return {
        "metadata": {"name": name, "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())},
        "spec": {"nodeName": node, "containers": [{"name": feature}]},
        "status": status,
    }


def daemonset(name: str, feature: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [{"name": feature}]}}}}
