"""How long an SNMP client gets no answer while something is done to snmpd, and while it changes hands."""

from __future__ import annotations

import json
from collections.abc import Callable

from sandbox import images
from sandbox.kube.registry import ADDRESS
from sandbox.poller import Poller
from sandbox.processes import wait_until
from sandbox.switch import Switch

_SERVER = [
    "redis-cli",
    "-s",
    "/var/run/redis/redis.sock",
    "-n",
    "4",
    "HSET",
    "KUBERNETES_MASTER|SERVER",
    "ip",
    "127.0.0.1",
]


def silence(switch: Switch, act: Callable[[], object]) -> float:
    """Seconds without an answer around `act`."""
    with Poller(switch.engine) as client:
        client.steady()
        act()
        client.steady()
        return client.silence()


def handover(switch: Switch) -> dict[str, Callable[[], object]]:
    """What is measured of a handover, in the order in which it goes round; the switch has joined a cluster."""
    cluster = switch.join()
    switch.exec(_SERVER).check_returncode()

    def deploy(version: str) -> None:
        image = f"{ADDRESS}/{images.published('snmp', version)}"
        shown = switch.exec(["show", "kubernetes", "manifest", "snmp", "--image", image])
        cluster.apply(json.loads(shown.stdout))

    def move(mode: str, timeout: int = 180, expect: int = 0) -> None:
        # Patient: controllers take their time to make a pod after the API server was away, and the local one serves.
        line = ["config", "feature", "mode", "snmp", mode, "--timeout", str(timeout)]
        done = switch.exec(line, timeout=200)
        if done.returncode != expect:
            raise RuntimeError(done.stderr)

    def missing_image() -> None:
        wait_until("the end of all pods", lambda: "k8s_" not in switch.docker("ps"), timeout=60)
        deploy("never")
        move("kubernetes", 8, expect=6)
        move("legacy")
        deploy(images.PUBLISHED[0])

    def api_server_dies() -> None:
        cluster.kill("kube-apiserver")
        cluster.restart("kube-apiserver")

    def home_without_api_server() -> None:
        cluster.kill("kube-apiserver")
        try:
            move("legacy")
        finally:
            cluster.restart("kube-apiserver")
            switch.exec(["system", "service", "sync"], timeout=90)

    deploy(images.PUBLISHED[0])
    move("kubernetes")  # from here on the image is there
    move("legacy")
    return {
        "`docker restart snmp`": lambda: switch.docker("restart", "snmp"),
        "a move to an image that is missing": missing_image,
        "API server killed, in legacy mode": api_server_dies,
        "legacy to kubernetes": lambda: move("kubernetes"),
        "API server killed, in kubernetes mode": api_server_dies,
        "kubernetes to legacy": lambda: move("legacy"),
        "legacy to kubernetes, again": lambda: move("kubernetes"),
        "kubernetes to legacy, API server dead": home_without_api_server,
    }


def gate_shares(switch: Switch) -> list[float]:
    """Seconds from `ready` until `wait` saw the gate open, of every handover so far: the gate's own part of each."""
    said = switch.exec(["journalctl", "-u", "snmp", "-o", "short-unix", "--no-pager"]).stdout
    found, opened = [], 0.0
    for line in said.splitlines():
        if line.endswith("snmp: open the gate"):
            opened = float(line.split()[0])
        elif line.endswith("snmp: a pod runs it") and opened:
            found.append(float(line.split()[0]) - opened)
            opened = 0.0
    return found
