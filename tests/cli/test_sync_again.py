"""What the oneshot could not do is tried again: later each time, not by all at once, as long as a server asks."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from importlib import resources

import pytest

from system_service.domain.change.retry import ARMED, FIRST, pause
from system_service.errors import SwitchError
from tests.fakes.api_server import Failure

AGAIN = ("system", "service", "sync", "--again")


@pytest.fixture
def asked(fakes):
    """The seconds that systemd was asked for, in order; what is unsent, and nobody to be sent to."""
    calls = os.path.join(fakes.folder, "calls")
    fakes.program("systemd-run", ["sh", "-c", f'echo "$@" >> {calls}', "x"])
    fakes.feature("snmp", set_owner="kube")
    fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "true"})
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "10.0.0.1"})

    def seconds() -> list[int]:
        if not os.path.exists(calls):
            return []
        with open(calls) as file:
            lines = file.read().splitlines()
        os.unlink(calls)
        for line in lines:
            assert "--unit=sonic-system-service-again " in line
            assert line.endswith(f" -- touch --no-dereference {fakes.run_dir}/sync")
        return [int(re.search(r"--on-active=(\d+) ", line)[1]) for line in lines]

    return seconds


def test_a_label_that_is_refused_leaves_its_feature_to_be_shown(fakes, asked, api, pki, tmp_path):
    (tmp_path / "kubeconfig").write_text(pki.kubeconfig("admin", api.url))
    api.failure = Failure(status=422, body=b'{"kind": "Status", "message": "no"}')
    environment = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "SYSTEM_SERVICE_NODE_NAME": "sonic"}
    ran = fakes.run("system", "service", "sync", "--json", **environment)
    told = json.loads(ran.out)
    assert (ran.code, told["error"]["kind"], [one["name"] for one in told["features"]]) == (1, "failed", ["snmp"])


def test_later_each_time_and_from_the_start_after_a_success(fakes, asked):
    def fails() -> list[int]:
        elapses(fakes)
        assert fakes.run(*AGAIN, KUBECONFIG="/nonexistent").code == ARMED
        return asked()

    waits = [fails()[0] for _ in range(3)]
    assert all(FIRST * 2**n * 0.5 - 1 <= wait <= FIRST * 2**n * 1.5 + 1 for n, wait in enumerate(waits)), waits
    fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "true", "label": "true"})
    assert fakes.run(*AGAIN).code == 0
    assert asked() == []
    fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "true"})
    assert fails()[0] <= FIRST * 1.5 + 1


def elapses(fakes):
    """The next try is due."""
    path = os.path.join(fakes.run_dir, "sync.tries")
    if os.path.exists(path):
        with open(path) as file:
            tries = file.read().split()[0]
        with open(path, "w") as file:
            file.write(f"{tries} 1\n")


def test_who_asks_in_between_puts_nothing_off(fakes, asked):
    """A unit's start, its `wait` and a command all ask when something changes, and an outage may be a short one."""
    waits = []
    for _ in range(5):
        assert fakes.run(*AGAIN, KUBECONFIG="/nonexistent").code == ARMED
        waits += asked()
    assert len(waits) == 5
    assert waits == sorted(waits, reverse=True)  # the same moment, which comes nearer
    assert waits[0] <= FIRST * 1.5 + 1


def test_only_for_the_unit(fakes, asked):
    assert fakes.run("system", "service", "sync", KUBECONFIG="/nonexistent").code == 7
    assert asked() == []


@pytest.mark.parametrize("variable", ["SYSTEM_SERVICE_DB_CONFIG"])
def test_whatever_it_was_that_failed(fakes, asked, variable):
    os.mkdir(fakes.run_dir)
    assert fakes.run(*AGAIN, **{variable: "/nonexistent"}).code == ARMED
    assert len(asked()) == 1


def test_as_long_as_a_server_asks_to_be_left_alone(fakes, asked, api, pki, tmp_path):
    (tmp_path / "kubeconfig").write_text(pki.kubeconfig("admin", api.url))
    api.failure = Failure(status=429, body=b"{}", headers={"Retry-After": "120"})
    ran = fakes.run(*AGAIN, KUBECONFIG=str(tmp_path / "kubeconfig"), SYSTEM_SERVICE_NODE_NAME="sonic")
    assert ran.code == ARMED
    assert 120 <= asked()[0] <= 181


@pytest.mark.parametrize("status", [404, 422])
def test_what_the_api_server_refuses_is_tried_again_too(fakes, asked, api, pki, tmp_path, status):
    """Exit code 1 otherwise: of that the unit would wait for its restart, and hear nobody meanwhile."""
    (tmp_path / "kubeconfig").write_text(pki.kubeconfig("admin", api.url))
    api.failure = Failure(status=status, body=b'{"kind": "Status", "message": "no"}')
    ran = fakes.run(*AGAIN, KUBECONFIG=str(tmp_path / "kubeconfig"), SYSTEM_SERVICE_NODE_NAME="sonic")
    assert (ran.code, len(asked())) == (ARMED, 1)


@pytest.mark.parametrize(
    "said",
    [
        "no bus",
        "Failed to connect to bus: No such file or directory",
        "Failed to start transient timer unit: Access denied",
        "Failed to start transient timer unit: Connection timed out",
    ],
)
def test_without_anybody_to_ask_the_failure_says_so(fakes, asked, said):
    """The wish would be lost: no timer, and no restart of a unit that has succeeded."""
    fakes.program("systemd-run", ["sh", "-c", f"echo '{said}' >&2; exit 1", "x"])
    ran = fakes.run(*AGAIN, KUBECONFIG="/nonexistent")
    assert said in ran.err
    assert ran.code not in (0, *successes())


def test_the_unit_takes_nothing_else_for_a_success():
    assert successes() == [ARMED]
    pending, codes = [SwitchError], set()
    while pending:
        kind = pending.pop()
        codes.add(kind.exit_code)
        pending += kind.__subclasses__()
    assert ARMED not in codes | {1, 2}  # a failure of Python's own ends with 1


def successes() -> list[int]:
    text = resources.files("system_service.host").joinpath("sonic-system-service-sync.service").read_text()
    return [int(code) for code in re.search(r"^SuccessExitStatus=(.*)$", text, re.MULTILINE)[1].split()]


@pytest.mark.parametrize(("minutes", "silent"), [(1, 0.0), (2, 0.0), (5, 5.0), (10, 5.0), (30, 5.0)])
def test_a_fleet_does_not_come_back_all_at_once(minutes, silent):
    """A thousand switches of one moment, an outage of some minutes: at most 50 requests a second then, and all within
    five minutes, timers that are late and slow answers included.

    `silent`: seconds before its return in which an API server that starts takes questions, all of which it answers at
    its return: as long as one of ours waits.
    """
    chance = random.Random(7)  # noqa: S311
    over, late = 60.0 * minutes, 10.0
    requests: Counter[int] = Counter()
    for _ in range(1000):
        moment, tries = 0.0, 0
        while moment < over - silent:
            moment += pause(tries, 0.0, chance.random())
            tries += 1
        requests[int(max(moment, over))] += 1
    assert sum(requests.values()) == 1000
    assert max(requests.values()) <= 50
    assert max(requests) + late <= over + 300


def test_nonsense_makes_nobody_wait_for_ever():
    for tries in (0, 5, 10**9):
        for asked in (0.0, 1e12):
            for chance in (0.0, 0.5, 1.0):
                assert FIRST / 2 <= pause(tries, asked, chance) <= 5400
