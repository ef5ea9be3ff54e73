"""systemd's rules stand, and what went wrong behind the product's back is seen and put right."""

from __future__ import annotations

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import STATE_DB, wait_until

HOLD = "[Service]\nExecStartPre=/bin/sh -c 'while [ -e /run/hold ]; do sleep 0.05; done'\n"
TROUBLED = """[Service]
RestartSec=100ms
ExecStartPre=
ExecStartPre=/usr/bin/test ! -e /run/failing
ExecStartPre=/bin/sh -c 'test -e /run/ending || exec /usr/local/bin/snmp.sh start'
ExecStart=
ExecStart=/bin/sh -c 'test -e /run/ending || exec /usr/local/bin/snmp.sh wait'
"""


def test_a_spent_start_limit_is_no_matter(console: Console) -> None:
    """Three starts in twenty minutes are the end for systemctl, whether they ended at once or failed."""
    console.type("systemctl stop snmp")
    console.drop_in("snmp", TROUBLED)
    console.type("touch /run/ending")
    console.type("systemctl start snmp")
    wait_until("the limit", lambda: console.unit("snmp", "Result") == ["start-limit-hit"], 30)
    shown = console.type("system service status snmp", expect=3)
    assert "Status: failed" in shown
    assert "start-limit-hit" in shown
    assert "started too often" in console.type("system service explain snmp")
    console.type("rm /run/ending")
    console.type("systemctl start snmp", expect=1)

    console.type("touch /run/failing")
    failed = console.ask("system service start snmp --timeout 20", expect=1)["error"]
    assert (failed["kind"], failed["resolution"]) == ("failed", "journalctl -u snmp.service")
    wait_until("the limit", lambda: console.unit("snmp", "ActiveState", "SubState") == ["failed", "failed"], 30)
    console.type("rm /run/failing")
    console.type("systemctl start snmp", expect=1)

    console.type("system service start snmp")
    console.answers()
    console.drop_in("snmp", "")


def test_a_stop_waits_until_the_start_is_over(console: Console) -> None:
    """In the middle of ExecStartPre it would leave the container an orphan."""
    console.drop_in("snmp", HOLD)
    console.type("touch /run/hold")
    console.type("systemctl restart --no-block snmp")
    wait_until("the start", lambda: console.active("snmp") == "activating" and console.witness.runs("snmp"))
    assert console.status("snmp") == "starting"
    stop = console.begin("system service stop snmp")
    stop.read_until("wait until snmp.service has settled")
    late = console.ask("system service stop snmp --timeout 0.5", expect=9)
    assert late["error"]["kind"] == "busy"
    assert console.unit("snmp", "ActiveState", "SubState") == ["activating", "start-pre"]
    assert stop.alive()
    console.type("rm /run/hold")
    stop.end(0)
    assert console.unit("snmp", "ActiveState", "Result") == ["inactive", "success"]
    assert console.life("snmp") is None
    console.drop_in("snmp", "")
    console.type("system service start snmp")


def test_a_unit_masked_by_hand(console: Console) -> None:
    console.heeds("bgp")
    console.type("systemctl mask bgp")
    console.type("system service stop bgp")
    assert console.life("bgp") is None
    refused = console.ask("system service start bgp", expect=5)["error"]
    assert ("masked" in refused["message"], refused["resolution"]) == (True, "system service enable bgp")
    console.type("system service enable bgp")
    assert console.unit("bgp", "ActiveState", "UnitFileState") == ["active", "enabled"]
    assert console.life("bgp") is not None


def test_a_container_that_runs_beside_its_unit(console: Console) -> None:
    console.heeds("bgp")
    console.type("systemctl stop bgp")
    console.switch.docker("start", "bgp")
    assert "runs although bgp.service is inactive" in console.type("system service status bgp")
    assert "nobody watches the container" in console.type("system service explain bgp")
    orphan = console.life("bgp")
    console.type("system service start bgp")  # adopted as it is
    assert console.life("bgp") == orphan
    assert console.active("bgp") == "active"

    console.type("systemctl stop bgp")
    console.switch.docker("start", "bgp")
    console.heeds("bgp")
    console.type("system service stop bgp")
    assert console.life("bgp") is None
    console.type("system service start bgp")


def test_a_paused_container(console: Console) -> None:
    before = console.life("snmp")
    console.switch.docker("pause", "snmp")
    console.silent()
    assert "container snmp is paused" in console.type("system service status snmp", expect=3)
    console.type("system service start snmp")
    console.answers()
    assert console.life("snmp") == before

    console.heeds("bgp")
    console.switch.docker("pause", "bgp")
    console.type("system service stop bgp")
    found = console.witness.container("bgp")
    assert found is not None
    assert found["State"]["Status"] == "exited"
    console.type("system service start bgp")


def test_a_container_removed_under_our_hands(console: Console) -> None:
    before = console.life("snmp")
    console.switch.docker("rm", "-f", "snmp")
    wait_until("its wait to end", lambda: console.active("snmp") != "active")
    console.type("system service start snmp")  # sooner than RestartSec
    console.answers()
    after = console.life("snmp")
    assert before is not None
    assert after is not None
    assert after[0] != before[0]

    console.type("system service stop snmp")
    console.switch.docker("rm", "snmp")
    row = {"system_state": "up", "current_owner": "local", "container_id": "snmp", "remote_state": "running"}
    console.witness.write(STATE_DB, "FEATURE|snmp", row)
    (shown,) = console.ask("system service status snmp", expect=3)["features"]
    assert (shown["status"], shown["owner"]) == ("stopped", "none")
    assert "out of date" in console.type("system service explain snmp")
    console.type("system service start snmp")
    console.answers()


def test_a_feature_without_unit(console: Console) -> None:
    name = features.WITHOUT_UNIT
    first = console.life(name)
    console.heeds(name)
    assert console.ask(f"system service stop {name}")["changed"] is True
    assert console.life(name) is None
    console.type(f"system service status {name}", expect=3)
    assert console.ask(f"system service start {name}")["changed"] is True
    second = console.life(name)
    console.heeds(name)
    assert console.ask(f"system service restart {name}")["changed"] is True
    third = console.life(name)
    assert len({first, second, third, None}) == 4
    explained = console.type(f"system service explain {name}")
    assert f"no unit watches container {name}" in explained
    changes = explained.partition("Changes:\n")[2].splitlines()
    assert changes[0].endswith(f" root: system service restart: restart container {name}: done")
    assert changes[1].endswith(f" root: system service start: start container {name}: done")
    assert changes[2].endswith(f" root: system service stop: stop container {name}: done")


def test_swss_takes_along_what_requires_it(console: Console) -> None:
    bgp = console.life("bgp")
    for name in ("swss", "lldp"):
        console.heeds(name)
    console.type("system service stop swss")
    assert [console.active(name) for name in ("swss", "snmp", "lldp", "bgp")] == ["inactive"] * 3 + ["active"]
    console.silent()
    error = console.ask("system service start snmp --timeout 20", expect=1)["error"]
    assert error["resolution"] == "journalctl -u snmp.service"
    console.silent()
    console.type("system service start swss snmp lldp")
    console.answers()

    processes = {name: console.unit(name, "MainPID") for name in features.UNITS}
    for name in ("swss", "lldp"):
        console.heeds(name)
    console.type("system service restart swss")
    wait_until("snmp and lldp", lambda: {console.active("snmp"), console.active("lldp")} == {"active"}, 40)
    console.answers()
    changed = {name for name in features.UNITS if console.unit(name, "MainPID") != processes[name]}
    assert changed == {"swss", "snmp", "lldp"}
    assert console.life("bgp") == bgp
