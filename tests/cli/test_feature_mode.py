"""`show feature mode` and `config feature mode` over the wire fakes: until there is a cluster, intent and fallback."""

from __future__ import annotations

import pytest

SERVER = {"ip": "10.0.0.1", "disable": "false"}


class TestShow:
    def test_table(self, fakes):
        fakes.feature("lldp", set_owner="kube")
        fakes.feature("snmp", "exited", no_fallback_to_local="true")
        detail = "the local image serves: no pod has come yet"
        assert fakes.run("show", "feature", "mode") == (
            0,
            "Feature    Mode        Owner    Fallback    Status    Version    Since    Detail\n"
            f"---------  ----------  -------  ----------  --------  ---------  -------  {'-' * len(detail)}\n"
            f"lldp       kubernetes  local    on          fallback  v1                  {detail}\n"
            "snmp       legacy      none     off         stopped   v1\n",
            "",
        )

    def test_one_and_json(self, fakes):
        fakes.feature("lldp", set_owner="kube")
        fakes.feature("snmp", "exited", no_fallback_to_local="true")
        every, one = fakes.run_all(("show", "feature", "mode", "--json"), ("show", "feature", "mo", "snmp", "--json"))
        keys = ("name", "mode", "owner", "fallback", "status", "version", "detail")
        assert [[f[k] for k in keys] for f in every.json["features"]] == [
            [
                "lldp",
                "kubernetes",
                "local",
                True,
                "fallback",
                "v1",
                "the local image serves: no pod has come yet",
            ],
            ["snmp", "legacy", "none", False, "stopped", "v1", ""],
        ]
        assert one.json["command"] == "show feature mode"
        assert [f["name"] for f in one.json["features"]] == ["snmp"]
        assert (every.code, one.code, fakes.writes()) == (0, 0, [])

    def test_unknown_and_empty_names(self, fakes):
        fakes.feature("snmp")
        unknown, empty = fakes.run_all(("show", "feature", "mode", "snm"), ("show", "feature", "mode", "", "--json"))
        assert unknown == (4, "", "Error: there is no feature snm\nTry: did you mean snmp?\n")
        assert empty.json["error"]["kind"] == "unknown_feature"


class TestToKubernetes:
    def test_without_a_cluster_the_intent_is_written_and_the_local_image_serves(self, fakes):
        fakes.feature("snmp", leaf="kept")
        ran = fakes.run("config", "feature", "mode", "snmp", "kubernetes", "--json")
        answer = ran.json
        assert answer["error"] == {
            "kind": "unreachable",
            "message": "kubernetes is wanted for snmp; the local image serves until it can be had: "
            "no Kubernetes server is configured",
            "resolution": "config kubernetes server ip ADDRESS",
            "exit_code": 7,
        }
        (snmp,) = answer["features"]
        assert (snmp["mode"], snmp["status"], snmp["owner"], snmp["changed"]) == (
            "kubernetes",
            "fallback",
            "local",
            True,
        )
        row = {"state": "enabled", "auto_restart": "enabled", "set_owner": "kube", "leaf": "kept"}
        assert fakes.row("snmp") == row
        (shown,) = fakes.run("show", "feature", "mode", "snmp", "--json").json["features"]
        assert "the local image serves: no Kubernetes server is configured" in shown["detail"]
        again = fakes.run("config", "feature", "mode", "snmp", "kube", "--json")
        assert (again.code, again.json["changed"], fakes.row("snmp")) == (7, False, row)

    @pytest.mark.parametrize(
        ("server", "reason"),
        [
            ({}, "no Kubernetes server is configured"),
            ({"ip": ""}, "no Kubernetes server is configured"),
            (SERVER | {"disable": "True"}, "the Kubernetes server is disabled"),
            (SERVER, "the kubeconfig /etc/sonic/kube_admin.conf cannot be used: No such file or directory"),
        ],
    )
    def test_without_a_fallback_nothing_is_written(self, fakes, server, reason):
        fakes.feature("snmp", no_fallback_to_local="True")
        if server:
            fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", server)
        ran = fakes.run("config", "feature", "mode", "snmp", "kubernetes")
        assert ran.code == 5
        assert ran.err.startswith(f"Error: snmp cannot move to kubernetes: {reason}, and it has no fallback\nTry: ")
        assert fakes.writes() == []

    def test_the_fallback_options(self, fakes):
        fakes.feature("snmp", no_fallback_to_local="true")
        refused = fakes.run("config", "feature", "mode", "lldp", "kubernetes", "--no-fallback")
        assert refused.code == 4
        with_fallback = fakes.run("config", "feature", "mode", "snmp", "kubernetes", "--fallback")
        assert with_fallback.code == 7
        assert fakes.row("snmp") == {"state": "enabled", "auto_restart": "enabled", "set_owner": "kube"}
        without = fakes.run("config", "feature", "mode", "snmp", "kubernetes", "--no-fallback")
        assert without.code == 5
        assert "no_fallback_to_local" not in fakes.row("snmp")
        home = fakes.run("config", "feature", "mode", "snmp", "local", "--no-fallback")
        assert home == (0, "snmp: running\n", "")
        assert (fakes.row("snmp")["set_owner"], fakes.row("snmp")["no_fallback_to_local"]) == ("local", "true")

    def test_no_gate(self, fakes):
        fakes.feature("swss")
        fakes.feature("own", "")
        fakes.container("own", labels={"sonic.startup-gate": "true"})
        ran = fakes.run("config", "feature", "mode", "swss", "own", "kubernetes", "--json")
        assert (ran.code, ran.json["error"]["kind"]) == (5, "refused")
        assert [(f["name"], f["mode"], f["changed"]) for f in ran.json["features"]] == [
            ("swss", "legacy", False),
            ("own", "kubernetes", True),
        ]

    def test_per_asic_counts_only_where_there_are_asics(self, fakes):
        fakes.feature("lldp", has_per_asic_scope="True")
        assert fakes.run("config", "feature", "mode", "lldp", "kubernetes").code == 7
        assert fakes.row("lldp")["set_owner"] == "kube"
        fakes.feature("lldp", "", has_per_asic_scope="True")
        fakes.asic("asic0", "asic1")
        ran = fakes.run("config", "feature", "mode", "lldp", "kubernetes")
        assert (ran.code, ran.err.splitlines()[0]) == (
            5,
            "Error: lldp cannot move to kubernetes: it runs once per ASIC on this switch",
        )
        assert fakes.row("lldp")["set_owner"] == "local"

    def test_all_is_what_is_here_and_enabled_and_can_move(self, fakes):
        fakes.feature("snmp")
        fakes.feature("bgp")  # no gate
        fakes.feature("gnmi", "")  # not here
        fakes.feature("radv", "exited", state="disabled")
        planned = fakes.run("config", "feature", "mode", "--all", "kubernetes", "--dry-run", "--json")
        done = fakes.run("config", "feature", "mode", "--all", "kubernetes", "--json")
        for ran in (planned, done):  # for want of a server
            assert (ran.code, [f["name"] for f in ran.json["features"]], ran.json["changed"]) == (7, ["snmp"], True)
        assert {name: fakes.row(name)["set_owner"] for name in ("snmp", "bgp", "gnmi", "radv")} == {
            **{"snmp": "kube", "bgp": "local", "gnmi": "local", "radv": "local"}
        }

    @pytest.mark.parametrize("option", ["--dry-run", "--no-wait"])
    def test_dry_run_and_no_wait(self, fakes, option):
        fakes.feature("snmp")
        ran = fakes.run("config", "feature", "mode", "snmp", "kubernetes", option, "--json")
        answer = ran.json
        assert (ran.code, answer["changed"], answer["dry_run"]) == (7, True, option == "--dry-run")
        if option == "--dry-run":
            assert answer["features"][0]["plan"] == ["write set_owner=kube to CONFIG_DB FEATURE|snmp"]
            assert fakes.writes() == []


class TestToLegacy:
    def test_back(self, fakes):
        fakes.feature("snmp", set_owner="kube", leaf="kept")
        assert fakes.run("config", "feature", "mode", "snmp", "legacy") == (0, "snmp: running\n", "")
        assert fakes.row("snmp") == {
            "state": "enabled",
            "auto_restart": "enabled",
            "set_owner": "local",
            "leaf": "kept",
        }
        assert fakes.run("config", "feature", "mode", "snmp", "legacy").out == "snmp: running (unchanged)\n"

    def test_an_image_without_owners_gets_no_field(self, fakes):
        fakes.feature("snmp", set_owner="")
        assert fakes.run("config", "feature", "mode", "snmp", "legacy").out == "snmp: running (unchanged)\n"
        assert fakes.writes() == []

    def test_all_comes_home(self, fakes):
        for name in ("snmp", "lldp"):
            fakes.feature(name, set_owner="kube")
        fakes.feature("swss")
        fakes.put("CONFIG_DB", "FEATURE|a b", {"set_owner": "kube"})  # nobody's feature, and no reason to stop
        ran = fakes.run("config", "feature", "mode", "--all", "legacy")
        assert ran == (0, "lldp: running\nsnmp: running\nswss: running (unchanged)\n", "")
        assert {fakes.row(name)["set_owner"] for name in ("snmp", "lldp", "swss")} == {"local"}


def test_usage(fakes):
    wrong = [("snmp",), ("snmp", "cubernetes"), ("legacy",), ("--all", "snmp", "legacy"), ("--all",), ()]
    for ran in fakes.run_all(*(("config", "feature", "mode", *w) for w in wrong)):
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("Usage: config-kube feature mode")
    assert fakes.redis.commands == []
