"""An operator's ordinary day: look, stop, start, restart, a crash, off for good, on again."""

from __future__ import annotations

import pytest

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import CONFIG_DB, RESTART_SEC, wait_until

ROWS = features.config_db()["FEATURE"]
DOWN = {"system_state": "down", "current_owner": "none", "container_id": "", "remote_state": "none"}
UP = {"system_state": "up", "current_owner": "local", "container_id": "snmp", "remote_state": "none"}


def test_looking_at_what_there_is(console: Console) -> None:
    before = {name: console.life(name) for name in features.IMAGES}
    listed = console.type("system service list").splitlines()
    assert listed[0].split() == ["Feature", "State", "AutoRestart", "Mode", "Owner", "Status"]
    assert [line.split()[0] for line in listed[2:]] == sorted(ROWS)
    answer = console.ask("system service status")
    assert {f["name"]: f["status"] for f in answer["features"]} == {
        name: "running" if name in features.IMAGES else "disabled" for name in ROWS
    }
    assert (answer["command"], answer["changed"], answer["error"]) == ("system service status", False, None)
    shown = console.type("system service status snmp")
    assert "Status: running" in shown
    assert before["snmp"] is not None
    assert before["snmp"][0][:12] in shown
    assert "Status: disabled" in console.type("system service status nat", expect=3)
    assert console.type("show feature status").splitlines()[2:]
    assert (
        console.type("system service logs snmp -n 1").splitlines()
        == console.switch.docker("logs", "-n", "1", "snmp").splitlines()
    )
    assert {name: console.life(name) for name in features.IMAGES} == before


def test_stop_start_and_restart_as_an_snmp_client_sees_them(console: Console) -> None:
    first = console.life("snmp")
    answer = console.ask("system service stop snmp")
    assert (answer["changed"], answer["features"][0]["status"]) == (True, "stopped")
    console.silent()
    assert console.life("snmp") is None
    assert console.unit("snmp", "ActiveState", "Result") == ["inactive", "success"]
    told = console.state("snmp")
    assert told.items() >= DOWN.items()
    assert len(told["update_time"]) == len("2026-01-01 00:00:00")
    assert console.ask("system service stop snmp")["changed"] is False
    console.type("system service status snmp", expect=3)
    assert "not running: snmp" in console.type("system service status", expect=3)
    assert "system service start snmp" in console.type("system service explain snmp")

    answer = console.ask("system service start snmp")
    assert (answer["changed"], answer["features"][0]["status"]) == (True, "running")
    console.answers()
    assert console.active("snmp") == "active"
    assert console.state("snmp").items() >= UP.items()
    second = console.life("snmp")
    assert console.ask("system service start snmp")["changed"] is False
    assert console.life("snmp") == second

    assert console.ask("system service restart snmp")["changed"] is True
    console.answers()
    third = console.life("snmp")
    assert None not in (first, second, third)
    assert len({life[0] for life in (first, second, third) if life}) == 1  # one container all the time,
    assert len({first, second, third}) == 3  # started anew each time


def test_a_crash_is_answered_by_systemds_own_rule(console: Console) -> None:
    assert console.unit("snmp", "NRestarts", "RestartUSec") == ["0", f"{RESTART_SEC}s"]
    before = console.life("snmp")
    console.strike("KILL", "snmp")
    wait_until("systemd's restart", lambda: console.unit("snmp", "NRestarts") == ["1"], RESTART_SEC + 20)
    console.type("system service wait snmp --for running --timeout 30")
    console.answers()
    assert console.life("snmp") not in (None, before)
    assert console.active("snmp") == "active"


@pytest.fixture
def strange_leaf(console: Console) -> Console:
    """A row with a leaf nobody knows, as a newer image may have written it."""
    console.witness.write(CONFIG_DB, "FEATURE|snmp", {**ROWS["snmp"], "colour": "blue"})
    return console


def test_off_for_good_and_on_again(console: Console, strange_leaf: Console) -> None:
    row = {**ROWS["snmp"], "colour": "blue"}
    before = (console.life("snmp"), console.state("snmp"))

    answer = console.ask("system service disable snmp --dry-run")
    assert (answer["dry_run"], answer["changed"]) == (True, True)
    assert answer["features"][0]["plan"] == [
        "write state=disabled to CONFIG_DB FEATURE|snmp",
        "stop snmp.service",
        "mask snmp.service",
    ]
    assert (console.life("snmp"), console.state("snmp"), console.intent("snmp")) == (*before, row)
    assert console.unit("snmp", "ActiveState", "UnitFileState") == ["active", "static"]

    assert console.ask("system service disable snmp")["changed"] is True
    console.silent()
    assert console.intent("snmp") == {**row, "state": "disabled"}
    assert console.unit("snmp", "ActiveState", "UnitFileState") == ["inactive", "masked"]
    assert console.life("snmp") is None
    assert console.state("snmp").items() >= DOWN.items()
    assert console.ask("system service disable snmp")["changed"] is False
    assert "Status: disabled" in console.type("system service status snmp", expect=3)
    refused = console.ask("system service start snmp", expect=5)["error"]
    assert (refused["kind"], refused["resolution"]) == ("refused", "system service enable snmp")
    assert "masked" in console.type("systemctl start snmp", expect=1)
    console.type("system service status")  # what is off on purpose is not missed

    assert console.ask("system service enable snmp --dry-run")["changed"] is True
    assert console.unit("snmp", "ActiveState", "UnitFileState") == ["inactive", "masked"]
    assert console.intent("snmp")["state"] == "disabled"

    assert console.ask("system service enable snmp")["changed"] is True
    console.answers()
    assert console.intent("snmp") == row
    assert console.unit("snmp", "ActiveState", "UnitFileState") == ["active", "static"]
    assert console.ask("system service enable snmp")["changed"] is False
    console.witness.write(CONFIG_DB, "FEATURE|snmp", ROWS["snmp"])


def test_one_of_several_fails_and_the_others_are_done(console: Console) -> None:
    """database is always_enabled; lldp's unit has User=, so that its script is no root's."""
    console.heeds("lldp")
    database, before = console.life("database"), console.life("lldp")
    answer = console.ask("system service disable database lldp", expect=5)
    assert "always_enabled" in answer["error"]["message"]
    assert [(f["name"], f["changed"]) for f in answer["features"]] == [("database", False), ("lldp", True)]
    assert console.intent("database") == ROWS["database"]
    assert console.life("database") == database
    assert console.intent("lldp")["state"] == "disabled"
    assert console.unit("lldp", "ActiveState", "UnitFileState") == ["inactive", "masked"]
    assert console.life("lldp") is None

    console.type("system service enable lldp")
    assert console.life("lldp") not in (None, before)
    assert console.unit("lldp", "ActiveState", "User") == ["active", "admin"]
    chassis = "docker exec lldp lldpcli -f keyvalue show chassis"
    wait_until("lldpd", lambda: "chassis.name=lldp" in console.switch.exec(chassis.split()).stdout)
    assert console.state("lldp")["container_id"] == "lldp"
