"""The kubeadm that a switch has (1.22.2), called as the product calls it: joins a real API server, and takes it back.

kubeadm runs in a folder that it takes for the root of its machine. The kubelet that it starts there is played: it takes
what kubeadm gives it to get in, and its node is there. What differs from a switch: checks of the machine are warnings,
as there is no machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import threading
from types import SimpleNamespace

import pytest

from sandbox.kube import binaries
from sandbox.kube.cluster import API_PORT, ApiError
from system_service.domain.cluster.join import join
from system_service.domain.cluster.leave import leave
from tests.support.forward import Forward
from tests.support.kubeadm import Station
from tests.support.switch import wait_until

NODE = "leaf"
MAPS = "/api/v1/namespaces/kube-{}/configmaps"
VERSION = f"v{binaries.VERSIONS['kubenode']}"
# Mounts of its own, so that /proc can be seen in the folder.
SCRIPT = """#!/bin/sh
mkdir -p {root}/proc
exec unshare --mount --propagation private sh -c 'mount --bind /proc "$0/proc" && exec "$@"' \\
    {root} {kubeadm} --rootfs {root} "$@" --ignore-preflight-errors=all
"""


def left_by_init(pki, url: str) -> dict[str, dict[str, str]]:
    """The maps that `kubeadm init` leaves in a cluster for those who join."""
    configuration = {
        "apiVersion": "kubeadm.k8s.io/v1beta3",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": VERSION,
    }
    kubelet = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    (named,) = json.loads(pki.kubeconfig("admin", url))["clusters"]
    return {
        f"{MAPS.format('public')}/cluster-info": {"kubeconfig": json.dumps({"clusters": [named | {"name": ""}]})},
        f"{MAPS.format('system')}/kubeadm-config": {"ClusterConfiguration": json.dumps(configuration)},
        f"{MAPS.format('system')}/kubelet-config-1.22": {"kubelet": json.dumps(kubelet)},
    }


@pytest.fixture
def station(cluster, fakes, monkeypatch):
    """A switch that may join the cluster, which has been prepared for that."""
    with Forward(cluster.engine.room, API_PORT) as way:
        server = SimpleNamespace(port=way.port, url=f"https://127.0.0.1:{way.port}")
        made = Station(fakes, server, cluster.pki)
        kubeadm = shlex.join([str(binaries.provide() / "kubenode"), "kubeadm"])
        text = SCRIPT.format(root=shlex.quote(made.root), kubeadm=kubeadm)
        made.write(text, os.path.join(fakes.bin, "kubeadm"), 0o700)
        maps = left_by_init(cluster.pki, server.url)
        for path, data in maps.items():
            folder, _, name = path.rpartition("/")
            cluster.request("POST", folder, {"metadata": {"name": name}, "data": data})
        monkeypatch.setenv("PATH", fakes.bin, prepend=os.pathsep)
        monkeypatch.setenv("SYSTEM_SERVICE_DB_CONFIG", fakes.config)
        monkeypatch.setenv("KUBECONFIG", made.kubeconfig)
        monkeypatch.setenv("SYSTEM_SERVICE_NODE_NAME", NODE)
        yield made
    for path in (*maps, f"/api/v1/nodes/{NODE}"):
        with contextlib.suppress(ApiError):
            cluster.request("DELETE", path)


def kubelet(station: Station, cluster) -> None:
    """What a kubelet does when kubeadm starts it: gets in with what it was given, and makes its node known."""
    bootstrap, conf = (f"{station.root}/etc/kubernetes/{name}" for name in ("bootstrap-kubelet.conf", "kubelet.conf"))
    wait_until("the way in for the kubelet", lambda: os.path.exists(bootstrap) and os.path.getsize(bootstrap), 40)
    labels = {"kubernetes.io/hostname": NODE, "snmp_enabled": "true"}
    cluster.request("POST", "/api/v1/nodes", {"metadata": {"name": NODE, "labels": labels}})
    with open(bootstrap, encoding="utf-8") as given, open(f"{conf}.new", "w", encoding="utf-8") as taken:
        taken.write(given.read())
    os.rename(f"{conf}.new", conf)


def test_it_joins_and_takes_it_back(station, cluster):
    """One life, as each step builds on the one before."""
    player = threading.Thread(target=kubelet, args=(station, cluster))
    player.start()
    try:
        done = join(station.switch(), station.order(timeout=60), station.discovery)
    finally:
        player.join(timeout=90)
    assert (done.error, done.changed) == (None, True)
    assert done.node.server == station.api.url
    with (
        open(f"{station.root}/etc/kubernetes/pki/ca.crt", "rb") as written,
        open(station.pki.path("ca.crt"), "rb") as ca,
    ):
        assert written.read() == ca.read()
    # kubeadm's last step, which it takes as the node: it has understood the name.
    node = cluster.get(f"/api/v1/nodes/{NODE}")["metadata"]
    assert "kubeadm.alpha.kubernetes.io/cri-socket" in node["annotations"]
    assert join(station.switch(), station.order(), station.discovery).changed is False

    out = leave(station.switch(), station.order("reset", timeout=60))
    assert (out.error, out.changed, out.node.warnings) == (None, True, ())
    with pytest.raises(ApiError) as gone:
        cluster.get(f"/api/v1/nodes/{NODE}")
    assert gone.value.status == 404
    assert not station.there("etc/kubernetes/kubelet.conf")
    assert not station.there("etc/kubernetes/pki/ca.crt")
    assert leave(station.switch(), station.order("reset")).changed is False
