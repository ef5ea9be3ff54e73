"""A switch on which ctrmgrd is at work (a stand-in that keeps its rules): units that it restarts, labels it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from sandbox import ctrmgrd, images
from tests.acceptance.fleet import V1, V2, Fleet
from tests.support.switch import STATE_DB, wait_until

FOLDER = "/usr/local/lib/ctrmgrd"
UNIT = "/run/systemd/system/ctrmgrd.service"
# What a switch has that was joined by ctrmgrd itself. The sandbox's kubelet runs elsewhere.
JOINED = {
    "/run/systemd/system/kubelet.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    "/var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n",
}
TIMERS = "/etc/sonic/remote_ctr.config.json"


class Beside:
    """The fleet's switch, ctrmgrd at work on it, and one feature."""

    def __init__(self, fleet: Fleet, name: str = "snmp") -> None:
        self.fleet = fleet
        self.console = fleet.console
        self.name = name
        self.begun = self._starts()

    def starts(self) -> int:
        """Starts of the feature's unit since the test began."""
        return self._starts() - self.begun

    def _starts(self) -> int:
        said = self.console.type(f"journalctl -u {self.name} -o cat -t systemd")
        return sum(line.startswith("Started ") for line in said.splitlines())

    def said(self) -> list[str]:
        return self.console.type("journalctl -u ctrmgrd -o cat").splitlines()

    def ours(self) -> dict[str, str]:
        """What our own row takes for known of labels: nothing, as ctrmgrd sends them."""
        own = self.fleet.own(self.name)
        return {k: v for k, v in own.items() if k == "label" and v != "unknown"}

    def label(self) -> str | None:
        return self.fleet.cluster.labels().get(f"{self.name}_enabled")

    def rests(self, seconds: int = 6) -> None:
        """Fails when the unit is started once more within some seconds."""
        before, begun = self.starts(), self.console.type("date +%s")
        wait_until(
            "some seconds", lambda: int(self.console.type("date +%s")) - int(begun) >= seconds, timeout=seconds + 10
        )
        assert self.starts() == before, self.said()


def install(fleet: Fleet, tag_after: int = 600) -> None:
    """`tag_after`: seconds for which a pod must have served until its image is the local one, too."""
    write = fleet.switch.write_file
    for file in Path(ctrmgrd.__file__).parent.glob("*.py"):
        fleet.switch.exec(["mkdir", "-p", FOLDER, "/var/lib/kubelet"])
        write(f"{FOLDER}/{file.name}", file.read_text(), "644")
    for path, text in JOINED.items():
        write(path, text, "644")
    timers = {"join_latency_on_boot_seconds": 0, "tag_latest_image_on_wait_seconds": tag_after}
    write(TIMERS, json.dumps(timers), "644")
    unit = "[Service]\nEnvironment=PYTHONPATH=/usr/local/lib\nExecStart=/usr/bin/python3 -uB -m ctrmgrd\n"
    write(UNIT, f"[Unit]\nDescription=Container manager\n{unit}", "644")
    fleet.console.type("systemctl daemon-reload")


def remove(fleet: Fleet) -> None:
    fleet.switch.exec(["systemctl", "stop", "ctrmgrd", "kubelet"])
    fleet.switch.exec(["systemctl", "unmask", "ctrmgrd"])
    fleet.switch.exec(["rm", "-rf", UNIT, FOLDER, TIMERS, *JOINED])
    fleet.switch.exec(["systemctl", "daemon-reload"])
    with redis.Redis(unix_socket_path=str(fleet.switch.redis_socket), db=STATE_DB) as client:
        client.hdel("KUBE_LABELS|SET", "snmp_enabled", "lldp_enabled", "hwsku")
        client.delete("KUBERNETES_MASTER|SERVER")
        client.hdel("FEATURE|snmp", "container_stable_version", "container_last_version")


@pytest.fixture
def beside(fleet: Fleet) -> Iterator[Beside]:
    fleet.console.type("journalctl --rotate")
    fleet.console.type("journalctl --vacuum-time=1s")
    install(fleet)
    fleet.console.type("systemctl start ctrmgrd")
    try:
        yield Beside(fleet)
    finally:
        remove(fleet)


@pytest.mark.parametrize("name", ["snmp", "lldp"])
def test_to_kubernetes_to_a_new_version_and_back(beside: Beside, name: str) -> None:
    console, fleet = beside.console, beside.fleet
    beside = Beside(fleet, name)
    fleet.deploy(name, V1)
    shown = console.ask(f"config feature mode {name} kubernetes --dry-run")["features"][0]["plan"]
    assert shown == [
        f"forget earlier failures of {name}.service",
        f"write set_owner=kube to CONFIG_DB FEATURE|{name}",
        f"wait until a pod runs {name}",
    ]
    moved = console.ask(f"config feature mode {name} kubernetes --timeout 240")
    assert (moved["changed"], moved["error"]) == (True, None)
    wait_until("its row", lambda: console.state(name).get("remote_state") == "running")
    fleet.seen(name, "kube", V1)
    assert beside.starts() == 1  # ctrmgrd's
    assert f"Restarted {name} to switch to kube" in beside.said()
    assert console.witness.row(STATE_DB, "KUBERNETES_MASTER|SERVER")["connected"] == "true"
    assert (beside.label(), beside.ours()) == ("true", {})
    assert console.ask(f"config feature mode {name} kubernetes")["changed"] is False

    fleet.deploy(name, V2)
    wait_until("the new version", lambda: console.state(name).get("container_version") == V2, 60)
    fleet.await_runner(name, "kube")
    wait_until("its row", lambda: console.state(name).get("remote_state") == "running")
    fleet.seen(name, "kube", V2)
    assert beside.starts() == 1  # the new pod found no owner

    assert console.ask(f"config feature mode {name} legacy")["changed"] is True
    wait_until("ctrmgrd's restart", lambda: beside.starts() == 2)
    fleet.await_runner(name, "local", 20)
    wait_until("the label", lambda: beside.label() == "false")
    beside.rests()
    fleet.seen(name, "local")
    assert (console.ask(f"config feature mode {name} legacy")["changed"], beside.ours()) == (False, {})


@pytest.fixture
def away(beside: Beside) -> Beside:
    """snmp runs from Kubernetes."""
    beside.fleet.deploy("snmp", V1)
    beside.console.ask("config feature mode snmp kubernetes --timeout 240")
    beside.fleet.await_runner("snmp", "kube")
    wait_until("its row", lambda: beside.console.state("snmp").get("remote_state") == "running")
    beside.begun += beside.starts()
    return beside


@pytest.mark.parametrize("line", ["system service stop snmp", "systemctl stop snmp"])
def test_a_stop_is_not_undone(away: Beside, line: str) -> None:
    console = away.console
    console.type(line)
    assert (console.active("snmp"), away.fleet.runner("snmp")) == ("inactive", "none")
    dropped = line.startswith("system ")
    wait_until("the label", lambda: away.label() == ("false" if dropped else "true"))
    away.rests()
    assert console.active("snmp") == "inactive"
    assert console.state("snmp")["remote_state"] == "none"
    # Nor when it begins anew, and sees every row for the first time.
    console.type("systemctl restart ctrmgrd")
    away.rests()
    assert (away.starts(), away.ours()) == (0, {})
    assert console.ask("system service stop snmp")["changed"] is not dropped
    wait_until("the end of the pod", lambda: not away.fleet.pods("snmp"), 60)
    console.type("system service start snmp")
    away.fleet.await_runner("snmp", "kube")
    wait_until("the label", lambda: away.label() == "true")
    away.rests()
    # There was no pod: the local one served, until ctrmgrd restarted the unit for the pod that the label brought.
    assert away.starts() == 2


def test_a_restart_is_one_restart(away: Beside) -> None:
    (pod,) = away.fleet.pods("snmp")
    away.console.type("systemctl restart snmp")
    away.fleet.await_runner("snmp", "kube", 30)
    away.rests()
    assert away.starts() == 1
    assert [found["Id"] for found in away.fleet.pods("snmp")] == [pod["Id"]]


def test_a_pod_that_fails_twice_costs_no_start_of_the_unit(away: Beside) -> None:
    """Else the start limit would be spent, and the feature down, for a pod that does not work."""
    fleet = away.fleet
    first = fleet.pods("snmp")[0]["Id"]
    fleet.switch.docker("kill", first)
    wait_until("another container", lambda: [p["Id"] for p in fleet.pods("snmp")] not in ([], [first]))
    fleet.await_runner("snmp", "kube", 40)
    fleet.switch.docker("kill", fleet.pods("snmp")[0]["Id"])
    fleet.await_runner("snmp", "local", 40)
    wait_until("the next container", lambda: fleet.pods("snmp"), 60)
    away.rests(10)
    assert (away.starts(), fleet.runner("snmp")) == (0, "local")
    fleet.await_runner("snmp", "kube", 120)  # it has waited long enough at its gate
    assert away.starts() == 0


def test_one_that_hangs_is_not_waited_for_for_ever(beside: Beside) -> None:
    console, fleet = beside.console, beside.fleet
    fleet.deploy("snmp", V1)
    console.ask("config feature mode snmp kubernetes --no-wait")
    wait_until("its label", lambda: beside.label() == "true")
    console.type("systemctl kill -s STOP ctrmgrd")
    fleet.await_runner("snmp", "kube", 90)
    assert beside.starts() == 0
    console.type("systemctl kill -s CONT ctrmgrd")
    beside.rests()
    console.type("systemctl kill -s STOP ctrmgrd")
    assert console.ask("config feature mode snmp legacy --timeout 240")["error"] is None
    fleet.await_runner("snmp", "local", 10)
    console.type("systemctl kill -s KILL ctrmgrd")


def test_masked_it_does_not_exist(fleet: Fleet) -> None:
    install(fleet)
    try:
        fleet.console.type("systemctl mask ctrmgrd")
        fleet.deploy("snmp", V1)
        before = fleet.unit("snmp")
        fleet.console.ask("config feature mode snmp kubernetes --timeout 240")
        fleet.seen("snmp", "kube", V1)
        assert fleet.own("snmp")["label"] == "true"
        assert fleet.console.ask("config feature mode snmp legacy")["error"] is None
        assert fleet.unit("snmp") == before
    finally:
        remove(fleet)


@pytest.fixture
def image(fleet: Fleet) -> Iterator[str]:
    """The id of snmp's local image; it is the local one again in the end, and the container is made from it."""
    name = images.feature_image("snmp")
    found = fleet.switch.docker("image", "inspect", "--format", "{{.Id}}", name).strip()
    yield found
    fleet.switch.exec(["systemctl", "stop", "snmp"])
    fleet.switch.docker("rm", "-f", "snmp")
    fleet.switch.docker("tag", found, name)
    fleet.switch.exec(["systemctl", "reset-failed", "snmp"])
    fleet.console.type("systemctl start snmp")


def test_a_local_container_that_it_removed_is_made_anew(fleet: Fleet, image: str) -> None:
    """The unit's start script makes it: for the fallback, and for coming home. Its image is the pod's by then."""
    console = fleet.console
    install(fleet, tag_after=3)
    console.type("systemctl start ctrmgrd")
    try:
        fleet.deploy("snmp", V1)
        console.ask("config feature mode snmp kubernetes --timeout 240")
        wait_until("its removal", lambda: console.witness.container("snmp") is None, 30)
        wait_until("its note of it", lambda: console.state("snmp").get("container_stable_version") == V1)
        (pod,) = fleet.pods("snmp")
        name = images.feature_image("snmp")
        assert fleet.switch.docker("image", "inspect", "--format", "{{.Id}}", name).strip() == pod["Image"] != image
        fleet.cluster.kill("kubelet")
        fleet.switch.docker("kill", pod["Id"])
        fleet.await_runner("snmp", "local", 70)
        fleet.cluster.restart("kubelet")
        assert console.ask("config feature mode snmp legacy --timeout 240")["error"] is None
        fleet.await_runner("snmp", "local", 20)
    finally:
        remove(fleet)
