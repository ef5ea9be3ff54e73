"""What is wanted of a feature, what can be seen of it by everybody who tells, and where the two differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from tests.acceptance.fleet import Fleet


class Intent(NamedTuple):
    """CONFIG_DB's mode and state, whether the unit is to be up (`system service stop` is written nowhere), and the
    version that the cluster has."""

    mode: str
    enabled: bool
    up: bool
    version: str


_DOWN = ("stop", "disable")


def concluded(before: bool, enabled: bool, verbs: Sequence[tuple[str, int | None]], doubt: bool) -> tuple[bool, str]:
    """Whether a feature is to be up after these verbs (each with its exit code), and the verb that makes it certain
    where one was cut off, another contradicted it, or something else makes it doubtful; "" where nothing does. Pure.
    """
    if not doubt and len(verbs) == 1 and verbs[0][1] == 0:
        return verbs[0][0] not in _DOWN, ""
    if not doubt and not verbs:
        return before, ""
    up = enabled and (before or bool(verbs))
    return up, ("enable" if up else "stop") if enabled else "disable"


def expected(name: str, intent: Intent) -> dict[str, str]:
    """What each of those who tell has to tell of a feature that has come to rest. Pure."""
    if not intent.up:
        status = "stopped" if intent.enabled else "disabled"
        return {
            "unit": "inactive",
            "process": "none",
            "system_state": "down",
            "label": "none",
            "feature mode": f"{intent.mode} none {status}",
            "check": "3" if intent.enabled else "0",
        }
    kube = intent.mode == "kubernetes"
    owner = "kube" if kube else "local"
    told = {
        "unit": "active",
        "process": owner,
        "system_state": "up",
        "current_owner": owner,
        "remote_state": "running" if kube else "none",
        "container_id": "its pod's" if kube else name,
        "label": "true" if kube else "none",
        "feature mode": f"{intent.mode} {owner} running",
        "check": "0",
    }
    return told | ({"container_version": intent.version, "pod": intent.version} if kube else {})


def observed(fleet: Fleet, name: str) -> dict[str, str]:
    """What they tell. SandboxError, OSError and the like: somebody cannot be asked."""
    console = fleet.console
    row = console.state(name)
    pods = fleet.pods(name)
    shown = json.loads(fleet.switch.exec(["show", "feature", "mode", name, "--json"]).stdout)["features"][0]
    told = {
        **{
            field: row.get(field, "")
            for field in ("system_state", "current_owner", "container_id", "container_version")
        },
        "remote_state": row.get("remote_state", "none"),
        "unit": _unit(fleet, name),
        "process": fleet.runner(name),
        "label": fleet.cluster.labels().get(f"{name}_enabled", "none"),
        "feature mode": " ".join(str(shown.get(key)) for key in ("mode", "owner", "status")),
        "detail": str(shown.get("detail", "")),
        "check": str(fleet.switch.exec(["system", "service", "check", name]).returncode),
        "pod": "none",
    }
    if len(pods) == 1:
        (pod,) = pods
        versions = [word.partition("=")[2] for word in pod["Config"]["Env"] if word.startswith("IMAGE_VERSION=")]
        told["pod"] = versions[0] if versions else ""
        if told["container_id"] == pod["Id"][:12]:
            told["container_id"] = "its pod's"
    elif pods:
        told["pod"] = f"{len(pods)} of them"
    return told


def _unit(fleet: Fleet, name: str) -> str:
    """The unit's ActiveState; one whose `wait` a step has killed while it was being stopped does not run either."""
    active, result = fleet.console.unit(name, "ActiveState", "Result")
    return "inactive" if (active, result) == ("failed", "signal") else active


def differences(wanted: dict[str, str], seen: dict[str, str]) -> list[str]:
    """Who tells something else than is wanted, and what. Pure."""
    found = [f"{key}: {seen.get(key)!r}, not {value!r}" for key, value in wanted.items() if seen.get(key) != value]
    return [*found, f"detail: {seen['detail']}"] if found and seen.get("detail") else found
