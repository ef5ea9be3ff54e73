"""What ends a wait and what does not, against a daemon that misbehaves on cue, and a real Redis."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence

import pytest
import redis

from tests.support.redis import RedisServer, write_config, write_global
from tests.waiter.daemon import Daemon, described, event
from tests.waiter.process import Waiter, until

UP = {"system_state": "up", "current_owner": "local", "container_id": "snmp", "remote_state": "none"}


@pytest.fixture
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="wait-", dir="/tmp") as path:  # short: a socket's path has 107 bytes
        yield path


@pytest.fixture
def daemon(folder: str) -> Iterator[Daemon]:
    with Daemon(f"{folder}/docker.sock", described()) as daemon:
        yield daemon


@pytest.fixture
def rows(folder: str) -> Iterator[Rows]:
    with RedisServer(f"{folder}/redis") as server:
        yield Rows(server)


class Rows:
    """The rows of snmp in a real Redis, read and written by the SDK."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.config = redis.Redis(unix_socket_path=server.address, db=4, decode_responses=True)
        self.state = redis.Redis(unix_socket_path=server.address, db=6, decode_responses=True)

    def owned(self, **fields: str) -> None:
        self.config.hset("FEATURE|snmp", mapping={"state": "enabled", "set_owner": "local", **fields})

    def row(self) -> dict[str, str]:
        return self.state.hgetall("FEATURE|snmp")

    def looks(self) -> int:
        """How often rows were read, by anybody."""
        return self.state.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"]


def waiting(folder: str, name: str = "snmp", prefix: Sequence[str] = (), **environment: str) -> Waiter:
    settings = {
        "DOCKER_HOST": f"unix://{folder}/docker.sock",
        "SYSTEM_SERVICE_DB_CONFIG": f"{folder}/redis/sonic-db/database_config.json",
    }
    return Waiter(name, folder, settings | environment, prefix)


@pytest.mark.parametrize("container", [None, described(running=False), described(name="snmp2")])
def test_nothing_that_runs_ends_it_at_once(folder, daemon, container):
    daemon.container = container
    with waiting(folder) as waiter:
        assert waiter.ended() == 0


def test_it_subscribes_before_it_looks_and_from_before_it_asked(folder, daemon, rows):
    now = time.time()
    with waiting(folder) as waiter:
        waiter.idle()
    events, look = daemon.asked
    assert look == "GET /v1.41/containers/snmp/json HTTP/1.0"
    # dockerd sends its headers before it subscribes: what it remembers fills that gap.
    assert now - 3 < int(events.split("since=")[1].split("&")[0]) < time.time()


def test_death_ends_it_and_names_the_exit_code(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.container = described(running=False, exit_code=137)
        daemon.emit("die")
        assert waiter.ended() == 0
        assert waiter.said[-1] == "snmp: the container ended with exit code 137"


def test_removal_ends_it(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.container = None
        daemon.emit("destroy")
        assert waiter.ended() == 0
        assert waiter.said[-1] == "snmp: the container was removed"


def test_die_then_start_is_no_death(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.container = described(running=False)
        daemon.emit("die")
        until(lambda: (blocks := waiter.blocks_on()) and not blocks[1])  # it gives it time
        daemon.container = described()
        daemon.emit("start")
        waiter.idle()


def test_another_container_of_the_name_is_another_life(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.container = described(id="beef" * 16)
        daemon.emit("start")
        assert waiter.ended() == 0


def test_events_of_a_container_with_a_longer_name_are_not_ours(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        looks = daemon.inspects
        daemon.emit("destroy", "snmp2")
        daemon.emit("start")
        until(lambda: daemon.inspects > looks)
        waiter.idle()
        assert daemon.inspects == looks + 1


def test_half_an_event_is_waited_for(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.container = None
        line = event("destroy")
        daemon.send(line[:40])
        waiter.idle()
        daemon.send(line[40:])
        assert waiter.ended() == 0
        assert daemon.connects == 1


@pytest.mark.parametrize(
    "garbage", [b"not json\n", b"null\n", b'{"Actor": 7}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n"]
)
def test_garbage_is_hung_up_on_and_asked_again(folder, daemon, rows, garbage):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.send(garbage)
        until(lambda: daemon.connects == 2)
        waiter.idle()


def test_a_stream_that_always_ends_is_not_asked_in_a_spin(folder, daemon):
    daemon.hangs_up = True
    begun = time.monotonic()
    with waiting(folder) as waiter:
        until(lambda: daemon.connects >= 5)
        assert time.monotonic() - begun >= 0.1 + 0.2 + 0.4 + 0.8
        assert waiter.process.poll() is None


@pytest.mark.parametrize(("status", "container"), [(500, described()), (200, {"message": "no container at all"})])
def test_a_daemon_that_fails_is_waited_for(folder, daemon, rows, status, container):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.status, daemon.container = status, container
        daemon.hang_up()
        until(lambda: daemon.connects >= 3)
        daemon.status, daemon.container = 200, described()
        waiter.idle()
        assert [line for line in waiter.said if "back" in line] == ["Docker is back"]


def test_a_daemon_that_is_away_is_waited_for_and_a_death_meanwhile_is_seen(folder, daemon, rows):
    with waiting(folder) as waiter:
        waiter.idle()
        daemon.stop()
        until(lambda: any("waiting on" in line for line in waiter.said))
        daemon.container = described(running=False, exit_code=1)
        daemon.start()
        assert waiter.ended() == 0


def test_no_daemon_at_the_start_is_waited_for(folder, rows):
    with waiting(folder) as waiter:
        until(lambda: waiter.said)
        told = f"Docker at {folder}/docker.sock cannot be reached: No such file or directory"
        assert waiter.said == [f"{told}; waiting on"]
        with Daemon(f"{folder}/docker.sock", described()):
            waiter.idle()


def test_no_redis_at_all(folder, daemon):
    with waiting(folder) as waiter:
        until(lambda: any("database_config.json cannot be read" in line for line in waiter.said))
        until(lambda: len(daemon.streams) == 1)
        daemon.container = None
        daemon.emit("destroy")
        assert waiter.ended() == 0
        assert sum("cannot be read" in line for line in waiter.said) == 1


def test_redis_may_come_after_the_wait(folder, daemon):
    # The feature `database` waits before it has made Redis and its configuration.
    with waiting(folder) as waiter:
        until(lambda: any("cannot be read" in line for line in waiter.said))
        with RedisServer(f"{folder}/redis") as server:
            Rows(server).owned()
            waiter.idle()
            assert Rows(server).row().items() >= UP.items()


def test_start_records_the_stable_version(folder, daemon, rows):
    rows.owned()
    rows.state.hset("FEATURE|snmp", mapping={"system_state": "up", "update_time": "then"})
    with waiting(folder) as waiter:
        waiter.idle()
    assert rows.row() == {"system_state": "up", "update_time": "then", "container_stable_version": "20250510.16"}


def test_an_image_without_owners_gets_no_field(folder, daemon, rows):
    rows.config.hset("FEATURE|snmp", "state", "enabled")
    with waiting(folder) as waiter:
        waiter.idle()
        looks = rows.looks()
        rows.config.hset("FEATURE|snmp", "auto_restart", "enabled")
        until(lambda: rows.looks() > looks)
        waiter.idle()
        daemon.container = None
        daemon.emit("destroy")
        assert waiter.ended() == 0
    assert rows.state.keys() == []


def test_a_row_that_says_down_is_left_alone(folder, daemon, rows):
    """Whoever stops a feature says when."""
    rows.owned()
    said = {"system_state": "down", "update_time": "then", "container_stable_version": "20250510.16"}
    rows.state.hset("FEATURE|snmp", mapping=said)
    with waiting(folder) as waiter:
        waiter.idle()
    assert rows.row() == said


@pytest.mark.parametrize("left", [{"current_owner": "local"}, {"update_time": "then", "remote_state": "none"}])
def test_a_row_without_system_state_gets_one(folder, daemon, rows, left):
    """The gate of any pod that came would open at once, beside the local container."""
    rows.owned()
    rows.state.hset("FEATURE|snmp", mapping=left)
    with waiting(folder):
        until(lambda: rows.row().get("system_state") == "up")


def test_a_word_alone_closes_gates_after_a_loss_and_is_put_right(folder, daemon, rows):
    """The oneshot that comes with an emptied database was first."""
    rows.owned()
    with waiting(folder) as waiter:
        waiter.idle()
        lost = rows.state.pipeline(transaction=True)
        lost.delete("FEATURE|snmp")
        lost.hset("FEATURE|snmp", "system_state", "down")
        lost.execute()
        until(lambda: rows.row().items() >= UP.items())


def test_redis_that_comes_back_empty_gets_its_row_again(folder, daemon, rows):
    rows.owned()
    with waiting(folder) as waiter:
        waiter.idle()
        rows.server.stop()
        until(lambda: any("hung up" in line for line in waiter.said))
        rows.server.start()
        assert rows.row() == {}
        rows.owned()
        until(lambda: "container_stable_version" in rows.row())
        waiter.idle()
        assert rows.row().items() >= UP.items()
        assert daemon.inspects == 1
        assert [line for line in waiter.said if "back" in line] == ["the switch database is back"]


def test_a_row_that_was_deleted_is_written_again(folder, daemon, rows):
    rows.owned()
    with waiting(folder) as waiter:
        waiter.idle()
        rows.state.delete("FEATURE|snmp")
        until(lambda: "system_state" in rows.row())


def test_a_key_that_is_no_row_does_not_end_it(folder, daemon, rows):
    rows.owned()
    rows.state.set("FEATURE|snmp", "what")
    with waiting(folder) as waiter:
        waiter.idle()
        assert any("not a row" in line for line in waiter.said)
    assert rows.state.get("FEATURE|snmp") == "what"


def test_an_asic_s_container_has_its_row_in_its_namespace(folder, daemon, rows):
    daemon.container = described(name="swss0")
    with RedisServer(f"{folder}/asic0") as asic:
        write_global(f"{folder}/redis/sonic-db", asic0=asic.config)
        namespace = Rows(asic)
        namespace.config.hset("FEATURE|swss", "set_owner", "local")
        with waiting(folder, "swss0") as waiter:
            waiter.idle()
            assert namespace.state.hget("FEATURE|swss", "container_id") == "swss0"
    assert rows.state.keys() == []


def test_databases_in_two_instances(folder, daemon, rows):
    with RedisServer(f"{folder}/second") as second:
        with open(rows.server.config, encoding="utf-8") as file:
            content = json.load(file)
        content["INSTANCES"]["second"] = {"unix_socket_path": second.address}
        content["DATABASES"]["STATE_DB"]["instance"] = "second"
        with open(rows.server.config, "w", encoding="utf-8") as file:
            json.dump(content, file)
        rows.owned()
        with waiting(folder) as waiter:
            waiter.idle(sockets=3)
            assert Rows(second).row().items() >= UP.items()
    assert rows.state.keys() == []


def test_a_configuration_that_is_no_json_leaves_docker_alone(folder, daemon):
    config = write_config(f"{folder}/redis/sonic-db/database_config.json", f"{folder}/redis.sock")
    with open(config, "w", encoding="utf-8") as file:
        file.write("{")
    with waiting(folder) as waiter:
        until(lambda: any("cannot be read" in line for line in waiter.said))
        daemon.container = None
        until(lambda: daemon.streams)
        daemon.emit("destroy")
        assert waiter.ended() == 0


# Root without the right to overrule permissions: the interpreter stays readable wherever it is installed.
ORDINARY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps=-all", "--groups"]
NOBODY, GROUP = 65534, 4242


@pytest.mark.parametrize("refused", ["docker", "redis"])
def test_a_socket_that_may_not_be_opened_ends_with_8(folder, daemon, rows, refused):
    for name, path in {"docker": daemon.address, "redis": rows.server.address}.items():
        os.chown(path, NOBODY, GROUP)
        os.chmod(path, 0o600 if name == refused else 0o660)
    with waiting(folder, prefix=[*ORDINARY, str(GROUP)]) as waiter:
        assert waiter.ended() == 8
        assert waiter.said[-2].startswith("Error: ")
        assert waiter.said[-1] == f"Try: run it as root (sudo), or as a member of the {refused} group"


def test_members_of_the_groups_may_wait(folder, daemon, rows):
    rows.owned()
    for path in (daemon.address, rows.server.address):
        os.chown(path, NOBODY, GROUP)
        os.chmod(path, 0o660)
    with waiting(folder, prefix=[*ORDINARY, str(GROUP)]) as waiter:
        waiter.idle()
        assert rows.row().items() >= UP.items()


def test_a_docker_host_that_is_no_socket_ends_with_7(folder):
    with waiting(folder, DOCKER_HOST="tcp://10.0.0.1:2375") as waiter:
        assert waiter.ended() == 7
        assert waiter.said[0].startswith("Error: DOCKER_HOST is tcp://10.0.0.1:2375")
