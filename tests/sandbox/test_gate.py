"""The start-up gate of the feature images keeps rules a to f, since all of kubernetes mode is built on them.

a. no system_state: open at once, nothing recorded, set_owner not looked at
b. as kube: frozen for ever when set_owner is local, system_state is not up, or the local image has the same version
c. container_version is written; pending only over none, running or stopped; a left-over ready opens at once
d. polls every 2 s for ready; frozen when another wrote container_version; nothing else is looked at any more
e. on ready: current_owner, remote_state, container_id and update_time are written, unconditionally
f. without Redis: an error, not a gate
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from sandbox.images import FOLDER
from tests.support.redis import RedisServer
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

GATE = FOLDER / "gate" / "container_startup.py"
ROW = "FEATURE|snmp"
POLL = 2  # seconds


class Bench:
    """A private Redis with the rows of one feature, and the gates that a test starts on it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._databases = {
            number: redis.Redis(unix_socket_path=address, db=number, decode_responses=True)
            for number in (CONFIG_DB, STATE_DB)
        }
        self.gates: list[subprocess.Popen[str]] = []

    def put(self, database: int, key: str, **fields: str) -> None:
        self._databases[database].hset(key, mapping=fields)

    def state(self) -> dict[str, str]:
        return self._databases[STATE_DB].hgetall(ROW)  # type: ignore[return-value]

    def labels(self) -> dict[str, str]:
        return self._databases[STATE_DB].hgetall("KUBE_LABELS|SET")  # type: ignore[return-value]

    def commands(self) -> int:
        """How many HGETALL Redis has served: proof that the gate still reads, or does not."""
        return self._databases[STATE_DB].info("commandstats").get("cmdstat_hgetall", {}).get("calls", 0)  # type: ignore[union-attr]

    def start(self, owner: str = "kube", version: str = "2") -> subprocess.Popen[str]:
        gate = subprocess.Popen(
            [sys.executable, str(GATE), "-f", "snmp", "-o", owner, "-v", version],
            env={**os.environ, "REDIS_SOCKET": self.address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.gates.append(gate)
        return gate

    def close(self) -> None:
        for gate in self.gates:
            gate.kill()
            gate.communicate()
        for client in self._databases.values():
            client.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="gate-", dir="/tmp") as folder, RedisServer(folder) as running:
        yield running


@pytest.fixture
def bench(server: RedisServer) -> Iterator[Bench]:
    with redis.Redis(unix_socket_path=server.address) as client:
        client.flushall()
        client.config_resetstat()
    made = Bench(server.address)
    yield made
    made.close()


def frozen(gate: subprocess.Popen[str]) -> str:
    """The line a frozen gate prints; fails when it opened instead."""
    assert gate.stdout is not None
    line = gate.stdout.readline().strip()
    assert gate.poll() is None, f"ended instead of freezing: {line}"
    return line


def opened(gate: subprocess.Popen[str], timeout: float) -> float:
    """Seconds until the gate opened; fails when it did not within `timeout`."""
    begun = time.monotonic()
    out, err = gate.communicate(timeout=timeout)
    assert (gate.returncode, out.strip()) == (0, "open"), err
    return time.monotonic() - begun


@pytest.mark.parametrize("system_state", [None, ""])
@pytest.mark.parametrize("owner", ["kube", "local"])
def test_a_without_system_state_opens_at_once_and_records_nothing(
    bench: Bench, system_state: str | None, owner: str
) -> None:
    bench.put(CONFIG_DB, ROW, set_owner="local")
    before = {"remote_state": "none"} | ({} if system_state is None else {"system_state": system_state})
    bench.put(STATE_DB, ROW, **before)
    assert opened(bench.start(owner), 10) < POLL
    assert bench.state() == before
    assert bench.labels() == {}


@pytest.mark.parametrize(
    ("config", "state", "labels"),
    [
        ({"set_owner": "local"}, {"system_state": "up"}, {}),
        ({"state": "enabled"}, {"system_state": "up"}, {}),
        ({"set_owner": "kube"}, {"system_state": "down"}, {}),
        ({"set_owner": "kube"}, {"system_state": "up"}, {"snmp_local": "2"}),
    ],
    ids=["set_owner local", "set_owner absent", "system_state down", "same version as local"],
)
def test_b_freezes_for_ever_and_never_reads_again(
    bench: Bench, config: dict[str, str], state: dict[str, str], labels: dict[str, str]
) -> None:
    bench.put(CONFIG_DB, ROW, **config)
    bench.put(STATE_DB, ROW, **state, remote_state="ready")
    if labels:
        bench.put(STATE_DB, "KUBE_LABELS|SET", **labels)
    gate = bench.start()
    assert frozen(gate).startswith("frozen: ")
    reads = bench.commands()
    bench.put(CONFIG_DB, ROW, set_owner="kube")
    bench.put(STATE_DB, ROW, system_state="up", remote_state="ready")
    with pytest.raises(subprocess.TimeoutExpired):
        gate.wait(timeout=POLL + 0.5)
    assert bench.commands() == reads
    assert bench.state() == {"system_state": "up", "remote_state": "ready"}


@pytest.mark.parametrize("remote_state", [None, "none", "running", "stopped"])
def test_c_announces_itself_over_none_running_and_stopped(bench: Bench, remote_state: str | None) -> None:
    bench.put(CONFIG_DB, ROW, set_owner="kube")
    bench.put(STATE_DB, ROW, system_state="up", **({} if remote_state is None else {"remote_state": remote_state}))
    gate = bench.start()
    wait_until("pending", lambda: bench.state().get("remote_state") == "pending", 10)
    assert bench.state()["container_version"] == "2"
    assert gate.poll() is None


def test_c_a_left_over_pending_is_not_announced_again(bench: Bench) -> None:
    bench.put(CONFIG_DB, ROW, set_owner="kube")
    bench.put(STATE_DB, ROW, system_state="up", remote_state="pending", update_time="long ago")
    bench.start()
    wait_until("the gate's version", lambda: bench.state().get("container_version") == "2", 10)
    reads = bench.commands()
    wait_until("the gate's poll", lambda: bench.commands() > reads + 4, 10)
    assert bench.state()["update_time"] == "long ago"


def test_c_a_left_over_ready_opens_at_once(bench: Bench) -> None:
    bench.put(CONFIG_DB, ROW, set_owner="kube")
    bench.put(STATE_DB, ROW, system_state="up", remote_state="ready")
    assert opened(bench.start(), 10) < POLL
    assert bench.state()["remote_state"] == "running"


def waiting(bench: Bench) -> subprocess.Popen[str]:
    """A gate that has written pending."""
    bench.put(CONFIG_DB, ROW, set_owner="kube")
    bench.put(STATE_DB, ROW, system_state="up", remote_state="none", container_id="snmp", current_owner="none")
    gate = bench.start()
    wait_until("pending", lambda: bench.state().get("remote_state") == "pending", 10)
    return gate


def test_d_sees_ready_at_its_next_poll_whatever_became_of_owner_and_state(bench: Bench) -> None:
    gate = waiting(bench)
    bench.put(CONFIG_DB, ROW, set_owner="local")
    bench.put(STATE_DB, ROW, system_state="down", remote_state="ready")
    assert opened(gate, POLL + 3) <= POLL + 1
    assert bench.state()["remote_state"] == "running"
    assert bench.state()["system_state"] == "down"


def test_d_polls_every_two_seconds(bench: Bench) -> None:
    waiting(bench)
    # Each of our reads counts too, so Redis' own counter is asked and nothing else.
    reads = bench.commands()
    wait_until("a poll", lambda: bench.commands() > reads, 10)
    first = time.monotonic()
    reads = bench.commands()
    wait_until("the next poll", lambda: bench.commands() > reads, 10)
    assert time.monotonic() - first == pytest.approx(POLL, abs=0.7)


def test_d_freezes_when_another_wrote_the_version(bench: Bench) -> None:
    gate = waiting(bench)
    bench.put(STATE_DB, ROW, container_version="1", remote_state="ready")
    assert "container_version" in frozen(gate)
    assert bench.state()["remote_state"] == "ready"


def test_e_records_that_kube_runs_it(bench: Bench) -> None:
    gate = waiting(bench)
    bench.put(STATE_DB, ROW, remote_state="ready", current_owner="local")
    opened(gate, POLL + 3)
    row = bench.state()
    assert (row["current_owner"], row["remote_state"]) == ("kube", "running")
    memory_lines = [line for line in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in line]
    expected = memory_lines[0].rpartition("/")[2][:12] if memory_lines else ""
    assert row["container_id"] == expected
    begun = time.mktime(time.strptime(row["update_time"], "%Y-%m-%d %H:%M:%S"))
    assert abs(time.time() - begun) < 60


def test_f_without_redis_it_dies_with_an_error(bench: Bench) -> None:
    bench.address += ".nobody"
    gate = bench.start()
    out, err = gate.communicate(timeout=10)
    assert (gate.returncode, out) == (1, "")
    assert err.startswith("no gate without Redis: ")


def test_f_the_start_script_goes_on_whatever_the_gate_says() -> None:
    """No `set -e` and no test of the exit code: the processes start ungated."""
    lines: list[str] = (FOLDER / "gate" / "start.sh").read_text().splitlines()
    gate = next(number for number, line in enumerate(lines) if "container_startup.py" in line)
    assert not any(line.startswith("set ") for line in lines)
    assert not lines[gate].rstrip().endswith(("||", "&&", "\\", "; then"))


def test_a_local_container_records_itself_and_does_not_wait(bench: Bench) -> None:
    bench.put(CONFIG_DB, ROW, set_owner="kube")
    bench.put(STATE_DB, ROW, system_state="up", remote_state="none")
    assert opened(bench.start("local", "7"), 10) < POLL
    row = bench.state()
    assert (row["current_owner"], row["container_id"], row["container_version"]) == ("local", "snmp", "7")
    assert row["remote_state"] == "none"
    assert bench.labels() == {"snmp_local": "7"}
