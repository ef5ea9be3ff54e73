"""How long an SNMP client gets no answer while something is done to snmpd, and while it changes hands."""

from __future__ import annotations

import json
from collections.abc import Callable

from sandbox import images
from sandbox.kube.registry import ADDRESS
from sandbox.poller import Poller
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
    image = f"{ADDRESS}/{images.published('snmp', images.PUBLISHED[0])}"
    shown = switch.exec(["show", "kubernetes", "manifest", "snmp", "--image", image])
    cluster.apply(json.loads(shown.stdout))
    move = ["config", "feature", "mode", "snmp"]
    move_to = {mode: [*move, mode, "--timeout", "60"] for mode in ("kubernetes", "legacy")}
    switch.exec(move_to["kubernetes"], timeout=90).check_returncode()  # from here on the image is there
    switch.exec(move_to["legacy"], timeout=90).check_returncode()
    return {
        "`docker restart snmp`": lambda: switch.docker("restart", "snmp"),
        "legacy to kubernetes": lambda: switch.exec(move_to["kubernetes"], timeout=90).check_returncode(),
        "kubernetes to legacy": lambda: switch.exec(move_to["legacy"], timeout=90).check_returncode(),
    }
