"""The sandbox's ctrmgrd does what the recorded one did, and its player notices where it does not."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import ctrmgrd as standin
from tests.recordings import ctrmgrd, ctrmgrd_host
from tests.recordings.replay import Unplayable, load, replay

RECORDING = load(str(Path(__file__).with_name("data") / "ctrmgrd.json"))
CASES = {case["id"]: case for case in RECORDING["cases"]}


def test_every_case_is_as_recorded() -> None:
    outcomes = list(replay(RECORDING))
    assert [str(outcome) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == 249


def test_nothing_differs_on_purpose() -> None:
    assert ctrmgrd.Player.deliberate == ()
    assert sorted(ctrmgrd.Player.left_out) == ["stderr_last_line", "syslog", "traceback"]
    assert sorted(standin.LEFT_OUT) == ["a hints file in /tmp when a join fails", "proxies of the API server"]


@pytest.fixture(scope="module")
def player() -> Iterator[ctrmgrd.Player]:
    with ctrmgrd.Player() as made:
        yield made


# What a wrong ctrmgrd would do: file, a line of the stand-in, what stands there instead, a case, and where it shows.
WRONG = {
    "local wanted, nobody's: restart": (
        "rules.py",
        'owner not in ("local", "none") if wanted',
        'owner != "local" if wanted',
        ("ctrmgrd-158", "steps[1].snmp[2]"),
    ),
    "stopped, then none: nothing": (
        "rules.py",
        '("stopped", "none") and',
        '("stopped", "never") and',
        ("ctrmgrd-065", "steps[1].snmp[0]"),
    ),
    "a local one that was stopped: restart": (
        "rules.py",
        'and owner != "local":',
        "and True:",
        ("ctrmgrd-087", "steps[1].snmp[0]"),
    ),
    "undoes no stop": ("rules.py", '("none", "stopped")', '("none", "never")', ("ctrmgrd-059", "steps[1].snmp[1]")),
    "words as they are written": (
        "daemon.py",
        "field: value.lower() for",
        "field: value for",
        ("ctrmgrd-326", "steps[1].images[6].wrote.set.container_stable_version"),
    ),
    "a label where the unit is not active": (
        "rules.py",
        "        if not self.host.active(feature):\n",
        '        if not self.host.active(feature) and not self.host.label(feature, wanted == "kube"):\n',
        ("ctrmgrd-011", "steps[0].snmp[1]"),
    ),
    "restart alone": (
        "daemon.py",
        '        run("systemctl", "reset-failed", feature)\n',
        "",
        ("ctrmgrd-010", "steps[1].snmp[2].ran[1]"),
    ),
    "a deletion is not told": (
        "daemon.py",
        'return (database, key, row) if row or what == "del" else None',
        "return (database, key, row) if row else None",
        ("ctrmgrd-248", "steps[1].snmp[0]"),
    ),
    "acts on the database": ("daemon.py", '= "database"', '= "nobody"', ("ctrmgrd-211", "steps[0].database[0]")),
    "labels at once": ("node.py", "(changed, written)", "(written,)", ("ctrmgrd-268", "steps[1].labels[1]")),
    "sends labels that it has sent": (
        "node.py",
        "if has.get(name) != value]",
        "]",
        ("ctrmgrd-272", "steps[0].labels[2]"),
    ),
    "never sends labels again": (
        "daemon.py",
        '            self.after(self.timers["retry_labels_update_seconds"], self._send)\n',
        "",
        ("ctrmgrd-275", "steps[0].labels[2]"),
    ),
    "sends while it is to try again": (
        "daemon.py",
        "if not self.retrying:",
        "if True:",
        ("ctrmgrd-276", "steps[1].labels[1]"),
    ),
    "hurried by a second": (
        "daemon.py",
        '["tag_latest_image_on_wait_seconds"], self._tag',
        '["tag_latest_image_on_wait_seconds"] - 2, self._tag',
        ("ctrmgrd-310", "steps[1].actions[0].after_s"),
    ),
    "tags once more": (
        "daemon.py",
        "            self._clean(feature, version, last)\n",
        "            self._clean(feature, version, last)\n            self.after(2, self._tag, *arguments)\n".replace(
            "*arguments", "feature, container, version"
        ),
        ("ctrmgrd-310", "steps[1].images[9]"),
    ),
    "cleans once more": (
        "daemon.py",
        "if not images.clean(*arguments):",
        "if images.clean(*arguments) or True:",
        ("ctrmgrd-325", "steps[1].images[11]"),
    ),
    "keeps the local container": (
        "images.py",
        '_docker(f"Failed to docker rm {feature}.", "rm", feature) is not None',
        "True",
        ("ctrmgrd-310", "steps[1].images[5].ran"),
    ),
    "cleans the last version": (
        "images.py",
        "not in (version, last)]",
        "!= version]",
        ("ctrmgrd-311", "steps[1].images[8].ran[2]"),
    ),
    "forgets its timer": (
        "master.py",
        'self._later("retry_join_interval_seconds")',
        "pass",
        ("ctrmgrd-283", "steps[0].server[5]"),
    ),
    "joins without the latency": (
        "master.py",
        "if self.state[",
        "if True or self.state[",
        ("ctrmgrd-280", "steps[0].actions[0].after_s"),
    ),
    "joins a new port": (
        "master.py",
        r'https://([^:"\s]+)',
        r'https://([^"\s]+)',
        ("ctrmgrd-303", "steps[1].server[0].ran[0]"),
    ),
    "trusts anybody": (
        "master.py",
        '!= "false":\n            context',
        ":\n            context",
        ("ctrmgrd-282", "steps[0].server[0].ran[0]"),
    ),
    "does not note it": ("master.py", "if self.state != before:", "if False:", ("ctrmgrd-287", "steps[0].server[3]")),
    "keeps the kubeconfig": (
        "master.py",
        "        if for_good:\n",
        "        if False:\n",
        ("ctrmgrd-299", "steps[1].server[4].ran[0]"),
    ),
    "survives Redis": (
        "database.py",
        '            raise ConnectionError("Redis closed the connection")\n',
        "            raise SystemExit(0)\n",
        ("ctrmgrd-331", "exit_code"),
    ),
}


@pytest.mark.parametrize(("file", "right", "wrong", "shows"), WRONG.values(), ids=WRONG)
def test_one_that_does_otherwise_is_noticed(
    file: str,
    right: str,
    wrong: str,
    shows: tuple[str, str],
    player: ctrmgrd.Player,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant = tmp_path / "ctrmgrd"
    shutil.copytree(ctrmgrd_host.PACKAGE, mutant, ignore=shutil.ignore_patterns("__pycache__"))
    text = (mutant / file).read_text()
    assert text.count(right) == 1
    (mutant / file).write_text(text.replace(right, wrong))
    monkeypatch.setattr(ctrmgrd_host, "PACKAGE", mutant)
    case, part = shows
    assert part in [difference.part for difference in player.replay(CASES[case])]


def changed(case: str, **keys: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CASES[case]), **keys}


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (changed("ctrmgrd-280", api_server="slow"), "api_server: 'slow'"),
        (changed("ctrmgrd-280", timers="some"), "timers: 'some'"),
        (changed("ctrmgrd-010", events=[{"do": [{"what": "rain"}]}]), "no such step of an event: rain"),
    ],
)
def test_what_is_not_known_is_not_played(case: dict[str, Any], why: str, player: ctrmgrd.Player) -> None:
    with pytest.raises(Unplayable, match=why):
        player.replay(case)


def test_a_cluster_that_was_joined_needs_no_row(player: ctrmgrd.Player) -> None:
    case = changed("ctrmgrd-279", joined=True)
    for command in (["delete", "node", "switch-1"], ["drain", "switch-1", "--ignore-daemonsets"]):
        ran = ["kubectl", "--kubeconfig", "/etc/sonic/kube_admin.conf", "--request-timeout", "20s", *command]
        case["result"]["steps"][0]["actions"].insert(0, {"after_s": 2.5, "ran": ran})
    assert player.replay(case) == []


def test_the_order_of_two_features_is_chance_and_that_of_one_is_not(player: ctrmgrd.Player) -> None:
    case = changed("ctrmgrd-265")
    actions = case["result"]["steps"][0]["actions"]
    actions[:] = [*actions[2:], *actions[:2]]
    assert player.replay(case) == []
    actions[:] = actions[::-1]
    assert [d.part for d in player.replay(case)] == [
        "steps[0].lldp[0].wrote",
        "steps[0].lldp[0].ran",
        "steps[0].snmp[0].wrote",
        "steps[0].snmp[0].ran",
    ]
