"""A pod's container counts in whatever namespace it is: never is there a second owner beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import features, images
from tests.acceptance.fleet import V1, Fleet
from tests.support.switch import wait_until

SETTING = "env SYSTEM_SERVICE_POD_NAMESPACE=default"
OTHER = features.WITHOUT_UNIT


def test_the_setting_says_where_ours_are(fleet: Fleet) -> None:
    console = fleet.console
    image = fleet.manifest("snmp")["spec"]["template"]["spec"]["containers"][0]["image"]
    printed = json.loads(console.type(f"{SETTING} show kubernetes manifest snmp --image {image}"))
    assert (printed["metadata"]["namespace"], fleet.manifest("snmp")["metadata"]["namespace"]) == ("default", "sonic")
    fleet.cluster.apply(printed)
    try:
        assert console.ask(f"{SETTING} config feature mode snmp kubernetes --timeout 120")["error"] is None
        fleet.seen("snmp", "kube", V1)
        (pod,) = fleet.pods("snmp")
        assert pod["Config"]["Labels"]["io.kubernetes.pod.namespace"] == "default"
        assert console.type("system container id snmp").strip() == pod["Id"][:12]

        # Whatever the setting: it counts, and what stops the feature stops it.
        console.type("systemctl restart snmp")
        fleet.await_runner("snmp", "kube", 60)
        assert fleet.console.life("snmp") is None
        console.type("systemctl stop snmp")
        assert fleet.runner("snmp") == "none"
        console.type("systemctl start snmp")
        fleet.await_runner("snmp", "kube", 60)
        console.ask("config feature mode snmp legacy --timeout 60")
        fleet.seen("snmp", "local")
    finally:
        fleet.cluster.label(snmp_enabled=None)
        fleet.cluster.delete("snmp")


@pytest.fixture
def ungated(fleet: Fleet) -> Iterator[dict[str, Any]]:
    """A feature whose pod has no gate, as KubeSonic runs it: its image is told that it is the local one."""
    reference = fleet.cluster.registry.push(images.feature_image(OTHER), f"docker-{OTHER}:kubesonic")
    labels = {"app": f"kubesonic-{OTHER}"}
    container = {"name": OTHER, "image": reference, "env": [{"name": "RUNTIME_OWNER", "value": "local"}]}
    pod = {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
    }
    daemonset = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": labels["app"], "namespace": "sonic", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "OnDelete"},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    fleet.switch.docker("stop", OTHER)
    fleet.cluster.apply(daemonset)
    wait_until("its pod", lambda: fleet.pods(OTHER), 60)
    (found,) = fleet.pods(OTHER)
    yield found
    fleet.cluster.delete(labels["app"])
    wait_until("the end of its pod", lambda: not fleet.pods(OTHER) and not fleet.cluster.pods(labels["app"]), 90)
    fleet.switch.docker("start", OTHER)


def test_a_pod_without_a_gate_is_recognised_and_left_alone(fleet: Fleet, ungated: dict[str, Any]) -> None:
    console = fleet.console
    assert console.status(OTHER) == "running"
    assert console.ask(f"system service check {OTHER}")["error"] is None
    assert console.type(f"system container id {OTHER}").strip() == ungated["Id"][:12]
    assert console.ask(f"system service start {OTHER}")["changed"] is False
    assert console.life(OTHER) is None
    assert fleet.same(OTHER, ungated)
