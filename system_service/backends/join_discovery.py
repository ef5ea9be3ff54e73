"""The discovery file of a join: a kubeconfig read, and the least of it written anew for kubeadm, all of it embedded.

Also the one question of a join that is asked before anybody can be trusted: who the API server says its authority is.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from system_service.backends.docker_json import as_object, one_line
from system_service.backends.kubeconfig import EXTRA, Unusable, embedded, given, named, parse, token, vouching
from system_service.backends.tls import verifying
from system_service.backends.within import within
from system_service.errors import Refused, Unreachable

_MOST = 1 << 20  # bytes of a file, and of an answer
_CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
_LOGINS = ({"client-certificate-data", "client-key-data"}, {"token"})


@dataclass(frozen=True)
class Discovery:
    """A server, who vouches for it (PEM in base64, "": nobody), and what a switch shows to be let in.

    `exposed`: others than the file's owner may read it.
    """

    server: str
    authority: str = ""
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    exposed: bool = False

    def at(self, server: str) -> Discovery:
        """The same, at another address."""
        return replace(self, server=server)

    def same(self, other: Discovery) -> bool:
        """The same cluster: by its address, or by who vouches for it (it may have told another name for its server)."""
        if urlsplit(self.server).netloc == urlsplit(other.server).netloc:
            return True
        return bool(self.authority) and self.authority == other.authority

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, as `openssl x509 -fingerprint -sha256` prints it; "" without one."""
        import hashlib

        try:
            pem = base64.b64decode(self.authority).decode("ascii")
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 25])).hexdigest().upper()
        except ValueError:
            return ""
        return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def read(path: str) -> Discovery:
    """The cluster and the user of the kubeconfig's current context (or its only ones).

    Raises:
        Unreachable: there is no such file, or it is no kubeconfig with a server; or nothing here can read YAML.
        NotPermitted: it, or a file that it names, may not be read.
        Refused: it holds nothing that a switch could show to be let in.
    """
    found, exposed = _kubeconfig(path)
    there = _cluster(path, found)
    user = as_object(named(found, "users", _context(found).get("user")).get("user"))
    unusable = _unusable(path)
    login = {
        key: embedded(path, user, key, unusable, root=False) for key in ("client-certificate-data", "client-key-data")
    }
    shown = token(path, user, unusable, root=False)
    login |= {"token": shown if shown.isprintable() else ""}
    login = {key: value for key, value in login.items() if value}
    if not any(needed <= login.keys() for needed in _LOGINS):
        raise Refused(
            f"{path} has neither a client certificate with its key nor a token: no cluster would let the switch in",
            "have one made on the control plane: kubeadm kubeconfig user",
        )
    return replace(there, login=login, exposed=exposed)


def cluster_of(path: str) -> Discovery:
    """The same without a user. Raises Unreachable, NotPermitted."""
    return _cluster(path, _kubeconfig(path)[0])


def joined_by(path: str) -> Discovery:
    """The cluster of the kubelet's own kubeconfig. Raises Unreachable, NotPermitted."""
    try:
        return cluster_of(path)
    except Unreachable as error:
        step = EXTRA if error.resolution == EXTRA else "config kubernetes reset, then join"
        raise Unreachable(f"what this switch has joined cannot be told: {error}", step) from error


@contextmanager
def handed_over(discovery: Discovery) -> Iterator[str]:
    """The path of a file with it, for kubeadm. It is on no disk and ends with this process, however that ends."""
    name = "discovery"
    cluster = {"server": discovery.server, "certificate-authority-data": discovery.authority}
    text = json.dumps(  # which is YAML
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": dict(discovery.login)}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
    handle = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        os.fchmod(handle, 0o600)
        with open(handle, "w", encoding="utf-8", closefd=False) as file:
            file.write(text)
        yield f"/proc/{os.getpid()}/fd/{handle}"
    finally:
        os.close(handle)


def prove(discovery: Discovery, timeout: float, check: Callable[[], None] = lambda: None) -> None:
    """See that its server answers, and is the one its authority vouches for: kubeadm would try for minutes, in silence.

    Raises Unreachable, within `timeout` seconds. `check` may raise as well.
    """
    where = f"the API server at {discovery.server}"
    step = f"see whether it runs: curl -k {discovery.server}/readyz"
    address = urlsplit(discovery.server)
    host = address.hostname or ""

    def greet() -> None:
        with socket.create_connection((unquote(host), address.port or 443), timeout) as plain:
            trusting.wrap_socket(plain, server_hostname=host.partition("%")[0]).close()

    try:
        trusting = verifying(base64.b64decode(discovery.authority).decode("ascii"))
    except (ValueError, ssl.SSLError):
        raise Unreachable(
            f"what the discovery file names as the authority of {discovery.server} is none", step
        ) from None
    try:
        within(timeout, greet, check)
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"{where} is not the one that the discovery file vouches for ({error.verify_message})",
            "have the file made anew, or see whose address that is: config kubernetes server ip ADDRESS",
        ) from error
    except OSError as error:
        raise Unreachable(f"{where} cannot be reached: {error.strerror or error}", step) from error


def authority_of(server: str, timeout: float, check: Callable[[], None] = lambda: None) -> str:
    """What the API server says its authority is (PEM in base64), asked without verifying who answers.

    It is asked as anybody may ask: nothing secret is sent. `check` may raise.

    Raises Unreachable: no answer within `timeout` seconds, or none that tells.
    """
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, build_opener

    class Stay(HTTPRedirectHandler):
        """Somebody unverified does not send us on."""

        def redirect_request(self, *_: object) -> None:
            return None

    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    where = f"the API server at {server}"
    step = f"curl -k {server}{_CLUSTER_INFO}"
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=blind), Stay())

    def unusable(problem: str) -> Unreachable:
        return Unreachable(f"what {where} says of its authority cannot be used: {problem}", step)

    def ask() -> bytes:
        with opener.open(server + _CLUSTER_INFO, timeout=timeout) as answer:
            return answer.read(_MOST)  # type: ignore[no-any-return]

    try:
        answer = json.loads(within(timeout, ask, check))
        inside = parse(str(as_object(as_object(answer).get("data")).get("kubeconfig", "")).encode(), unusable)
        # What a stranger says is never the name of a file of ours.
        cluster = as_object(named(inside, "clusters", "").get("cluster"))
        authority = given(cluster, "certificate-authority-data", unusable)
    except (URLError, OSError, HTTPException, ValueError, RecursionError) as error:
        raise Unreachable(f"{where} does not tell its authority: {one_line(error, 200)}", step) from error
    if not authority:
        raise Unreachable(f"{where} does not tell its authority", step)
    return authority


def _kubeconfig(path: str) -> tuple[dict[str, Any], bool]:
    """What it says, and whether others than its owner may read it."""
    text, status = vouching(path, _unusable(path), root=False)
    return parse(text, _unusable(path)), bool(status.st_mode & 0o077)


def _context(found: dict[str, Any]) -> dict[str, Any]:
    return as_object(named(found, "contexts", found.get("current-context")).get("context"))


def _cluster(path: str, found: dict[str, Any]) -> Discovery:
    cluster = as_object(named(found, "clusters", _context(found).get("cluster")).get("cluster"))
    server = cluster.get("server")
    try:
        usable = isinstance(server, str) and server.isprintable() and server.startswith("https://")
        usable = usable and bool(urlsplit(server).hostname)
    except ValueError:
        usable = False
    if not usable:
        raise _unusable(path)("it names no server with an https address")
    return Discovery(str(server), embedded(path, cluster, "certificate-authority-data", _unusable(path), root=False))


def _unusable(path: str) -> Unusable:
    return lambda problem: Unreachable(
        f"the discovery file {path} cannot be used: {problem}", "name another with --discovery-file"
    )
