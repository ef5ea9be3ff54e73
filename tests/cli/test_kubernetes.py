"""`show kubernetes manifest` and `system service sync`, as an operator types them."""

from __future__ import annotations

import json
import os

import pytest


def test_manifest_is_json_for_kubectl(fakes):
    fakes.feature("snmp")
    fakes.docker.get("snmp").env.append("PLATFORM=x86")
    ran = fakes.run("show", "kubernetes", "manifest", "snmp", "--image", "registry/docker-snmp:2")
    assert (ran.code, ran.err) == (0, "")
    made = json.loads(ran.out)
    assert (made["kind"], made["metadata"]["name"]) == ("DaemonSet", "snmp")
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "registry/docker-snmp:2"


def test_manifest_names_the_namespace_that_the_setting_says(fakes):
    fakes.feature("snmp", image="docker-snmp:latest")
    for named in ("", "switches"):
        fakes.environment["SYSTEM_SERVICE_POD_NAMESPACE"] = named
        made = json.loads(fakes.run("show", "kubernetes", "manifest", "snmp", "--image", "r/snmp:v2").out)
        assert made["metadata"]["namespace"] == (named or "sonic")


def test_manifest_without_an_image_says_which_it_took(fakes):
    fakes.feature("snmp")
    ran = fakes.run("show", "kubernetes", "manifest", "snmp")
    assert ran.code == 0
    assert ran.err == "docker-snmp:v1 is the switch's own image; name the one in the registry with --image\n"


def test_manifest_of_a_feature_without_gate_or_of_none(fakes):
    fakes.feature("bgp")
    refused, unknown = fakes.run_all(
        ("show", "kubernetes", "manifest", "bgp"), ("show", "kubernetes", "manifest", "nosuch")
    )
    assert (refused.code, "start-up gate" in refused.err) == (5, True)
    assert unknown == (
        4,
        "",
        "Error: there is no feature nosuch\n"
        "Try: if it exists in Kubernetes only, first: config feature install nosuch\n",
    )
    assert fakes.run("show", "kubernetes", "manifest", "bpg").err.endswith("Try: did you mean bgp?\n")


def test_sync_has_nothing_to_send_and_asks_nobody(fakes):
    fakes.feature("snmp")
    ran = fakes.run("system", "service", "sync", KUBECONFIG="/nonexistent")
    assert ran == (0, "nothing to send\n", "")
    assert fakes.run("system", "service", "sync", "--json").json["changed"] is False


def test_sync_names_the_kubeconfig_that_it_misses(fakes):
    fakes.feature("snmp", set_owner="kube")
    fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "true"})
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "10.0.0.1"})
    ran = fakes.run("system", "service", "sync", KUBECONFIG="/nonexistent")
    assert ran.code == 7
    assert "/nonexistent" in ran.err
    assert fakes.redis.row(6, "SYSTEM_SERVICE|snmp") == {"want": "true"}


def test_at_boot_gates_are_closed_before_anybody_asks(fakes):
    fakes.feature("snmp", set_owner="kube")
    fakes.feature("lldp", set_owner="local")
    fakes.put("STATE_DB", "FEATURE|lldp", {"system_state": "up"})
    fakes.feature("bgp")
    fakes.feature("pmon", set_owner="")  # an image without Kubernetes has no such field
    ran = fakes.run("system", "service", "sync", "--boot")
    assert ran == (0, "gates closed: snmp\n", "")
    assert fakes.row("snmp", "STATE_DB") == {"system_state": "down"}
    assert fakes.row("lldp", "STATE_DB") == {"system_state": "up"}
    assert (fakes.row("bgp", "STATE_DB"), fakes.row("pmon", "STATE_DB")) == (None, None)
    assert fakes.run("system", "service", "sync", "--boot").out == "gates closed: none to close\n"


def test_at_boot_an_image_that_only_its_label_tells_is_known_by_its_mode(fakes):
    fakes.feature("probe", "", set_owner="kube")
    assert fakes.run("system", "service", "sync", "--boot").out == "gates closed: probe\n"


@pytest.mark.parametrize("server", [{}, {"ip": "10.0.0.1", "disable": "true"}, {"ip": "10.0.0.1"}])
def test_a_database_that_began_anew_has_the_labels_asked_for_where_there_is_a_cluster(fakes, server):
    """Whoever was to drop a label may be dead, and what was noted of it has gone with the database."""
    os.makedirs(fakes.run_dir, exist_ok=True)
    fakes.feature("snmp", set_owner="local")
    if server:
        fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", server)
    assert fakes.run("system", "service", "sync", "--boot").code == 0
    assert os.path.exists(os.path.join(fakes.run_dir, "sync")) is (server == {"ip": "10.0.0.1"})


def test_boot_needs_neither_docker_nor_the_api_server(fakes):
    fakes.feature("snmp", set_owner="kube")
    fakes.docker.stop()
    assert fakes.run("system", "service", "sync", "--boot").code == 0
