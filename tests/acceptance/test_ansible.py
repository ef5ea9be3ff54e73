"""The examples of docs/examples, by a real ansible-playbook and over a real ssh, as docs/howto/fleet.md tells them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.console import Console
from tests.acceptance.documented import FOLDER
from tests.acceptance.fleet import V1, Fleet
from tests.acceptance.operator import EXAMPLES, Operator, reaching
from tests.acceptance.stand import standing
from tests.docs import lines

FEATURES = ("snmp", "lldp", "gnmi")
PLAYBOOK = "ansible-playbook -i inventory.ini move-features.yml --limit leaf1"
# After which of the page's lines the features are whose.
OWNERS = {
    f"{PLAYBOOK} --check": "local",
    PLAYBOOK: "kube",
    "ansible-playbook -i inventory.ini move-features.yml": "kube",
    f'{PLAYBOOK} -e \'{{"features": ["bgp"]}}\'': "kube",
    f"{PLAYBOOK} -e mode=legacy": "local",
    "ssh leaf1 sudo sh -s snmp < smoke.sh": "local",
}


@pytest.fixture
def three(fleet: Fleet) -> Iterator[Fleet]:
    """Three features that can move, each with its DaemonSet."""
    with standing(fleet, ["gnmi"]):
        for name in ("snmp", "lldp"):
            fleet.deploy(name, V1)
        yield fleet


@pytest.fixture
def operator(three: Fleet, tmp_path: Path) -> Iterator[Operator]:
    with reaching(three.switch, tmp_path) as made:
        yield made


def owners(fleet: Fleet) -> set[str]:
    shown = fleet.console.ask("show feature mode")["features"]
    return {feature["owner"] for feature in shown if feature["name"] in FEATURES}


def test_the_page_of_a_fleet(three: Fleet, operator: Operator, tmp_path: Path) -> None:
    (yaml,) = (block for block in lines.blocks("docs/howto/fleet.md") if block.language == "yaml")
    seen = []
    for line in lines.lines("docs/howto/fleet.md"):
        assert operator.run(line) == ""
        assert owners(three) == {OWNERS[line.typed]}, str(line)
        seen.append(line.typed)
    assert set(seen) == set(OWNERS)
    assert seen.count(PLAYBOOK) == 2, "once to move, once more to see that nothing is left to do"

    tasks = "".join(f"    {text}\n" for text in yaml.lines)
    play = f"- hosts: switches\n  gather_facts: false\n  tasks:\n{tasks}"
    (tmp_path / "own.yml").write_text(play)
    own = f"ansible-playbook -i inventory.ini --limit leaf1 {tmp_path / 'own.yml'}"
    recaps = [operator.type(line)[1].partition("PLAY RECAP")[2] for line in (f"{own} --check", own, own)]
    assert [recap.split()[4:7:2] for recap in recaps] == [["changed=1", "failed=0"]] * 2 + [["changed=0", "failed=0"]]
    three.console.type("system service start snmp")

    # Answers that the play does not know are failures, too.
    code, said = operator.type(f"{PLAYBOOK} -e mode=nosuch")
    assert (code, "failed=1" in said) == (2, True), said
    code, said = operator.type(f"{PLAYBOOK} -e ansible_user=nobody")
    assert (code, "unreachable=1" in said) == (4, True), said


def test_a_smoke_test_without_a_cluster_fails_and_leaves_the_feature_at_home(console: Console) -> None:
    console.type(["mkdir", FOLDER])
    try:
        console.switch.write_file(f"{FOLDER}/smoke.sh", (EXAMPLES / "smoke.sh").read_text(), "755")
        before = console.intent("snmp")
        said = console.type(f"{FOLDER}/smoke.sh snmp 20", expect=7)
        assert "no Kubernetes server is configured" in said
        assert "moved to kubernetes and home again" not in said
        assert console.intent("snmp") == before
        assert "usage" in console.type(f"{FOLDER}/smoke.sh", expect=2)
    finally:
        console.type(["rm", "-r", FOLDER])
