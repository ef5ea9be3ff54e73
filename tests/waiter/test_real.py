"""A wait on a real dockerd: what a container goes through in its life, and what its daemon does."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.engine import DEAF, RealDocker, missing
from tests.support.redis import RedisServer
from tests.waiter.process import Waiter, until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[RealDocker, RedisServer]]:
    with (
        tempfile.TemporaryDirectory(prefix="wait-", dir="/tmp") as folder,
        RedisServer(f"{folder}/redis") as redis,
        RealDocker(f"{folder}/docker") as docker,
    ):
        docker.import_tiny()
        yield docker, redis


@pytest.fixture
def docker(parts) -> Iterator[RealDocker]:
    docker, _ = parts
    docker.client.start(docker.create("snmp"))
    yield docker
    if docker.process.poll() is not None:
        docker.start()
    docker.remove_containers()


@pytest.fixture
def waiter(docker, parts, tmp_path) -> Iterator[Waiter]:
    settings = {"DOCKER_HOST": f"unix://{docker.address}", "SYSTEM_SERVICE_DB_CONFIG": parts[1].config}
    with Waiter("snmp", str(tmp_path), settings) as waiter:
        waiter.idle()
        yield waiter


def process_of(docker: RealDocker) -> int:
    return docker.client.inspect_container("snmp")["State"]["Pid"]


def test_stop_ends_it(docker, waiter):
    docker.client.stop("snmp")
    assert waiter.ended() == 0
    assert waiter.said[-1] == "snmp: the container ended with exit code 3"


def test_kill_ends_it(docker, waiter):
    docker.client.kill("snmp")
    assert waiter.ended() == 0
    assert waiter.said[-1] == "snmp: the container ended with exit code 137"


def test_a_crash_ends_it(docker, waiter):
    os.kill(process_of(docker), signal.SIGKILL)
    assert waiter.ended() == 0


def test_forced_removal_ends_it(docker, waiter):
    docker.client.remove_container("snmp", force=True)
    assert waiter.ended() == 0
    assert waiter.said[-1] == "snmp: the container was removed"


def test_it_lives_through_docker_restart(docker, waiter):
    before = process_of(docker)
    docker.client.restart("snmp", timeout=1)
    assert process_of(docker) != before
    waiter.idle()
    docker.client.kill("snmp")
    assert waiter.ended() == 0


def test_it_lives_through_pause(docker, waiter):
    docker.client.pause("snmp")
    docker.client.unpause("snmp")
    waiter.idle()


def test_a_container_whose_name_is_longer_is_another(docker, waiter):
    docker.client.start(docker.create("snmp2", *DEAF))
    docker.client.remove_container("snmp2", force=True)
    waiter.idle()


def test_it_lives_through_a_crash_of_dockerd(docker, waiter):
    docker.kill()
    until(lambda: waiter.blocks_on() == (1, False))
    docker.start()
    waiter.idle()
    docker.client.kill("snmp")
    assert waiter.ended() == 0


def test_a_death_while_dockerd_was_away_is_seen(docker, waiter):
    process = process_of(docker)
    docker.kill()
    os.kill(process, signal.SIGKILL)
    until(lambda: waiter.blocks_on() == (1, False))
    docker.start()
    assert waiter.ended() == 0


def test_it_lives_through_a_clean_restart_of_dockerd(docker, waiter):
    docker.process.terminate()
    docker.process.wait(20)
    docker.start()
    waiter.idle()
    assert [line for line in waiter.said if "Docker" in line][-1] == "Docker is back"


def test_an_idle_wait_costs_no_context_switch_while_others_live(docker, waiter):
    before = waiter.switches()
    docker.client.start(docker.create("lldp", *DEAF))
    docker.client.remove_container("lldp", force=True)
    assert waiter.switches() == before
    assert waiter.blocks_on() == (2, True)
