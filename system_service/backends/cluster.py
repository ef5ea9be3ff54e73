"""The Kubernetes API server, as far as this switch needs it: its own node, and what of features' pods is there.

The only place that speaks to it. The official client (the extra `kubernetes`) brings configuration, authentication and
TLS, and is imported at the first question; answers are read as plain JSON and believed only as far as they parse.
"""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn
from urllib.parse import quote

from system_service.backends.docker_json import as_object
from system_service.backends.kubeconfig import EXTRA, in_memory, trusted
from system_service.backends.pod_diagnosis import REQUESTS_PER_FEATURE, PodDiagnosis, containers
from system_service.backends.within import within
from system_service.errors import Failed, NotPermitted, SwitchError, TimedOut, UnknownNode, Unreachable, plain
from system_service.model.pods import NAMESPACE, namespace
from system_service.model.snapshot import Node

KUBECONFIG = "/etc/sonic/kube_admin.conf"
CONNECT, WHOLE = 2.0, 5.0  # seconds: for a connection, and for a whole question
_MOST = 16 << 20
_MERGE = "application/merge-patch+json"


class Cluster:
    """The API server that the kubeconfig names, and this switch's node in it, called `node`.

    `namespace` is where the features' DaemonSets and pods are.

    Connects at the first question. Every method may raise Unreachable (no client installed, no usable kubeconfig, no
    answer in time, or nonsense; the message names the file or the address), NotPermitted (401, 403, or a file that may
    not be read), Failed (the API server's own words), TimedOut (`until` came first), and what `check` does.
    """

    def __init__(self, kubeconfig: str, node: str, timeout: float = WHOLE, namespace: str = NAMESPACE) -> None:
        """`timeout`: seconds for a whole question, connecting included.

        `until`, of `time.monotonic()`, ends it sooner where a command's own time is over; `check`, called while an
        answer is waited for, may raise: a signal came.
        """
        self.kubeconfig = kubeconfig
        self.node = node
        self.timeout = timeout
        self.until = math.inf
        self.check: Callable[[], None] = lambda: None
        self.namespace = namespace
        self._pool: Any = None
        self._host = ""
        self._headers: dict[str, str] = {}

    @classmethod
    def from_env(cls) -> Cluster:
        """What $KUBECONFIG, $SYSTEM_SERVICE_NODE_NAME and $SYSTEM_SERVICE_POD_NAMESPACE name, else the switch's own."""
        node = os.environ.get("SYSTEM_SERVICE_NODE_NAME") or socket.gethostname()
        return cls(os.environ.get("KUBECONFIG") or KUBECONFIG, node.lower(), namespace=namespace())

    def look(self) -> Node:
        """This switch's node: its labels, and whether the API server thinks it Ready."""
        return _node(self._ask("GET", self._path))

    def label(self, changes: Mapping[str, str | None]) -> Node:
        """Set labels of the node, or remove those that are None, all in one patch of these keys alone."""
        body = {"metadata": {"labels": dict(changes)}}
        return _node(self._ask("PATCH", self._path, body, _MERGE))

    def remove(self) -> None:
        """Delete this switch's node; none is fine. It comes again only when a kubelet starts anew."""
        with suppress(UnknownNode):
            self._ask("DELETE", self._path)

    def version(self) -> str:
        """The API server's version, like v1.34.4."""
        return plain(self._ask("GET", "/version").get("gitVersion"))

    def why(self, feature: str) -> str:
        """Why no pod of the feature runs on this node, in a few words; "" when one does: in one to three requests."""
        return PodDiagnosis(self, REQUESTS_PER_FEATURE).diagnose((feature,), REQUESTS_PER_FEATURE)[feature]

    def present(self, feature: str) -> bool:
        """Whether a pod of the feature is on this node, one that is being terminated included."""
        return any(feature in containers(pod) for pod in self.pods(f"spec.nodeName={self.node}"))

    def pods(self, field: str) -> list[dict[str, Any]]:
        """The features' pods with this field selector."""
        return self._items(f"/api/v1/{self._space}/pods?fieldSelector={quote(field)}")

    def events(self, pod: str) -> list[dict[str, Any]]:
        """What is told of a pod. They are kept for an hour, and not for everybody."""
        return self._items(f"/api/v1/{self._space}/events?fieldSelector={quote(f'involvedObject.name={pod}')}")

    def daemonsets(self) -> list[dict[str, Any]]:
        """The features' DaemonSets."""
        return self._items(f"/apis/apps/v1/{self._space}/daemonsets")

    @property
    def _space(self) -> str:
        return f"namespaces/{quote(self.namespace, safe='')}"

    @property
    def _path(self) -> str:
        return f"/api/v1/nodes/{quote(self.node, safe='')}"

    def _items(self, path: str) -> list[dict[str, Any]]:
        items = self._ask("GET", path).get("items")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []

    def _ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> dict[str, Any]:
        """One question within `timeout` seconds, and not beyond `until`, however slowly an answer trickles in.

        Whatever a kubeconfig may have read, asked for or waited for is within them as well.
        """
        config = self._client() if self._pool is None else {}
        begun = time.monotonic()
        deadline = min(begun + self.timeout, self.until)

        def ask() -> dict[str, Any]:
            if self._pool is None:
                self._connect(config)
            return self._exchange(method, path, body, kind, deadline)

        try:
            return within(deadline - begun, ask, self.check)
        except (TimeoutError, Unreachable) as error:
            if time.monotonic() >= self.until:  # who was given no time to answer has not failed to
                raise TimedOut(f"no time was left for {self._where} to answer", self._step) from None
            if isinstance(error, Unreachable):
                raise
            raise Unreachable(f"{self._where} did not answer within {self.timeout:g} s", self._step) from None

    def _exchange(self, method: str, path: str, body: object, kind: str, deadline: float) -> dict[str, Any]:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        headers = {**self._headers, "Accept": "application/json", "Content-Type": kind}
        data = None if body is None else json.dumps(body)
        limit = Timeout(connect=CONNECT, read=max(0.1, deadline - time.monotonic()))
        try:
            response = self._pool.request(
                method, self._host + path, body=data, headers=headers, timeout=limit, retries=False, redirect=False,
                preload_content=False,
            )  # fmt: skip
            text = response.read(_MOST)
            response.release_conn()
        except (HTTPError, OSError) as error:
            raise self._lost(error) from error
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if response.status >= 300:
            self._refuse(response.status, found, response.headers.get("Retry-After", ""), path)
        if not isinstance(found, dict):
            raise Unreachable(f"{self._where} answered nonsense: no JSON object", self._step)
        return found

    def _client(self) -> dict[str, Any]:
        """The kubeconfig, and the client in memory. In this order: what is missing costs nothing."""
        found = trusted(self.kubeconfig, self._unusable)
        try:
            import kubernetes.config.kube_config
        except ImportError as error:
            raise Unreachable("the Kubernetes client is not installed", EXTRA) from error
        del kubernetes
        return found

    def _connect(self, config: dict[str, Any]) -> None:
        import ssl

        from kubernetes.client.configuration import Configuration
        from kubernetes.config.kube_config import load_kube_config_from_dict
        from urllib3 import PoolManager

        from system_service.backends.tls import verifying

        configuration = Configuration()
        with in_memory(config) as files:
            try:
                load_kube_config_from_dict(files, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
                token = str(configuration.auth_settings().get("BearerToken", {}).get("value") or "").strip()
                self._host = str(configuration.host)
            except Exception as error:
                message = " ".join(str(error).split())[:200] or type(error).__name__
                raise self._unusable(message) from error
            # The client would say so with the token in its sentence.
            if not (token.isascii() and token.isprintable()):
                raise self._unusable("its token is none")
            if not self._host.startswith("https://"):
                raise self._unusable("its server is no https address")
            try:
                context = verifying(cafile=configuration.ssl_ca_cert)
                if configuration.cert_file:  # an encrypted key would have the terminal asked for its words
                    context.load_cert_chain(configuration.cert_file, configuration.key_file, password="")
            except (ssl.SSLError, ValueError):
                raise self._unusable("its certificate or key is none") from None
            except OSError as error:
                raise self._unusable(error.strerror or str(error)) from error
        self._headers = {"Authorization": token} if token else {}
        name = getattr(configuration, "tls_server_name", None)
        # No pool of the client's: that one would go through a proxy of the environment.
        self._pool = PoolManager(ssl_context=context, **({"server_hostname": name} if name else {}))

    def _unusable(self, message: str) -> Unreachable:
        return Unreachable(
            f"the kubeconfig {self.kubeconfig} cannot be used: {message}", "join the cluster, or set KUBECONFIG"
        )

    @property
    def _where(self) -> str:
        return f"the API server at {self._host}" if self._host else f"what {self.kubeconfig} names"

    @property
    def _step(self) -> str:
        return (
            f"see whether it runs: curl -k {self._host}/readyz" if self._host else f"see what is in {self.kubeconfig}"
        )

    def _lost(self, error: Exception) -> SwitchError:
        message = " ".join(str(error).split())
        if "CERTIFICATE_VERIFY_FAILED" in message or "certificate verify failed" in message:
            why = _after(message, "certificate verify failed")
            return Unreachable(
                f"{self._where} is not the one that {self.kubeconfig} trusts ({why})",
                "join the cluster anew: its certificate, or the switch's clock, has changed",
            )
        if "alert" in message and "certificate" in message:
            return NotPermitted(f"{self._where} does not accept this switch's certificate", "join the cluster anew")
        kind = type(error).__name__
        plain = {
            "ConnectTimeoutError": f"no connection within {CONNECT:g} s",
            "ReadTimeoutError": "no answer in time",
            "NewConnectionError": "nobody listens there",
        }
        return Unreachable(f"{self._where} cannot be reached: {plain.get(kind, message[:200] or kind)}", self._step)

    def _refuse(self, status: int, found: object, retry: str, path: str) -> NoReturn:
        said = plain(as_object(found).get("message"))[:300]
        if status in (401, 403):
            raise NotPermitted(
                f"{self._where} does not permit this ({status}{f': {said}' if said else ''})", "join the cluster anew"
            )
        if status == 404 and path == self._path:
            raise UnknownNode(
                f"{self._where} knows no node {self.node}", "join the cluster, or set SYSTEM_SERVICE_NODE_NAME"
            )
        if status == 429:
            after = f" for {retry} s" if retry.isdigit() else ""
            raise Unreachable(
                f"{self._where} is busy, and asks to be left alone{after}", "try again later", _seconds(retry)
            )
        if not said or status >= 500:
            raise Unreachable(
                f"{self._where} answered {status}{f': {said}' if said else ''}", self._step, _seconds(retry)
            )
        step = "run the command again" if status == 409 else f"kubectl describe node {self.node}"
        raise Failed(f"the API server refused ({status}): {said}", step)


def _seconds(retry: str) -> float:
    """Retry-After, when it is a number of seconds."""
    return float(retry) if retry.isascii() and retry.isdigit() and len(retry) < 7 else 0.0


def _node(found: dict[str, Any]) -> Node:
    labels = as_object(as_object(found.get("metadata")).get("labels"))
    conditions = as_object(found.get("status")).get("conditions")
    states = [as_object(c) for c in conditions] if isinstance(conditions, list) else []
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in states)
    return Node({str(k): v for k, v in labels.items() if isinstance(v, str)}, ready)


def _after(text: str, words: str) -> str:
    return text.partition(words)[2].strip(" :()'\"")[:100] or words
