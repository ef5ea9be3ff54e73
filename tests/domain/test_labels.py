"""What labels are sent of whose, and whose gates are closed: our rows are written by many, and root acts on them."""

from __future__ import annotations

import pytest

from system_service.domain.labels import close_gates, send
from system_service.domain.observe import observe
from system_service.errors import Failed
from tests.domain.test_move import away, joined
from tests.fakes import systemctl as fake

__all__ = ["joined"]

WANTED = {"want": "true", "label": "false"}


def ours(fakes, name: str, **fields: str) -> None:
    fakes.put("STATE_DB", f"SYSTEM_SERVICE|{name}", {**WANTED, **fields})


class TestSending:
    @pytest.mark.parametrize("row", [None, {"state": "enabled"}, {"set_owner": "kube", "state": "disabled"}])
    def test_no_pod_is_drawn_here_that_the_features_own_row_does_not_want(self, joined, api, row):
        """Whoever may write to Redis would have root label the node with the switch's credentials."""
        if row is not None:
            joined.put("CONFIG_DB", "FEATURE|evil", row)
        ours(joined, "evil")
        away(joined, "snmp")
        ours(joined, "snmp")
        send(joined.switch())
        assert api.labels.get("snmp_enabled") == "true"
        assert "evil_enabled" not in api.labels

    def test_a_name_that_is_no_labels_keeps_no_other_back(self, joined, api):
        long = "a" * 56
        away(joined, "snmp")
        joined.put("CONFIG_DB", f"FEATURE|{long}", {"state": "enabled", "set_owner": "kube"})
        for name in (long, "snmp"):
            ours(joined, name)
        assert send(joined.switch()) == {"snmp_enabled": "true"}
        assert send(joined.switch()) == {}

    def test_one_that_the_api_server_refuses_keeps_no_other_back(self, joined, api, monkeypatch):
        switch = joined.switch()
        away(joined, "snmp", "lldp")
        for name in ("snmp", "lldp"):
            ours(joined, name)
        cluster = switch.cluster()
        real = cluster.label

        def label(labels):
            if "lldp_enabled" in labels:
                raise Failed("the API server refused (422): no", "kubectl describe node sonic")
            return real(labels)

        monkeypatch.setattr(type(switch), "cluster", lambda switch: cluster)
        monkeypatch.setattr(cluster, "label", label)
        with pytest.raises(Failed, match="422"):
            send(switch)
        assert api.labels.get("snmp_enabled") == "true"
        assert send(switch, ("snmp",)) == {}


class TestGates:
    @pytest.mark.parametrize("active", ["active", "activating", "reloading", "inactive", "failed", "deactivating"])
    def test_the_gate_of_a_feature_that_runs_is_not_closed_under_it(self, joined, active):
        """The database has restarted, and its rows are gone: the unit's `wait` knows what was said, and says it.

        One that is activating has none: systemd runs what comes before it, or pauses between two lives.
        """
        away(joined, "snmp")
        with fake.opened(joined.units.state) as state:
            state["units"]["snmp.service"].update(active=active, sub="x")
        switch = joined.switch()
        closed = close_gates(switch, observe(switch, ("snmp",)))
        down = active not in ("active", "reloading")
        assert closed == (["snmp"] if down else [])
        assert (joined.row("snmp", "STATE_DB") or {}).get("system_state") == ("down" if down else None)
        assert close_gates(switch, observe(switch, ("snmp",))) == []

    def test_without_systemd_every_gate_is_closed(self, joined, monkeypatch):
        away(joined, "snmp")
        switch = joined.switch()
        snapshot = observe(switch, ("snmp",))
        monkeypatch.setattr(type(switch.units), "available", lambda units: False)
        assert close_gates(switch, snapshot) == ["snmp"]
