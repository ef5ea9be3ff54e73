"""`config feature install` and `uninstall`, and what is shown of a feature that exists in Kubernetes only."""

from __future__ import annotations

import json

import pytest

ROW = {"set_owner": "kube", "no_fallback_to_local": "true"}


@pytest.mark.parametrize("name", ["dhcp_relay", "Probe", "", "../x", "a b", "x" * 64, "a\n"])
def test_a_name_that_kubernetes_does_not_take_is_wrong_usage(fakes, name):
    ran = fakes.run("config", "feature", "install", name)
    assert (ran.code, ran.out) == (2, "")
    assert "NAME" in ran.err
    assert fakes.redis.commands == []


@pytest.mark.parametrize("unit", ["a%n.service", "a b", "a\nExecStart=/x", "probe", "probe.service", "../x", "", "x.y"])
def test_a_unit_that_could_be_read_as_something_else_is_wrong_usage(fakes, unit):
    ran = fakes.run("config", "feature", "install", "probe", "--after", "swss", "--after", unit)
    assert (ran.code, ran.out) == (2, "")
    assert "--after" in ran.err
    assert fakes.redis.commands == []


def test_without_systemd_it_is_refused(fakes):
    fakes.feature("snmp")
    ran = fakes.run("config", "feature", "install", "probe", "--json")
    assert (ran.code, ran.json["error"]["kind"], ran.json["changed"]) == (5, "refused", False)
    assert "systemd" in ran.json["error"]["message"]
    assert fakes.writes() == []


def test_what_is_not_there_and_what_is_not_ours(fakes):
    fakes.feature("snmp")
    nowhere, image = fakes.run_all(
        ("config", "feature", "uninstall", "probe"), ("config", "feature", "uninstall", "snmp", "--json")
    )
    assert nowhere == (4, "", "Error: there is no feature probe\nTry: system service list\n")
    assert (image.code, image.json["error"]["kind"]) == (5, "refused")
    assert "belongs to this switch's image" in image.json["error"]["message"]
    assert fakes.writes() == []


def test_legacy_and_fallback_are_refused_and_nothing_is_written(fakes):
    fakes.feature("probe", "", **ROW)
    fakes.feature("snmp")
    legacy = fakes.run("config", "feature", "mode", "probe", "legacy")
    assert legacy == (
        5,
        "",
        "Error: probe cannot run in legacy mode: there is no image of it on this switch\n"
        "Try: take it from the switch with: config feature uninstall probe\n",
    )
    fall = fakes.run("config", "feature", "mode", "probe", "kubernetes", "--fallback")
    assert (fall.code, "cannot fall back" in fall.err) == (5, True)
    assert fakes.run("config", "feature", "mode", "--all", "legacy") == (0, "snmp: running (unchanged)\n", "")
    assert fakes.writes() == []


def test_what_is_wanted_is_noted_though_there_is_no_cluster_yet(fakes):
    fakes.feature("probe", "", **ROW)
    again = fakes.run("config", "feature", "mode", "probe", "kubernetes", "--json")
    assert (again.code, again.json["changed"]) == (7, False)
    assert again.json["error"]["message"] == "probe waits for Kubernetes: no Kubernetes server is configured"
    assert fakes.writes() == [("HSET", "SYSTEM_SERVICE|probe", "want", "true")]


def test_nothing_but_features_of_kubernetes_is_nothing_to_bring_home(fakes):
    fakes.feature("probe", "", **ROW)
    ran = fakes.run("config", "feature", "mode", "--all", "legacy", "--json")
    assert (ran.code, ran.json["features"], fakes.writes()) == (0, [], [])


def test_a_row_without_fallback_of_a_feature_that_has_a_container_is_an_ordinary_one(fakes):
    fakes.feature("snmp", **ROW)
    assert fakes.run("config", "feature", "mode", "snmp", "legacy").code == 0
    assert fakes.row("snmp")["set_owner"] == "local"


def test_its_manifest_needs_an_image(fakes):
    fakes.feature("probe", "", **ROW)
    bare, full = fakes.run_all(
        ("show", "kubernetes", "manifest", "probe"),
        ("show", "kubernetes", "manifest", "probe", "--image", "registry/docker-probe:1"),
    )
    assert bare == (
        5,
        "",
        "Error: there is no image of probe on this switch\nTry: name the one in the registry with --image\n",
    )
    pod = json.loads(full.out)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["name"], container["image"]) == ("probe", "registry/docker-probe:1")
    assert container["env"] == [{"name": "RUNTIME_OWNER", "value": "kube"}]
    assert (pod["hostNetwork"], pod["nodeSelector"]) == (True, {"probe_enabled": "true"})
    assert [volume["hostPath"]["path"] for volume in pod["volumes"]] == ["/run/redis", "/etc/localtime"]
    assert [mount["readOnly"] for mount in container["volumeMounts"]] == [False, True]


def test_at_boot_its_gate_is_closed(fakes):
    fakes.feature("probe", "", **ROW)
    assert fakes.run("system", "service", "sync", "--boot").out == "gates closed: probe\n"


def test_explain_speaks_of_no_local_image(fakes):
    fakes.feature("probe", "", **ROW)
    ran = fakes.run("system", "service", "explain", "probe")
    assert ran.code == 0
    assert "there is no image of it on this switch" in ran.out
    assert "legacy" not in ran.out
