"""The gate in the state space does what the recorded one did, as far as a world has words for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.recordings.replay import load

from .custody_world import BOOT, FROZEN, LOCAL, NEW, OPEN, READ, SAID, TAKEN, UNGATED, WAITS, Pod, World, gate

CASES = load(str(Path(__file__).parents[1] / "recordings" / "data" / "gate.json"))["cases"]
FIRST, SECOND = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
ENDS = {OPEN: "opens", UNGATED: "opens", FROZEN: "freezes", WAITS: "waits"}
POLL = 2.0  # seconds


def said(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for event in case.get("events", []) for step in event["do"]]


def in_words(case: dict[str, Any]) -> bool:
    """Whether a world has words for a case: a pod's gate, a Redis that is there, no field that is there and empty."""
    rows = case["database"].get("STATE_DB", {}).values()
    empty = [*rows, *(step["fields"] for step in said(case) if step["what"] == "hset")]
    second = case.get("second", {}).get("argv", "kube")
    redis = {step["what"] for step in said(case)} & {"redis_stop", "redis_pause", "redis_restart_empty"}
    return (
        case["argv"][3] == "kube"
        and case["argv"][1] == "snmp"
        and case["argv"][-1:] not in ([""], ["-v"])
        and "local" not in second
        and not {"redis", "no_database_config"} & case.keys()
        and not redis
        and not any(fields.get(name) == "" for fields in empty for name in ("remote_state", "system_state"))
    )


class Played:
    """A case in a world: versions are those that the model has, the rest as it is."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        state = case["database"].get("STATE_DB", {})
        local = state.get("KUBE_LABELS|SET", {}).get("snmp_local", "").lower()
        self.versions = {case["argv"][-1].lower(): LOCAL if local == case["argv"][-1].lower() else NEW}
        if "second" in case:
            self.versions.setdefault(case["second"]["argv"][-1].lower(), "3")
        row = state.get("FEATURE|snmp", {})
        config = case["database"].get("CONFIG_DB", {}).get("FEATURE|snmp", {})
        self.world = World(
            wants=config.get("set_owner", "local"),
            up=row.get("system_state", ""),
            remote=row.get("remote_state", ""),
            version=self.version(row.get("container_version", "")),
            named=row.get("container_id", ""),
            local=False,
        )

    def version(self, word: str) -> str:
        return self.versions.get(word.lower(), word)

    def run(self) -> World:
        coming = [(event["at_s"], event["do"]) for event in self.case.get("events", [])]
        coming += [(self.case["second"]["after_s"], None)] if "second" in self.case else []
        coming.sort(key=lambda one: one[0])
        wakes = [0.0]
        self.world = self.world._replace(pods=(Pod(FIRST, BOOT, self.version(self.case["argv"][-1])),))
        while coming or min(wakes) < 20:
            if coming and coming[0][0] <= min(wakes):
                at, steps = coming.pop(0)
                if steps is None:
                    version = self.version(self.case["second"]["argv"][-1])
                    self.world = self.world._replace(pods=(*self.world.pods, Pod(SECOND, BOOT, version)))
                    wakes.append(at)
                for step in steps or ():
                    self.happens(step)
            else:
                at = wakes.index(min(wakes))
                self.acts(at)
                wakes[at] += POLL
        return self.world

    def acts(self, at: int) -> None:
        """What one gate does without sleeping: the announcement, or a look."""
        looks = True
        while looks and (after := gate(self.world, at)) is not None:
            self.world = after
            looks = after.pods[at].stage in (READ, TAKEN, SAID)

    def happens(self, step: dict[str, Any]) -> None:
        named = {
            "system_state": "up",
            "remote_state": "remote",
            "container_version": "version",
            "container_id": "named",
        }
        if step["what"] == "flushall" or (step["what"] == "del" and step["database"] == "STATE_DB"):
            self.world = self.world._replace(up="", remote="", version="", named="")
        elif step["what"] == "hdel":
            self.world = self.world._replace(**{named[field]: "" for field in step["fields"]})
        elif step["database"] == "CONFIG_DB":
            self.world = self.world._replace(wants=step.get("fields", {}).get("set_owner", "local"))
        elif step["key"] == "FEATURE|snmp":
            fields = {name: step["fields"][field] for field, name in named.items() if field in step["fields"]}
            fields |= {"version": self.version(fields["version"])} if "version" in fields else {}
            self.world = self.world._replace(**fields)


@pytest.mark.parametrize("case", [c for c in CASES if in_words(c)], ids=lambda case: case["id"])
def test_the_gate_is_as_recorded(case: dict[str, Any]) -> None:
    played = Played(case)
    world = played.run()
    result = case["result"]
    ends = [result["ends"], *([result["second"]["ends"]] if "second" in result else [])]
    assert [ENDS[pod.stage] for pod in world.pods] == ends
    row = result["rows_after"].get("FEATURE|snmp", {})
    assert world.up == row.get("system_state", "")
    assert world.remote == row.get("remote_state", "")
    assert world.version == played.version(row.get("container_version", ""))
    opened = [pod.id for pod in world.pods if pod.stage == OPEN]
    assert world.named == (opened[0] if opened else row.get("container_id", ""))


def test_most_of_the_cases_are_played() -> None:
    assert sum(map(in_words, CASES)) == 82
