"""What units and scripts call, typed by hand; and plain systemctl, which comes to the same."""

from __future__ import annotations

import json

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import CONFIG_DB, RESTART_SEC, STATE_DB, wait_until

ROWS = features.config_db()["FEATURE"]


def lasting(row: dict[str, str]) -> dict[str, str]:
    """The row without the time, which is another one each time."""
    assert row["update_time"]
    return {name: value for name, value in row.items() if name != "update_time"}


def test_asking_for_one_container(console: Console) -> None:
    before, row = console.life("snmp"), console.state("snmp")
    assert before is not None
    assert console.type("system container id snmp") == "snmp\n"
    assert console.type("container id snmp") == "snmp\n"
    assert json.loads(console.type("system container inspect snmp"))[0]["Id"] == before[0]
    assert console.type("system container exec snmp hostname") == "snmp\n"
    console.type(["system", "container", "exec", "snmp", "sh", "-c", "exit 9"], expect=9)
    for line in ("id snm", "inspect snm", "exec snm true", "start snm", "stop snm", "kill snm", f"id {before[0][:12]}"):
        console.type(f"system container {line}", expect=4)

    console.type("system container start snmp")
    console.type("system container state snmp up kube --version 7")
    assert console.state("snmp").items() >= {"current_owner": "kube", "container_version": "7"}.items()
    console.type("system container state snmp down")
    assert (console.state("snmp")["system_state"], console.state("snmp")["current_owner"]) == ("down", "none")
    console.type("system container state snmp up", expect=2)
    assert console.life("snmp") == before
    # What it says of itself is no proof: the container is asked.
    assert console.status("snmp") == "running"
    console.witness.write(STATE_DB, "FEATURE|snmp", row)


def test_plain_systemctl_comes_to_the_same(console: Console) -> None:
    up = lasting(console.state("snmp"))
    console.type("systemctl stop snmp")
    console.silent()
    down = lasting(console.state("snmp"))
    assert down.items() >= {"system_state": "down", "current_owner": "none", "container_id": ""}.items()
    assert console.status("snmp") == "stopped"
    console.type("systemctl start snmp")
    console.answers()
    assert lasting(console.state("snmp")) == up
    console.type("systemctl restart snmp")
    console.answers()
    assert lasting(console.state("snmp")) == up
    assert console.status("snmp") == "running"


def test_stopped_and_killed_by_hand_under_its_unit(console: Console) -> None:
    """Its wait ends with the container, and systemd starts the unit again: that is the rule for both."""
    for number, verb in enumerate(("stop -t 5", "kill"), start=1):
        before = console.life("snmp")
        waiting = console.begin("system container wait snmp")
        waiting.read_until("waiting for the end")
        console.type(f"system container {verb} snmp")
        assert console.life("snmp") != before
        waiting.end(0)
        wait_until(
            "systemd's restart", lambda n=number: console.unit("snmp", "NRestarts") == [str(n)], RESTART_SEC + 20
        )
        console.type("system service wait snmp --for running --timeout 30")
        console.answers()
        assert console.state("snmp")["system_state"] == "up"
        assert console.unit("snmp", "Result") == ["success"]


def test_waits_live_through_a_redis_that_comes_back_empty(console: Console) -> None:
    processes = {name: console.unit(name, "MainPID", "NRestarts") for name in features.UNITS}
    lives = {name: console.life(name) for name in features.UNITS}
    supervisor = "docker exec database supervisorctl -s unix:///run/supervisor.sock"
    console.type(f"{supervisor} stop redis")
    console.type("system service status snmp", expect=7)
    console.type("system container id snmp")
    console.type("system container start snmp")  # acts on Docker alone: it runs, and that is all there is to do
    console.type(f"{supervisor} start redis")
    wait_until("Redis", lambda: console.switch.exec(["redis-cli", "-s", "/run/redis/redis.sock", "ping"]).stdout)
    assert console.state("snmp") == {}
    assert "may be under way" in console.type("system service status", expect=7)
    console.type("database-started")
    # Every wait tells anew what it waits for.
    for name in features.UNITS:
        wait_until(f"{name}'s row", lambda n=name: console.state(n).get("container_id") == n)
    assert {name: console.unit(name, "MainPID", "NRestarts") for name in features.UNITS} == processes
    assert {name: console.life(name) for name in features.UNITS} == lives
    console.type("system service status")


def test_the_database_restarts_while_nobody_can_ask_it(console: Console) -> None:
    """Its own start finds no Redis, and takes along what the units' dependencies say."""
    lives = {name: console.life(name) for name in features.UNITS}
    for name in features.UNITS:
        console.heeds(name)
    console.type("systemctl restart database")
    wait_until("the units", lambda: {console.active(name) for name in features.UNITS} == {"active"}, 40)
    assert console.intent("snmp") == ROWS["snmp"]
    assert console.unit("database", "Result", "NRestarts") == ["success", "0"]
    console.answers()
    for name in features.UNITS:
        assert console.life(name) not in (None, lives[name])
    assert console.witness.row(CONFIG_DB, "FEATURE|database")["state"] == "always_enabled"
