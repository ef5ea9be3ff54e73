"""A feature that runs from Kubernetes keeps the switch's rules: start, stop, restart, disable, crashes, reboots."""

from __future__ import annotations

import time

import pytest

from tests.acceptance.fleet import V1, Fleet
from tests.support.switch import wait_until


@pytest.fixture
def away(fleet: Fleet) -> Fleet:
    """snmp runs from Kubernetes."""
    fleet.deploy("snmp", V1)
    fleet.console.ask("config feature mode snmp kubernetes --timeout 240")
    fleet.await_runner("snmp", "kube")
    return fleet


def label(fleet: Fleet) -> str | None:
    return fleet.cluster.labels().get("snmp_enabled")


def await_label(fleet: Fleet, value: str | None) -> None:
    wait_until(f"the label {value}", lambda: label(fleet) == value)


def test_systemctl_stops_and_starts_it_and_keeps_its_pod(away: Fleet) -> None:
    console = away.console
    (pod,) = away.pods("snmp")
    console.type("systemctl stop snmp")
    assert away.runner("snmp") == "none"
    assert console.status("snmp") == "stopped"
    assert console.state("snmp")["system_state"] == "down"
    assert label(away) == "true"
    console.type("systemctl start snmp")
    away.await_runner("snmp", "kube", 30)
    assert [found["Id"] for found in away.pods("snmp")] == [pod["Id"]]
    assert console.life("snmp") is None


def test_restart_keeps_the_version_and_the_pod(away: Fleet) -> None:
    (pod,) = away.pods("snmp")
    for line in ("systemctl restart snmp", "system service restart snmp"):
        away.console.type(line)
        away.await_runner("snmp", "kube", 30)
        assert [found["Id"] for found in away.pods("snmp")] == [pod["Id"]]
        assert label(away) == "true"


def test_service_stop_drops_the_label_and_start_brings_a_pod(away: Fleet) -> None:
    console = away.console
    assert console.ask("system service stop snmp")["changed"] is True
    assert away.runner("snmp") == "none"
    await_label(away, None)
    assert console.ask("system service stop snmp")["changed"] is False
    assert console.ask("system service start snmp")["changed"] is True
    await_label(away, "true")
    away.await_runner("snmp", "kube")


def test_disabled_stays_off_and_enabled_comes_back(away: Fleet) -> None:
    console = away.console
    console.type("system service disable snmp")
    assert (away.runner("snmp"), console.status("snmp")) == ("none", "disabled")
    await_label(away, None)
    console.type("system service enable snmp")
    away.await_runner("snmp", "kube")
    assert console.intent("snmp")["set_owner"] == "kube"


def test_it_stops_with_the_api_server_dead_and_the_label_follows_later(away: Fleet) -> None:
    away.cluster.kill("kube-apiserver")
    away.console.type("system service stop snmp")
    assert away.runner("snmp") == "none"
    away.cluster.restart("kube-apiserver")
    away.console.type("systemctl reset-failed sonic-system-service-sync.service")
    away.console.type("systemctl start sonic-system-service-sync.service")
    await_label(away, None)


def test_one_death_is_awaited_a_second_one_is_the_local_image_s_turn(away: Fleet) -> None:
    unit = away.unit("snmp")
    first = away.pods("snmp")[0]["Id"]
    away.switch.docker("kill", first)
    wait_until("another container", lambda: [p["Id"] for p in away.pods("snmp")] not in ([], [first]))
    away.await_runner("snmp", "kube", 40)
    away.switch.docker("kill", away.pods("snmp")[0]["Id"])
    away.await_runner("snmp", "local", 40)
    (shown,) = away.console.ask("show feature mode snmp")["features"]
    assert (shown["owner"], shown["status"]) == ("local", "fallback")
    assert "twice within 10 minutes" in shown["detail"] or "settling: takes over at" in shown["detail"]
    assert away.unit("snmp") == unit


def test_no_pod_within_the_grace_is_the_local_image_s_turn(away: Fleet) -> None:
    away.cluster.kill("kubelet")
    begun = time.monotonic()
    away.switch.docker("kill", away.pods("snmp")[0]["Id"])
    away.await_runner("snmp", "local", 40)
    assert time.monotonic() - begun > 15
    away.cluster.restart("kubelet")


def test_with_auto_restart_disabled_a_death_ends_the_unit_s_wait(away: Fleet) -> None:
    console = away.console
    row = console.intent("snmp")
    console.witness.write(4, "FEATURE|snmp", {**row, "auto_restart": "disabled"})
    restarts = int(console.unit("snmp", "NRestarts")[0])
    away.switch.docker("kill", away.pods("snmp")[0]["Id"])
    wait_until("systemd's restart", lambda: int(console.unit("snmp", "NRestarts")[0]) > restarts, 30)
    console.witness.write(4, "FEATURE|snmp", row)
    wait_until("somebody who runs it", lambda: away.runner("snmp") in ("local", "kube"), 60)


def test_container_kill_is_for_ever_as_a_reboot_needs_it(away: Fleet) -> None:
    console = away.console
    console.drop_in("snmp", "[Service]\nRestart=no\n")
    console.type("container kill snmp")
    wait_until("its unit's end", lambda: console.active("snmp") == "inactive", 30)
    await_label(away, None)
    wait_until("the end of the pod", lambda: not away.pods("snmp"), 40)
    assert away.runner("snmp") == "none"
    console.drop_in("snmp", "")
    console.type("systemctl start snmp")
