"""Two commands at once, and commands that are interrupted or killed at every stage: the same again gets there."""

from __future__ import annotations

import json

import pytest

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import wait_until

ROWS = features.config_db()["FEATURE"]
DISABLE = ("write state=disabled", "stop bgp.service", ": disable bgp.service", "mask bgp.service")
ENABLE = ("write state=enabled", "unmask bgp.service", ": enable bgp.service", "forget earlier failures", ": start bgp")


def test_the_second_command_waits_its_turn(console: Console) -> None:
    """A container whose first process is frozen takes its whole stop timeout: time enough for others to come."""
    console.strike("STOP", "snmp")
    stop = console.begin("system service stop snmp")
    stop.read_until("stop snmp.service")
    busy = console.ask("system service restart snmp --timeout 0.5", expect=9)["error"]
    assert (busy["kind"], f"pid {stop.pid}" in busy["message"]) == ("busy", True)
    assert console.status("snmp") == "stopping"  # looking takes no turn
    start = console.begin("system service start snmp")
    console.heeds("bgp")
    console.type("system service restart bgp")  # nor does another feature
    assert stop.alive()
    assert start.alive()
    assert console.life("snmp") is not None
    console.strike("CONT", "snmp")
    assert "snmp: stopped" in stop.end(0)
    assert "snmp: running" in start.end(0)
    console.answers()


@pytest.mark.parametrize(("signal", "verb", "code"), [("INT", "stop", 130), ("TERM", "restart", 143)])
def test_a_signal_ends_it_after_the_action_at_hand(console: Console, signal: str, verb: str, code: int) -> None:
    before = console.life("snmp")
    console.strike("STOP", "snmp")
    command = console.begin(f"system service {verb} snmp --json")
    command.read_until(f"{verb} snmp.service")
    wait_until("the stop to be under way", lambda: console.active("snmp") == "deactivating")
    command.signal(signal)
    assert console.active("snmp") == "deactivating"
    assert command.alive()
    console.strike("CONT", "snmp")
    answer = json.loads("{" + command.end(code).partition("\n{")[2])
    assert (answer["changed"], answer["error"]["exit_code"]) == (True, code)
    assert f"interrupted by SIG{signal}" in answer["error"]["message"]
    assert console.active("snmp") == ("inactive" if verb == "stop" else "active")
    console.type(f"system service {verb} snmp")
    assert (console.life("snmp") is None) == (verb == "stop")
    assert console.life("snmp") != before
    console.type("system service start snmp")
    console.answers()


def test_a_signal_while_it_waits_for_its_turn(console: Console) -> None:
    console.heeds("restapi")
    console.strike("STOP", "restapi")
    stop = console.begin("system service stop restapi")
    stop.read_until("stop container restapi")
    start = console.begin("system service start restapi")
    start.signal("INT")
    start.end(130)
    stop.signal("TERM")
    console.strike("CONT", "restapi")
    stop.end(143)
    assert console.life("restapi") is None
    console.type("system service start restapi")


def test_killed_at_every_stage_the_same_command_again_gets_there(console: Console) -> None:
    console.heeds("bgp")
    for stage in DISABLE:
        console.kill_at("system service disable bgp", stage)
    assert console.intent("bgp")["state"] == "disabled"
    console.type("system service disable bgp")
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["inactive", "masked"]
    assert console.life("bgp") is None
    assert console.state("bgp")["system_state"] == "down"

    for stage in ENABLE:
        console.kill_at("system service enable bgp", stage)
    console.type("system service enable bgp")
    assert console.intent("bgp") == ROWS["bgp"]
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["active", "enabled"]
    assert console.life("bgp") is not None
    assert console.ask("system service enable bgp")["changed"] is False
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["active", "enabled"]
