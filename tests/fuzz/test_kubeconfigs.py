"""The files that say which cluster this is, and whom to trust."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from system_service.backends import join_discovery
from system_service.backends.cluster import Cluster
from tests.fuzz.inputs import FEW, JSON, TEXT, as_bytes, file, near, tolerates

DATA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "clusters": [
        {
            "name": "k",
            "cluster": {
                "server": "https://127.0.0.1:6443",
                "certificate-authority-data": DATA,
                "certificate-authority": "ca.crt",
                "insecure-skip-tls-verify": False,
                "tls-server-name": "sonic",
                "proxy-url": "",
            },
        }
    ],
    "users": [
        {
            "name": "u",
            "user": {
                "token": "t",
                "tokenFile": "token",
                "client-certificate-data": DATA,
                "client-key-data": DATA,
                "client-key": "key",
                "username": "x",
                "password": "y",
                "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "true"},
                "auth-provider": {"name": "gcp"},
            },
        }
    ],
}
FILES = st.one_of(
    near(KUBECONFIG).map(as_bytes),
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda text: f"apiVersion: v1\nclusters:\n- {text}\n".encode("utf-8", "replace")),
)
_PASSED_ON: list[Callable[[str], object]] = [join_discovery.read, join_discovery.cluster_of, join_discovery.joined_by]


@FEW
@given(content=FILES)
def test_a_kubeconfig(content: bytes) -> None:
    """The client of the API server takes it or not; nothing is run or asked for by that."""
    with file(content) as path:
        cluster = Cluster(path, "sonic")
        tolerates(lambda: cluster._connect(cluster._client()))


@FEW
@given(content=FILES)
def test_a_discovery_file(content: bytes) -> None:
    with file(content) as path:
        for read in _PASSED_ON:
            tolerates(lambda read=read: _handed_over(read(path)))


def _handed_over(found: object) -> None:
    assert isinstance(found, join_discovery.Discovery)
    assert isinstance(found.fingerprint, str)
    assert found.same(found.at(found.server))
    with join_discovery.handed_over(found) as path, open(path, encoding="utf-8") as text:
        assert json.load(text)["clusters"][0]["cluster"]["server"] == found.server


@FEW
@given(authority=st.one_of(TEXT, JSON.map(str), st.just(DATA)))
def test_an_authority(authority: str) -> None:
    """What is no certificate vouches for nobody, and says so before anybody is spoken to."""
    found = join_discovery.Discovery("https://127.0.0.1:1", authority)
    assert isinstance(found.fingerprint, str)
    tolerates(lambda: join_discovery.prove(found, 1.0))
