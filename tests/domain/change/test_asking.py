"""What a move asks of the API server while it waits for a pod: little, less and less often, and within its own time."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from itertools import pairwise

import pytest

from system_service.backends.cluster import Cluster
from system_service.domain.change.asking import REQUESTS
from system_service.domain.change.retry import FIRST
from system_service.errors import Interrupted, TimedOut, Unreachable
from tests.domain.change.test_move import NAMES, PATCH, joined, move
from tests.fakes.api_server import Failure, daemonset, pod

__all__ = ["joined"]

SETS = "/apis/apps/v1/namespaces/sonic/daemonsets"
PODS = "/api/v1/namespaces/sonic/pods"
DEFAULT = 300.0  # seconds: `--timeout` where nothing else is said


class Clock:
    """A clock that sleeping sets forward: nobody waits."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.step = 10.0  # looks that are farther apart than the product's, to be done sooner

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += max(seconds, self.step)


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for module in ("move", "asking"):
        monkeypatch.setattr(f"system_service.domain.change.{module}.time", found)
    return found


@pytest.fixture
def patient(monkeypatch):
    """A question's own limit is a minute: what ends it sooner is something else, however busy the machine is."""
    real = Cluster.from_env

    def from_env() -> Cluster:
        cluster = real()
        cluster.timeout = 60.0
        return cluster

    monkeypatch.setattr(Cluster, "from_env", from_env)


def gets(api) -> int:
    return sum(count for (method, _), count in api.calls.items() if method == "GET")


def nothing(api) -> None:
    """No DaemonSet."""


def no_pod(api) -> None:
    api.put(SETS, daemonset("snmp", "snmp"))


def no_place(api) -> None:
    no_pod(api)
    api.put(PODS, pod("snmp-1", "snmp", node=""))


def pulled(api) -> None:
    no_pod(api)
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    api.put(PODS, pod("snmp-1", "snmp", containerStatuses=[{"name": "snmp", "state": waiting}]))


def broken(api) -> None:
    no_pod(api)
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    api.put(PODS, pod("snmp-1", "snmp", containerStatuses=[{"name": "snmp", "state": waiting}]))


@pytest.mark.parametrize("cluster", [nothing, no_pod, no_place, pulled, broken])
@pytest.mark.parametrize(("names", "seconds"), [(("snmp",), DEFAULT), (NAMES, 10 * DEFAULT)], ids=["one", "several"])
def test_a_move_is_one_patch_one_get_before_and_six_while_it_waits(joined, api, clock, cluster, names, seconds):
    cluster(api)
    clock.step = seconds / 15
    before = []

    def tell(sentence: str) -> None:
        if not before and "wait until a pod runs" in sentence:
            before.append(Counter(api.calls))

    result = move(joined, *names, timeout=seconds, tell=tell)
    assert isinstance(result.error, TimedOut)
    assert clock.slept >= seconds - 60  # but for what the looks took
    assert before == [Counter({("GET", "/api/v1/nodes/sonic"): 1, PATCH: 1})]
    assert (api.calls[PATCH], 2 <= gets(api) - 1 <= REQUESTS == 6) == (1, True)


def test_an_api_server_that_went_away_is_asked_less_and_less_often(joined, api, clock):
    asked = []

    def tell(sentence: str) -> None:
        if "wait until a pod runs" in sentence:
            api.failure = Failure(status=503, body=b"{}")
            api.calls.clear()

    real = Cluster.pods

    def pods(cluster, field):
        asked.append(clock.monotonic())
        return real(cluster, field)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cluster, "pods", pods)
        move(joined, "snmp", timeout=DEFAULT, tell=tell)
    pauses = [after - before for before, after in pairwise(asked)]
    assert gets(api) == len(asked)
    assert 3 <= len(asked) <= REQUESTS
    for number, pause in enumerate(pauses):
        assert FIRST * 2**number * 0.5 <= pause <= FIRST * 2**number * 1.5 + 15, pauses


def test_as_long_as_it_asks_to_be_left_alone_it_is(joined, api, clock):
    def tell(sentence: str) -> None:
        if "wait until a pod runs" in sentence:
            api.failure = Failure(status=429, body=b"{}", headers={"Retry-After": "290"})
            api.calls.clear()

    move(joined, "snmp", timeout=DEFAULT, tell=tell)
    assert gets(api) == 1


def test_a_command_of_little_time_has_more_than_one_answer(joined, api, clock):
    broken(api)
    clock.step = 1.0
    move(joined, "snmp", timeout=12.0)
    assert gets(api) - 1 >= 2


def test_a_pod_that_no_node_takes_is_found_by_the_second_question(joined, api, clock):
    no_place(api)
    told = []
    result = move(joined, "snmp", timeout=DEFAULT, tell=told.append)
    assert "snmp: the DaemonSet has no pod on this node" in told
    assert "its pod is new" in str(result.error)


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_an_api_server_that_is_silent_holds_no_command_beyond_its_time(joined, api, patient, kind):
    begun = []

    def tell(sentence: str) -> None:
        if "wait until a pod runs" in sentence:
            begun.append(time.monotonic())
            api.failure = Failure(kind)

    result = move(joined, "snmp", timeout=1.5, tell=tell)
    assert isinstance(result.error, TimedOut | Unreachable)
    assert time.monotonic() - begun[0] < 30


def test_a_signal_reaches_a_question(joined, api, patient, monkeypatch):
    def exchange(*words) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGINT)
        api.over.wait(60)
        return {}

    def tell(sentence: str) -> None:
        if "wait until a pod runs" in sentence:
            monkeypatch.setattr(Cluster, "_exchange", exchange)

    begun = time.monotonic()
    result = move(joined, "snmp", timeout=60.0, tell=tell)
    assert isinstance(result.error, Interrupted)
    assert time.monotonic() - begun < 30


def test_a_signal_reaches_the_look_before_anything_is_written(joined, api, patient, monkeypatch):
    def exchange(*words) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGTERM)
        api.over.wait(60)
        return {}

    monkeypatch.setattr(Cluster, "_exchange", exchange)
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        move(joined, "snmp", timeout=60.0)
    assert time.monotonic() - begun < 30
    assert joined.row("snmp")["set_owner"] == "local"
