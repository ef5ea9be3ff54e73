"""What the cluster backend relies on, held against the fake and against a real API server by the same tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.kube.cluster import API_PORT
from sandbox.kube.cluster import Cluster as Kubernetes
from sandbox.kube.pki import Pki
from system_service.backends.cluster import Cluster
from system_service.errors import Failed, NotPermitted, UnknownNode, Unreachable
from tests.fakes.api_server import ApiServer, daemonset, make_pki
from tests.support.forward import Forward


class Place:
    """An API server, however real. `open` makes a client of it; `labels` reads the node past the product."""

    def __init__(self, folder: str, pki: Pki, server: str, labels: Callable[[], dict[str, str]]) -> None:
        self.folder, self.pki, self.server, self.labels = Path(folder), pki, server, labels

    def open(self, node: str = "sonic", **changes: str) -> Cluster:
        path = self.folder / "kubeconfig"
        path.write_text(self.pki.kubeconfig("admin", self.server, **changes))
        return Cluster(str(path), node)


@pytest.fixture
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="api-", dir="/tmp") as path:
        yield path


class Contract:
    """The tests; the fixture `place` is the subclass's."""

    def test_labels_are_read_set_and_removed_in_one_patch(self, place: Place) -> None:
        cluster = place.open()
        node = cluster.look()
        assert node.ready is True
        assert node.labels["kubernetes.io/hostname"] == "sonic"
        assert cluster.label({"one_enabled": "true", "two_enabled": "true"}).labels["one_enabled"] == "true"
        after = cluster.label({"one_enabled": "false", "two_enabled": None})
        assert after.labels == place.labels()
        assert (after.labels["one_enabled"], "two_enabled" in after.labels) == ("false", False)
        assert "one_enabled" not in cluster.label({"one_enabled": None, "three_enabled": None}).labels

    def test_version(self, place: Place) -> None:
        assert place.open().version() == "v1.34.4"

    def test_a_node_that_does_not_exist(self, place: Place) -> None:
        cluster = place.open(node="nobody")
        for ask in (cluster.look, lambda: cluster.label({"x": "true"})):
            with pytest.raises(UnknownNode, match="knows no node nobody"):
                ask()

    def test_a_label_that_kubernetes_does_not_take(self, place: Place) -> None:
        with pytest.raises(Failed, match="refused"):
            place.open().label({"no spaces, please": "true"})
        assert all(" " not in name for name in place.labels())

    def test_a_feature_without_daemonset(self, place: Place) -> None:
        assert (
            place.open().why("nothing-of-that-name")
            == "there is no DaemonSet for nothing-of-that-name in namespace sonic"
        )

    def test_no_pod_of_a_feature_is_here(self, place: Place) -> None:
        assert place.open().present("nothing-of-that-name") is False

    def test_an_unknown_certificate_or_token(self, place: Place) -> None:
        with pytest.raises(NotPermitted, match="does not permit this"):
            place.open(token="a-token-that-nobody-knows").look()

    def test_a_wrong_authority(self, place: Place, folder: str) -> None:
        other = make_pki(Pki(Path(folder) / "other"))
        for name in ("ca.crt", "ca.key"):
            (place.pki.folder / f"wrong-{name}").write_bytes(Path(other.path(name)).read_bytes())
        with pytest.raises(Unreachable, match=r"is not the one that .* trusts"):
            place.open(ca="wrong-ca").look()


class TestFake(Contract):
    @pytest.fixture
    def place(self, api: ApiServer, pki: Pki, folder: str) -> Place:
        return Place(folder, pki, api.url, lambda: api.labels)

    def test_a_token_that_is_known(self, place: Place, api: ApiServer) -> None:
        assert place.open(token=api.token).look().ready is True

    def test_a_daemonset_without_pod(self, place: Place, api: ApiServer) -> None:
        api.put("/apis/apps/v1/namespaces/sonic/daemonsets", daemonset("snmp", "snmp"))
        assert place.open().why("snmp") == "the DaemonSet has no pod on this node"


class TestReal(Contract):
    @pytest.fixture
    def forward(self, cluster: Kubernetes) -> Iterator[Forward]:
        with Forward(cluster.engine.room, API_PORT) as forward:
            yield forward

    @pytest.fixture
    def place(self, cluster: Kubernetes, forward: Forward, folder: str) -> Place:
        return Place(folder, cluster.pki, f"https://127.0.0.1:{forward.port}", cluster.labels)
