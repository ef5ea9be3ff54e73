"""What the host's own commands printed and wrote on real switches' data, recorded in tests/goldens, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GOLDENS = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parents[1] / "goldens").glob("*"))
}
CASES = [
    pytest.param(golden["database"], case, id=f"{name}: {' '.join(case['argv'])}")
    for name, golden in GOLDENS.items()
    for case in golden["cases"]
]
BARE = ["show", "feature"]  # its list of commands may be longer than the host's
# The host does not verify a server that nobody called insecure; ours does.
SERVER = ["config", "kubernetes", "server"]


def changes(before: dict, after: dict) -> dict:
    """Database -> key -> fields that were set and fields that were deleted, as the recordings have it."""
    found: dict = {}
    for database in before:
        for key in {*before[database], *after[database]}:
            old, new = before[database].get(key, {}), after[database].get(key, {})
            if old != new:
                found.setdefault(database, {})[key] = {
                    "set": {f: v for f, v in new.items() if old.get(f) != v},
                    "del": sorted(set(old) - set(new)),
                }
    return found


def test_every_recording_is_here():
    assert {name: len(golden["cases"]) for name, golden in GOLDENS.items()} == {
        "full_switch": 32,
        "legacy_only": 10,
        "partial_rows": 7,
    }


@pytest.mark.parametrize(("database", "case"), CASES)
def test_output_exit_code_and_writes_are_the_hosts(switch, database, case):
    switch.load(database)
    before = switch.dump()
    ran = switch.run(*case["argv"])
    assert ran.code == case["exit_code"]
    if case["argv"] == BARE:
        assert ran.out.startswith("Usage: show-kube feature [OPTIONS] ")
        for listed in case["stdout"].split("Commands:\n")[1].splitlines():
            assert listed in ran.out.splitlines()
    else:
        assert ran.out == case["stdout"]
    if case["exit_code"] != 2:
        assert ran.err == ""
    wrote = changes(before, switch.dump())
    if case["argv"][:3] == SERVER:
        row = wrote["CONFIG_DB"]["KUBERNETES_MASTER|SERVER"]["set"]
        assert row["insecure"] == "False"
        row["insecure"] = "True"
    assert wrote == case["db_changes"]
