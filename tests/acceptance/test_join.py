"""Joining and leaving on the switch itself, by its own `config`: real systemd, a real API server, a played kubeadm.

The real one is held to the same calls by tests/contract/test_kubeadm.py. The switch is a node of its cluster already,
by other means; here it becomes one under another name.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from sandbox.kube.cluster import ApiError
from sandbox.switch import KUBECONFIG
from tests.acceptance.console import Console
from tests.acceptance.documented import FOLDER, JOINS, tell
from tests.acceptance.fleet import Fleet
from tests.docs import lines

NODE = "leaf"
KUBEADM, UNIT = "/usr/local/bin/kubeadm", "/usr/lib/systemd/system/kubelet.service"
# kubeadm starts the kubelet itself; its bootstrap ends with the kubelet's own configuration.
PLAYED = """#!/bin/sh
set -e
if [ "$1" = join ]; then
    mkdir -p /etc/kubernetes
    cp "$3" /etc/kubernetes/kubelet.conf
    systemctl start kubelet
else
    rm -r /etc/kubernetes
fi
"""
SERVICE = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture
def with_kubeadm(fleet: Fleet) -> Iterator[Console]:
    """The switch has a kubeadm and a kubelet, which is off, as an image ships it."""
    console, switch = fleet.console, fleet.switch
    switch.write_file(KUBEADM, PLAYED, "755")
    switch.write_file(UNIT, SERVICE, "644")
    console.type("systemctl daemon-reload")
    yield console
    switch.exec(["systemctl", "disable", "--now", "kubelet"])
    switch.exec(["rm", "-rf", KUBEADM, UNIT, "/etc/kubernetes"])
    console.type("systemctl daemon-reload")
    with contextlib.suppress(ApiError):
        fleet.cluster.request("DELETE", f"/api/v1/nodes/{NODE}")


def test_the_switch_joins_and_leaves(fleet: Fleet, with_kubeadm: Console) -> None:
    def typed(line: str, expect: int = 0) -> str:
        return with_kubeadm.type(f"env SYSTEM_SERVICE_NODE_NAME={NODE} {line}", expect)

    plan = f"{NODE}: enable kubelet.service\n{NODE}: join https://127.0.0.1:6443 as {NODE}\n"
    assert plan in typed("config kubernetes join --dry-run")
    assert f"{NODE}: has joined https://127.0.0.1:6443\n" in typed("config kubernetes join")
    assert with_kubeadm.unit("kubelet", "ActiveState", "UnitFileState") == ["active", "enabled"]
    own, given = (with_kubeadm.type(["cat", path]) for path in ("/etc/kubernetes/kubelet.conf", KUBECONFIG))
    assert json.loads(own)["users"][0]["user"] == json.loads(given)["users"][0]["user"]
    again = json.loads(typed("config-kube kubernetes join --json"))
    assert (again["changed"], again["node"]["joined"], again["error"]) == (False, True, None)

    fleet.cluster.request("POST", "/api/v1/nodes", {"metadata": {"name": NODE, "labels": {"snmp_enabled": "true"}}})
    typed("config feature mode snmp kubernetes --no-wait")
    refused = typed("config kubernetes reset", expect=5)
    assert "Error: kubernetes is wanted for, or runs: snmp\nTry: config feature mode snmp legacy\n" in refused
    assert with_kubeadm.unit("kubelet", "ActiveState", "UnitFileState") == ["active", "enabled"]
    typed("config feature mode snmp legacy")

    fleet.cluster.kill("kube-apiserver")
    dead = typed("config kubernetes reset", expect=7)
    assert f"this switch is out of the cluster, in which its node {NODE} may be left" in dead
    assert with_kubeadm.unit("kubelet", "ActiveState", "UnitFileState") == ["inactive", "disabled"]
    assert with_kubeadm.type("ls /etc/kubernetes", expect=2)
    fleet.cluster.restart("kube-apiserver")
    assert f"{NODE}: is in no cluster\n" in typed("config kubernetes reset")
    with pytest.raises(ApiError) as gone:
        fleet.cluster.get(f"/api/v1/nodes/{NODE}")
    assert gone.value.status == 404
    assert "(unchanged)" in typed("config kubernetes reset")
    assert "config kubernetes join" in with_kubeadm.type("journalctl -t sonic-system-service -n 50 --no-pager")


def test_the_documented_lines(fleet: Fleet, with_kubeadm: Console) -> None:
    examples = [line for line in lines.lines(lines.REFERENCE) if any(words in line.typed for words in JOINS)]
    assert len(examples) >= 6
    with_kubeadm.type(["mkdir", FOLDER])
    with_kubeadm.type(["cp", KUBECONFIG, "/root/bootstrap.conf"])
    try:
        story = [*lines.lines("docs/howto/join.md"), *examples]
        assert tell(with_kubeadm, story, settings=[f"SYSTEM_SERVICE_NODE_NAME={NODE}"]) == []
    finally:
        with_kubeadm.type(["rm", "-r", FOLDER, "/root/bootstrap.conf"])
