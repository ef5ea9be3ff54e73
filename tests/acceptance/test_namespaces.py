"""A pod's container counts in whatever namespace it is: never is there a second owner beside it."""

from __future__ import annotations

import json

from tests.acceptance.fleet import V1, Fleet

SETTING = "env SYSTEM_SERVICE_POD_NAMESPACE=default"


def test_the_setting_says_where_ours_are(fleet: Fleet) -> None:
    console = fleet.console
    image = fleet.manifest("snmp")["spec"]["template"]["spec"]["containers"][0]["image"]
    printed = json.loads(console.type(f"{SETTING} show kubernetes manifest snmp --image {image}"))
    assert (printed["metadata"]["namespace"], fleet.manifest("snmp")["metadata"]["namespace"]) == ("default", "sonic")
    fleet.cluster.delete("snmp")  # of the other namespace, where it was deployed before
    fleet.cluster.apply(printed)
    try:
        assert console.ask(f"{SETTING} config feature mode snmp kubernetes --timeout 240")["error"] is None
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
        console.ask("config feature mode snmp legacy --timeout 240")
        fleet.seen("snmp", "local")
    finally:
        fleet.cluster.label(snmp_enabled=None)
        fleet.cluster.delete("snmp")
