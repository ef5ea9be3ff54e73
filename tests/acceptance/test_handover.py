"""A feature that runs is handed over to a real Kubernetes and back, by command; an SNMP client asks all the while."""

from __future__ import annotations

import pytest

from sandbox.kube.registry import ADDRESS
from sandbox.poller import PATIENT, Poller
from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import wait_until


@pytest.mark.parametrize("name", ["snmp", "lldp"])
def test_to_kubernetes_to_a_new_version_and_back(fleet: Fleet, name: str) -> None:
    console = fleet.console
    fleet.deploy(name, V1)
    before = fleet.unit(name)

    moved = console.ask(f"config feature mode {name} kubernetes --timeout 240")
    assert (moved["changed"], moved["error"]) == (True, None)
    assert console.intent(name)["set_owner"] == "kube"
    fleet.seen(name, "kube", V1)
    assert console.ask(f"config feature mode {name} kubernetes")["changed"] is False
    assert console.type(f"system container id {name}").strip() == fleet.pods(name)[0]["Id"][:12]
    told = console.type(f"system container exec {name} printenv IMAGE_VERSION RUNTIME_OWNER").split()
    assert told == [V1, "kube"]

    fleet.deploy(name, V2)
    wait_until("the new version", lambda: console.state(name).get("container_version") == V2, 60)
    fleet.await_runner(name, "kube")
    wait_until("its row", lambda: console.state(name).get("remote_state") == "running")
    fleet.seen(name, "kube", V2)

    assert console.ask(f"config feature mode {name} legacy")["changed"] is True
    fleet.seen(name, "local")
    assert console.ask(f"config feature mode {name} legacy")["changed"] is False
    assert fleet.unit(name) == before


def test_several_features_are_one_change(fleet: Fleet) -> None:
    for name in ("snmp", "lldp"):
        fleet.deploy(name)
    moved = fleet.console.ask("config feature mode snmp lldp kubernetes --timeout 240")
    assert [(f["name"], f["owner"], f["changed"]) for f in moved["features"]] == [
        ("snmp", "kube", True),
        ("lldp", "kube", True),
    ]
    home = fleet.console.ask("config feature mode --all legacy")
    assert {f["name"] for f in home["features"] if f["changed"]} == {"snmp", "lldp"}
    for name in ("snmp", "lldp"):
        fleet.seen(name, "local")


def test_one_that_cannot_move_does_not_hold_up_the_other(fleet: Fleet) -> None:
    fleet.deploy("snmp")
    moved = fleet.console.ask("config feature mode bgp snmp kubernetes --timeout 240", expect=5)
    bgp, snmp = moved["features"]
    assert (bgp["mode"], snmp["mode"], snmp["owner"]) == ("legacy", "kubernetes", "kube")
    fleet.seen("snmp", "kube", V1)


def test_the_api_server_dies_and_nobody_notices(fleet: Fleet) -> None:
    fleet.deploy("snmp")
    fleet.console.ask("config feature mode snmp kubernetes --timeout 240")
    with Poller(fleet.switch.engine, PATIENT) as client:
        wait_until("some answers", lambda: client.asked() > 5)
        fleet.cluster.kill("kube-apiserver")
        seen = client.mark()
        wait_until("two seconds of answers", lambda: client.asked(seen) > 20)
        assert client.lost(seen) == 0
        assert fleet.runner("snmp") == "kube"

        home = fleet.console.ask("config feature mode snmp legacy")
        assert (home["changed"], home["error"]) == (True, None)
        fleet.await_runner("snmp", "local", 10)
        client.steady()
    fleet.cluster.restart("kube-apiserver")


def test_an_image_that_does_not_exist_costs_no_answer(fleet: Fleet) -> None:
    fleet.deploy("snmp", image=f"{ADDRESS}/docker-snmp:never")
    with Poller(fleet.switch.engine, PATIENT) as client:
        wait_until("some answers", lambda: client.asked() > 5)
        late = fleet.console.ask("config feature mode snmp kubernetes --timeout 12", expect=6)
        assert late["error"]["kind"] == "timeout"
        assert "ErrImagePull" in late["error"]["message"] or "ImagePullBackOff" in late["error"]["message"]
        (shown,) = fleet.console.ask("show feature mode snmp")["features"]
        assert (shown["owner"], shown["status"]) == ("local", "fallback")
        assert "mage" in shown["detail"]
        again = fleet.console.ask("config feature mode snmp kubernetes --timeout 2", expect=6)
        assert again["changed"] is False
        assert client.lost() == 0

        # The image appears, and it moves over by itself.
        fleet.deploy("snmp", V1)
        fleet.await_runner("snmp", "kube", 90)
    wait_until("its row", lambda: fleet.console.state("snmp").get("remote_state") == "running")
    fleet.seen("snmp", "kube", V1)


def test_the_same_version_never_opens_and_is_told(fleet: Fleet) -> None:
    same = fleet.cluster.registry.push("docker-snmp:latest", "docker-snmp:same")
    fleet.deploy("snmp", image=same)
    fleet.console.ask("config feature mode snmp kubernetes --timeout 240")
    assert fleet.pods("snmp")
    (shown,) = fleet.console.ask("show feature mode snmp")["features"]
    assert (shown["status"], shown["owner"]) == ("running", "local")
    assert shown["detail"] == "the local image is the pod's version"
    assert fleet.runner("snmp") == "local"
