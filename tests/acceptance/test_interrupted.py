"""Two commands at once, and commands that are interrupted or killed at every stage: the same again gets there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sandbox import features
from tests.acceptance.console import Console
from tests.acceptance.held import HeldSystemctl
from tests.acceptance.tripwire import ENVIRONMENT, Tripwire
from tests.support.switch import wait_until

ROWS = features.config_db()["FEATURE"]
DISABLE = ("stop -- bgp.service", "disable -- bgp.service", "mask -- bgp.service")
ENABLE = ("unmask -- bgp.service", "enable -- bgp.service", "reset-failed -- bgp.service", "start -- bgp.service")
SLOW_TO_STOP = """[Service]
ExecStop=
ExecStop=/bin/sh -c 'while [ -e /run/hold ]; do sleep 0.05; done'
ExecStop=/usr/local/bin/snmp.sh stop
"""


@pytest.fixture
def stopping(console: Console) -> Iterator[Console]:
    """A switch on which a stop of snmp takes until /run/hold has gone: time enough for others to come."""
    console.drop_in("snmp", SLOW_TO_STOP)
    console.type("touch /run/hold")
    yield console
    console.type("rm -f /run/hold")
    console.drop_in("snmp", "")


@pytest.fixture
def held(console: Console) -> Iterator[HeldSystemctl]:
    with HeldSystemctl(console) as made:
        yield made


def test_the_second_command_waits_its_turn(stopping: Console) -> None:
    console = stopping
    stop = console.begin("system service stop snmp --timeout 300")
    stop.read_until("stop snmp.service")
    wait_until("the stop to be under way", lambda: console.active("snmp") == "deactivating")
    busy = console.ask("system service restart snmp --timeout 0.5", expect=9)["error"]
    assert (busy["kind"], f"pid {stop.pid}" in busy["message"]) == ("busy", True)
    assert console.status("snmp") == "stopping"  # looking takes no turn
    start = console.begin("system service start snmp --timeout 300")
    console.heeds("bgp")
    console.type("system service restart bgp")  # nor does another feature
    assert stop.alive()
    assert start.alive()
    assert console.life("snmp") is not None
    console.type("rm /run/hold")
    assert "snmp: stopped" in stop.end(0)
    assert "snmp: running" in start.end(0)
    console.answers()


@pytest.mark.parametrize(("signal", "verb", "code"), [("INT", "stop", 130), ("TERM", "restart", 143)])
def test_a_signal_ends_it_after_the_action_at_hand(stopping: Console, signal: str, verb: str, code: int) -> None:
    console = stopping
    before = console.life("snmp")
    command = console.begin(f"system service {verb} snmp --timeout 300 --json")
    command.read_until(f"{verb} snmp.service")
    wait_until("the stop to be under way", lambda: console.active("snmp") == "deactivating")
    command.signal(signal)
    assert console.active("snmp") == "deactivating"
    assert command.alive()
    console.type("rm /run/hold")
    answer = json.loads("{" + command.end(code).partition("\n{")[2])
    assert (answer["changed"], answer["error"]["exit_code"]) == (True, code)
    assert f"interrupted by SIG{signal}" in answer["error"]["message"]
    assert console.active("snmp") == ("inactive" if verb == "stop" else "active")
    console.type(f"system service {verb} snmp")
    assert (console.life("snmp") is None) == (verb == "stop")
    assert console.life("snmp") != before
    console.type("system service start snmp")
    console.answers()


def test_a_signal_while_it_waits_for_its_turn(stopping: Console) -> None:
    """A command that is stopped (Ctrl-Z) keeps its turn."""
    console = stopping
    stop = console.begin("system service stop snmp --timeout 300")
    stop.read_until("stop snmp.service")
    wait_until("the stop to be under way", lambda: console.active("snmp") == "deactivating")
    stop.signal("STOP")
    start = console.begin("system service start snmp --timeout 300")
    wait_until("it to wait for its turn", lambda: "snmp.lock" in console.type(f"ls -l /proc/{start.pid}/fd"))
    start.signal("INT")
    start.end(130)
    stop.signal("TERM")
    stop.signal("CONT")
    console.type("rm /run/hold")
    stop.end(143)
    assert console.life("snmp") is None
    console.type("system service start snmp")
    console.answers()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_its_write_the_same_command_again_gets_there(console: Console, moment: str) -> None:
    console.heeds("bgp")
    with Tripwire(console, "service disable bgp") as wire:
        wire.kill(moment, "FEATURE|bgp state")
        console.begin(f"env {' '.join(ENVIRONMENT)} system service disable bgp").end(137)
        wire.sprung("FEATURE|bgp state")
    assert console.intent("bgp")["state"] == ("enabled" if moment == "before" else "disabled")
    assert console.active("bgp") == "active"
    console.type("system service disable bgp")
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["inactive", "masked"]
    console.type("system service enable bgp")


def test_killed_at_every_stage_the_same_command_again_gets_there(console: Console, held: HeldSystemctl) -> None:
    """What it had called for comes to nothing, and the next time happens without it."""
    console.heeds("bgp")
    for verb, stages in (("disable", DISABLE), ("enable", ENABLE)):
        for stage in stages:
            for end in (held.drop, held.release):
                held.hold(stage)
                command = console.begin(f"{held.environment} system service {verb} bgp --timeout 300")
                held.caught(command)
                command.signal("KILL")
                command.end(137)
                end()
        console.type(f"system service {verb} bgp")
        if verb == "disable":
            assert console.intent("bgp")["state"] == "disabled"
            assert console.unit("bgp", "ActiveState", "UnitFileState") == ["inactive", "masked"]
            assert console.life("bgp") is None
            assert console.state("bgp")["system_state"] == "down"
    assert console.intent("bgp") == ROWS["bgp"]
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["active", "enabled"]
    assert console.life("bgp") is not None
    assert console.ask("system service enable bgp")["changed"] is False
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["active", "enabled"]
