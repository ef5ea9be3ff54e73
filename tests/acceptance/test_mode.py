"""Moving a feature where no cluster can be used, and a switch that never heard of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import CONFIG_DB, RESTART_SEC, STATE_DB, wait_until

ROWS = features.config_db()["FEATURE"]


def test_a_feature_without_gate_stays(console: Console) -> None:
    error = console.ask("config feature mode bgp kubernetes", expect=5)["error"]
    assert (error["kind"], "gate" in error["message"]) == ("refused", True)
    assert console.intent("bgp") == ROWS["bgp"]


def test_without_a_cluster_the_local_image_serves_on(console: Console) -> None:
    before = console.life("snmp")
    refused = console.ask("config feature mode snmp kubernetes --no-fallback", expect=5)
    assert (refused["changed"], refused["error"]["kind"]) == (False, "refused")
    assert console.intent("snmp") == ROWS["snmp"]

    answer = console.ask("config feature mode snmp kubernetes", expect=7)
    assert (answer["changed"], answer["error"]["kind"]) == (True, "unreachable")
    assert answer["error"]["resolution"]
    assert console.intent("snmp") == {**ROWS["snmp"], "set_owner": "kube"}
    assert console.ask("config feature mode snmp kubernetes", expect=7)["changed"] is False
    (shown,) = console.ask("show feature mode snmp")["features"]
    assert (shown["mode"], shown["owner"], shown["status"]) == ("kubernetes", "local", "fallback")
    assert "Status: fallback" in console.type("system service status snmp")
    console.answers()
    assert console.life("snmp") == before

    # Whatever systemd does meanwhile, the local image serves.
    console.type("systemctl restart snmp")
    console.answers()
    assert console.state("snmp")["current_owner"] == "local"
    again = console.life("snmp")

    assert console.ask("config feature mode snmp legacy")["changed"] is True
    assert console.ask("config feature mode snmp local")["changed"] is False
    assert console.intent("snmp") == ROWS["snmp"]
    assert console.life("snmp") == again
    console.type("system service status snmp")


def test_without_a_fallback_it_waits_and_legacy_brings_it_home(console: Console) -> None:
    """Rows as the host's own commands leave them. No unit fails for a cluster that is not there."""
    console.type("config feature owner snmp kube")
    console.type("config feature fallback snmp off")
    console.type("systemctl restart snmp")
    assert console.unit("snmp", "ActiveState", "Result") == ["active", "success"]
    console.silent()
    shown = console.type("system service status snmp", expect=3)
    assert "Status: pending" in shown
    assert "pending deployment" in shown
    assert "config feature mode snmp legacy" in console.type("system service explain snmp").partition("Next:")[2]
    assert "pending deployment" in console.type("journalctl -u snmp -o cat -n 2")

    console.type("config feature mode snmp legacy --fallback")
    assert console.intent("snmp") == ROWS["snmp"]
    console.answers(RESTART_SEC + 20)
    console.type("system service wait snmp --for legacy")
    assert console.state("snmp")["current_owner"] == "local"


@pytest.fixture
def without_owners(console: Console) -> Iterator[Console]:
    """snmp as on an image built without Kubernetes: no set_owner in its row, and nothing in STATE_DB."""
    row = features.config_db("legacy-only")["FEATURE"]["snmp"]
    kept = console.state("snmp")
    console.type("systemctl stop snmp")
    console.witness.write(CONFIG_DB, "FEATURE|snmp", row)
    console.witness.write(STATE_DB, "FEATURE|snmp", {})
    yield console
    console.witness.write(STATE_DB, "FEATURE|snmp", kept)
    console.witness.write(CONFIG_DB, "FEATURE|snmp", ROWS["snmp"])


def test_on_a_legacy_only_image_nothing_of_kubernetes_appears(console: Console, without_owners: Console) -> None:
    row = console.intent("snmp")
    assert "set_owner" not in row
    console.type("system service start snmp")
    console.answers()
    assert console.ask("config feature mode snmp legacy")["changed"] is False
    console.type("system container state snmp up local --version 1")
    console.type("system service disable snmp")
    console.silent()
    console.type("system service enable snmp")
    console.answers()
    wait_until("its wait", lambda: "waiting for the end" in console.type("journalctl -u snmp -o cat -n 3"))
    assert console.intent("snmp") == row
    assert console.state("snmp") == {}
