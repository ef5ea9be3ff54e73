"""What labels are sent of whose, and whose gates are closed: our rows are written by many, and root acts on them."""

from __future__ import annotations

import os

import pytest

from system_service.domain.change.labels import Sent, ask_node, close_gates, send, set_desired
from system_service.domain.status.observe import observe
from system_service.errors import Failed, Unreachable
from tests.domain.change.test_move import away, joined, move
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
        assert send(joined.switch()).labels == {"snmp_enabled": "true"}
        assert send(joined.switch()).labels == {}

    @pytest.fixture
    def refusing(self, joined, monkeypatch):
        """A cluster that refuses lldp's label."""
        switch = joined.switch()
        cluster = switch.cluster()
        real = cluster.label

        def label(labels):
            if "lldp_enabled" in labels:
                raise Failed("the API server refused (422): no", "kubectl describe node sonic")
            return real(labels)

        monkeypatch.setattr(type(switch), "cluster", lambda switch: cluster)
        monkeypatch.setattr(cluster, "label", label)
        return switch

    def test_one_that_the_api_server_refuses_keeps_no_other_back(self, joined, api, refusing):
        away(joined, "snmp", "lldp")
        for name in ("snmp", "lldp"):
            ours(joined, name)
        sent = send(refusing)
        assert (sent.labels, list(sent.failures)) == ({"snmp_enabled": "true"}, ["lldp_enabled"])
        assert "422" in str(sent.failures["lldp_enabled"])
        assert api.labels.get("snmp_enabled") == "true"
        assert send(refusing, ("snmp",)) == Sent()
        assert list(send(refusing).failures) == ["lldp_enabled"]  # the only one that is left

    def test_each_feature_of_a_command_gets_its_own_end(self, joined, refusing, monkeypatch):
        noted = []
        monkeypatch.setattr("system_service.domain.change.move.record", lambda *words: noted.append(words[1:]))
        result = move(joined, "snmp", "lldp", wait=False)
        assert [(r.name, r.changed, r.error is None) for r in result.reports] == [
            ("snmp", True, True),
            ("lldp", True, False),
        ]
        assert ("snmp", "label", "done") in noted
        assert [words[0] for words in noted if words[2].startswith("failed")] == ["lldp"]
        assert os.path.exists(os.path.join(joined.run_dir, "sync"))  # the oneshot goes on trying

    def test_an_api_server_that_is_gone_in_between_is_what_became_of_the_rest(self, joined, monkeypatch):
        names = ("lldp", "pmon", "snmp")
        away(joined, *names)
        for name in names:
            ours(joined, name)
        switch = joined.switch()
        cluster = switch.cluster()
        answers = iter([Failed("no (422)", "x"), None, Unreachable("gone", "x")])

        def label(labels):
            if (error := next(answers)) is not None:
                raise error

        monkeypatch.setattr(type(switch), "cluster", lambda switch: cluster)
        monkeypatch.setattr(cluster, "label", label)
        sent = send(switch)
        assert len(sent.labels) == 1
        assert [str(error) for error in sent.failures.values()] == ["gone", "gone"]

    @pytest.mark.parametrize("meanwhile", ["row", "both", "nothing"])
    def test_a_wish_is_withdrawn_only_as_long_as_nobody_has_another(self, joined, api, monkeypatch, meanwhile):
        """CONFIG_DB said legacy when it was read, and `config feature mode kubernetes` came before the withdrawal."""
        ours(joined, "snmp", label="true")
        api.labels["snmp_enabled"] = "true"
        switch = joined.switch()
        real = switch.db.update

        def update(database, key, decide, **rest):
            monkeypatch.setattr(switch.db, "update", real)
            if meanwhile != "nothing":
                away(joined, "snmp")
            if meanwhile == "row":
                ours(joined, "snmp", label="unknown")
            return real(database, key, decide, **rest)

        monkeypatch.setattr(switch.db, "update", update)
        sent = send(switch)
        wanted = "false" if meanwhile == "nothing" else "true"
        assert joined.redis.row(6, "SYSTEM_SERVICE|snmp")["want"] == wanted
        assert sent.labels == ({"snmp_enabled": None} if meanwhile == "nothing" else {})
        assert ("snmp_enabled" in api.labels) is (meanwhile != "nothing")

    def test_what_is_doubtful_is_told_by_the_row_as_it_is_when_it_is_written(self, joined, monkeypatch):
        switch = joined.switch()
        real = switch.db.update

        def update(database, key, decide, **rest):
            monkeypatch.setattr(switch.db, "update", real)
            ours(joined, "snmp")  # wanted by another, and may have been taken already
            return real(database, key, decide, **rest)

        monkeypatch.setattr(switch.db, "update", update)
        assert set_desired(switch.db, "snmp", False) is True
        assert joined.redis.row(6, "SYSTEM_SERVICE|snmp") == {"want": "false", "label": "unknown"}

    def test_a_feature_that_is_gone_meanwhile_gets_no_row(self, joined):
        del joined.redis.databases[4][b"FEATURE|snmp"]
        ask_node(joined.switch(), ["snmp", "lldp"])
        assert joined.redis.row(6, "SYSTEM_SERVICE|snmp") is None
        assert joined.redis.row(6, "SYSTEM_SERVICE|lldp") == {"label": "false", "want": "false"}


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
