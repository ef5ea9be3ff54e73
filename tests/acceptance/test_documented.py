"""Every command line of the documents does on the switch what the documents say: each page is a story, told in order.

The lines are found by tests/docs/lines.py, which also says which are not run. A new page is told on a switch without a
cluster; those in CLUSTER are told on one that has joined.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from sandbox import features, images
from tests.acceptance.console import Console
from tests.acceptance.documented import FOLDER, JOINS, tell
from tests.acceptance.fleet import V1, Fleet
from tests.docs import lines
from tests.docs.lines import REFERENCE, Line
from tests.support.switch import CONFIG_DB, STATE_DB

CLUSTER = {"docs/howto/kubernetes-only.md", "docs/howto/move-a-feature.md"}
ELSEWHERE = {"docs/howto/fleet.md", "docs/howto/join.md"}
"""Told by test_ansible.py, from the operator's machine, and by test_join.py, where there is a kubeadm."""
MOVES = "config-kube feature mode"
"""The chapter of the reference that needs a cluster."""
HERE = [
    page
    for page in lines.pages()
    if page not in CLUSTER | ELSEWHERE and any(not line.not_run for line in lines.lines(page))
]
FEATURED = "redis-cli -s /run/redis/redis.sock -n 6 HSET 'FEATURE|lldp' state"
# Command line -> what is typed before it, so that it finds what it needs. Of a page:
DAEMONS = {
    "monit -t && monit reload": ("monit",),
    # The sandbox's cluster has it from the beginning.
    "kubectl create namespace sonic      # once a cluster": (
        "kubectl --kubeconfig /etc/sonic/kube_admin.conf delete namespace sonic --timeout=90s",
    ),
}
# Of the reference:
BEFORE = {
    "system container kill teamd": ("system container start teamd",),
    # From here on nothing of snmp is left to systemd, which would start it again.
    "system container state snmp up local --version 20250510.16": ("system service stop snmp",),
    "system container wait snmp": ("system container start snmp",),
    "system service list": ("system service start snmp teamd",),
    "system service check": ("system service start snmp",),
    "system service wait snmp --for running": ("system service start snmp",),
    "system service wait snmp lldp --for stopped --timeout 30": ("system service stop snmp lldp",),
    # What a switch's featured would write.
    "config-kube feature state lldp disabled --block": (f"{FEATURED} disabled",),
    "config-kube feature state lldp enabled --block --timeout 120": (f"{FEATURED} enabled",),
}
TEAMD = ("--name", "teamd", "--net", "host", images.feature_image(features.WITHOUT_UNIT))


@pytest.fixture
def documented(console: Console) -> Iterator[Console]:
    """A switch as the documents have it: with a feature teamd, the wheel at hand. All is put back at the end."""
    switch = console.switch
    console.type(["mkdir", "-p", FOLDER])
    for wheel in (switch.base / "wheels").glob("*.whl"):
        switch.docker("cp", str(wheel), f"switch:{FOLDER}/")
    yield console
    console.switch.exec(["monit", "quit"])
    console.type(["rm", "-rf", FOLDER, "/etc/monit/conf.d/system-service"])
    put_back(console)


def put_back(console: Console) -> None:
    """The rows, the labels, the units."""
    console.switch.exec(["config", "feature", "uninstall", *features.KUBE_ONLY])
    with redis.Redis(unix_socket_path=str(console.switch.redis_socket), db=CONFIG_DB) as client:
        client.delete("KUBERNETES_MASTER|SERVER", "FEATURE|teamd")
    with redis.Redis(unix_socket_path=str(console.switch.redis_socket), db=STATE_DB) as client:
        client.delete("KUBE_LABELS|SET", "FEATURE|teamd")
        client.hdel("FEATURE|lldp", "state")
    for name, row in features.config_db()["FEATURE"].items():
        if console.intent(name) != row:
            console.witness.write(CONFIG_DB, f"FEATURE|{name}", row)
    console.type("system service enable snmp lldp")


@pytest.fixture
def teamd(documented: Console) -> Iterator[Console]:
    """The examples know a feature teamd, which the sandbox has not."""
    documented.switch.docker("run", "-d", *TEAMD)
    documented.witness.write(CONFIG_DB, "FEATURE|teamd", features.config_db()["FEATURE"][features.WITHOUT_UNIT])
    yield documented
    documented.switch.docker("rm", "-f", "teamd")


@pytest.mark.parametrize("page", HERE)
def test_a_page(documented: Console, page: str) -> None:
    assert tell(documented, lines.lines(page), DAEMONS) == []


@pytest.mark.parametrize("page", sorted(CLUSTER))
def test_a_page_of_a_cluster(documented: Console, fleet: Fleet, page: str) -> None:
    assert tell(documented, lines.lines(page), DAEMONS) == []


def examples(moves: bool) -> list[Line]:
    told_here = [line for line in lines.lines(REFERENCE) if not any(words in line.typed for words in JOINS)]
    return [line for line in told_here if (line.chapter == MOVES) is moves]


def test_the_examples_of_the_reference(teamd: Console) -> None:
    assert tell(teamd, examples(moves=False), BEFORE) == []


def test_the_examples_that_need_a_cluster(documented: Console, fleet: Fleet) -> None:
    fleet.deploy("snmp", V1)
    assert tell(documented, examples(moves=True)) == []


def test_every_page_that_is_named_here_has_lines_to_run() -> None:
    assert [page for page in CLUSTER | ELSEWHERE if all(line.not_run for line in lines.lines(page))] == []


def test_a_line_that_does_otherwise_is_seen(console: Console) -> None:
    console.type(["mkdir", "-p", FOLDER])
    told = [
        Line("page.md", 1, "system service status nat"),
        Line("page.md", 2, "system service status snmp", ("Error: not running: snmp",)),
        Line("page.md", 3, "system service status snmp; echo $?", ("3",)),
        Line("page.md", 4, "system service status snmp", ("Status: stopped",)),
        Line("page.md", 5, "nosuch", not_run="a reason that is long enough"),
        Line("page.md", 6, "system service status snmp; echo $?", ("Status: running", "0")),
    ]
    try:
        assert [wrong.split()[0] for wrong in tell(console, told)] == [f"page.md:{n}:" for n in (1, 2, 3, 4)]
    finally:
        console.type(["rm", "-r", FOLDER])
