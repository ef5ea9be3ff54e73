"""The switch DB when Redis fails it: one sentence with the address, a next step, and the right class."""

import errno
import os
import socket
import time

import pytest

from system_service.backends.switchdb import Edit, SwitchDB
from system_service.errors import Failed, NotPermitted, Unreachable
from tests.fakes.redis_server import FakeRedis
from tests.support.redis import write_config, write_global

FEATURE = ("CONFIG_DB", "FEATURE")
SNMP = ("CONFIG_DB", "FEATURE|snmp")


@pytest.fixture
def server(tmp_path):
    with FakeRedis(str(tmp_path / "redis.sock")) as fake:
        fake.put(4, "FEATURE|snmp", {"state": "enabled"})
        yield fake


@pytest.fixture
def opened(tmp_path):
    """opened(address) is the database there, with a short timeout."""
    made = []

    def opened(address, timeout=0.3):
        config = write_config(str(tmp_path / "database_config.json"), address)
        made.append(SwitchDB.from_config(config, timeout))
        return made[-1]

    yield opened
    for database in made:
        database.close()


CALLS = {
    "tables": lambda db: db.tables(FEATURE),
    "rows": lambda db: db.rows(SNMP),
    "update": lambda db: db.update(*SNMP, lambda row: Edit({"state": "disabled"})),
    "write": lambda db: db.write(*SNMP, {"state": "disabled"}),
}


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


def sentence(caught, address):
    """The message, with the address taken out: it must be there."""
    before, after = str(caught.value).split(f"the switch database at {address} ")
    assert before == ""
    assert caught.value.resolution
    return after


class TestRoundTrips:
    def test_two_tables_on_one_instance_are_two(self, server, opened):
        server.put(6, "FEATURE|snmp", {"system_state": "up"})
        for i in range(100):
            server.put(4, f"FEATURE|f{i}", {"state": "enabled"})
        opened(server.address, 5).tables(FEATURE, ("STATE_DB", "FEATURE"))
        assert server.round_trips == 2

    def test_empty_tables_are_one(self, server, opened):
        assert opened(server.address).tables(("STATE_DB", "FEATURE")) == [{}]
        assert server.round_trips == 1

    def test_rows_of_two_databases_are_one(self, server, opened):
        opened(server.address).rows(SNMP, ("STATE_DB", "FEATURE|snmp"), ("CONFIG_DB", "KUBERNETES_MASTER|SERVER"))
        assert server.round_trips == 1

    def test_an_update_is_two_and_one_that_decides_against_it_is_one(self, server, opened):
        database = opened(server.address)
        database.update(*SNMP, lambda row: Edit({"state": "disabled"}))
        assert server.round_trips == 2
        database.update(*SNMP, lambda row: None)
        assert server.round_trips == 3

    def test_nothing_is_connected_before_it_is_asked(self, server, opened):
        opened(server.address)
        assert server.clients == []


class TestFailures:
    def test_server_down(self, opened, tmp_path, call):
        path = str(tmp_path / "gone.sock")
        with pytest.raises(Unreachable) as caught:
            call(opened(path))
        assert sentence(caught, path) == "cannot be reached (No such file or directory)"

    def test_no_socket_at_the_path(self, opened, tmp_path, call):
        path = tmp_path / "file"
        path.write_text("no socket")
        with pytest.raises(Unreachable) as caught:
            call(opened(str(path)))
        assert sentence(caught, path) == "cannot be reached (Connection refused)"

    def test_nobody_behind_the_port(self, opened):
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            with pytest.raises(Unreachable) as caught:
                opened(("127.0.0.1", port)).rows(SNMP)
        assert sentence(caught, f"127.0.0.1:{port}") == "cannot be reached (Connection refused)"

    def test_a_host_name_that_is_none(self, opened):
        with pytest.raises(Unreachable) as caught:
            opened(("a" * 80, 6379)).rows(SNMP)
        assert sentence(caught, "a" * 80 + ":6379").startswith("cannot be reached (")

    def test_a_path_too_long_for_a_socket(self, opened):
        path = "/" + "x" * 200
        with pytest.raises(Unreachable) as caught:
            opened(path).rows(SNMP)
        assert sentence(caught, path) == "cannot be reached (AF_UNIX path too long)"

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
    def test_a_socket_that_may_not_be_opened(self, opened, mocker, number, call):
        # Tests run as root, whom no socket refuses.
        denied = PermissionError(number, os.strerror(number))
        mocker.patch("system_service.wire.resp.socket.socket").return_value.connect.side_effect = denied
        with pytest.raises(NotPermitted) as caught:
            call(opened("/run/redis.sock"))
        assert sentence(caught, "/run/redis.sock") == "may not be opened"

    @pytest.mark.parametrize(
        ("failure", "told"),
        [
            ("hang", "cannot be reached (no answer within 0.3 s)"),
            ("slow", "cannot be reached (no answer within 0.3 s)"),
            ("cut", "cannot be reached (it closed the connection)"),
            ("hangup", "cannot be reached (it closed the connection)"),
            ("garbage", "cannot be reached (what answers there is not Redis)"),
            ("loading", "refuses (LOADING Redis is loading the dataset in memory)"),
            ("noauth", "refuses (NOAUTH Authentication required.)"),
            ("nonsense", "answered something that was not asked for"),
        ],
    )
    def test_an_answer_that_is_none(self, server, opened, failure, told, call):
        server.failure = failure
        start = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            call(opened(server.address))
        assert sentence(caught, server.address) == told
        assert time.monotonic() - start < 2
        assert server.row(4, "FEATURE|snmp") == {"state": "enabled"}

    @pytest.mark.parametrize("failure", ["hang", "slow", "cut", "garbage", "loading", "nonsense"])
    def test_the_next_question_gets_its_own_answer(self, server, opened, failure, call):
        database = opened(server.address)
        database.rows(SNMP)
        server.failure = failure
        with pytest.raises(Unreachable):
            call(database)
        server.failure = None
        assert database.rows(("CONFIG_DB", "FEATURE|x"), SNMP) == [{}, {"state": "enabled"}]

    def test_a_server_that_hangs_is_asked_once(self, server, opened, call):
        database = opened(server.address)
        database.rows(SNMP)
        server.reset_counters()
        server.failure = "hang"
        with pytest.raises(Unreachable):
            call(database)
        assert [command[0] for command in server.commands].count("SELECT") == 1

    def test_a_connection_lost_before_the_write_writes_nowhere(self, server, opened):
        """A new connection would be in database 0, and watch nothing."""

        def decide(row):
            server.drop_clients()
            return Edit({"state": "disabled"})

        database = opened(server.address)
        with pytest.raises(Unreachable, match="cannot be reached"):
            database.update(*SNMP, decide)
        assert server.row(4, "FEATURE|snmp") == {"state": "enabled"}
        assert server.databases.get(0, {}) == {}

    def test_a_row_that_vanishes_between_list_and_read_is_left_out(self, server, opened, mocker):
        from system_service.wire.resp import Connection

        server.put(4, "FEATURE|lldp", {"state": "enabled"})
        real = Connection.pipeline

        def and_then_deleted(connection, commands, **options):
            replies = real(connection, commands, **options)
            with server.lock:
                server.databases[4].pop(b"FEATURE|lldp", None)
            return replies

        mocker.patch.object(Connection, "pipeline", and_then_deleted)
        assert opened(server.address).tables(FEATURE) == [{"snmp": {"state": "enabled"}}]

    def test_misconf_leaves_the_row_as_it_was(self, server, opened):
        server.failure = "misconf"
        with pytest.raises(Unreachable, match="MISCONF"):
            opened(server.address).write(*SNMP, {"state": "disabled"})
        assert server.row(4, "FEATURE|snmp") == {"state": "enabled"}


class TestNamespaces:
    @pytest.fixture
    def switch(self, tmp_path):
        """A switch with two ASICs: three servers, each with its own snmp row."""
        servers = {}
        for name in ("host", "asic0", "asic1"):
            servers[name] = FakeRedis(str(tmp_path / f"{name}.sock"))
            servers[name].put(4, "FEATURE|snmp", {"where": name})
            write_config(str(tmp_path / name / "sonic-db" / "database_config.json"), servers[name].address)
        folder = tmp_path / "host" / "sonic-db"
        write_global(
            str(folder),
            **{n: str(tmp_path / n / "sonic-db" / "database_config.json") for n in ("asic0", "asic1")},
        )
        yield str(folder / "database_config.json"), servers
        for server in servers.values():
            server.stop()

    def test_each_namespace_has_its_own_databases(self, switch):
        path, servers = switch
        database = SwitchDB.from_config(path)
        assert database.namespaces == ("asic0", "asic1")
        assert database.rows(SNMP) == [{"where": "host"}]
        assert database.rows(SNMP, namespace="asic1") == [{"where": "asic1"}]
        assert database.tables(FEATURE, namespace="asic0") == [{"snmp": {"where": "asic0"}}]
        assert database.update(*SNMP, lambda row: Edit({"state": "x"}), namespace="asic0") is True
        database.write(*SNMP, {"state": "y"}, namespace="asic1")
        database.close()
        assert [server.row(4, "FEATURE|snmp") for server in servers.values()] == [
            {"where": "host"},
            {"where": "asic0", "state": "x"},
            {"where": "asic1", "state": "y"},
        ]

    def test_an_unknown_namespace_is_named(self, switch):
        database = SwitchDB.from_config(switch[0])
        with pytest.raises(Failed, match=r"^this switch has no namespace asic7$"):
            database.rows(SNMP, namespace="asic7")

    def test_databases_on_two_instances_are_both_asked(self, tmp_path):
        import json

        with FakeRedis(str(tmp_path / "a")) as first, FakeRedis(("127.0.0.1", 0)) as second:
            first.put(4, "FEATURE|snmp", {"on": "first"})
            second.put(6, "FEATURE|snmp", {"on": "second"})
            content = {
                "INSTANCES": {
                    "one": {"hostname": "127.0.0.1", "port": 1, "unix_socket_path": first.address},
                    "two": {"hostname": "127.0.0.1", "port": second.address[1], "unix_socket_path": ""},
                },
                "DATABASES": {
                    "CONFIG_DB": {"id": 4, "separator": "|", "instance": "one"},
                    "STATE_DB": {"id": 6, "separator": "|", "instance": "two"},
                },
            }
            path = tmp_path / "database_config.json"
            path.write_text(json.dumps(content))
            database = SwitchDB.from_config(str(path))
            assert database.tables(("STATE_DB", "FEATURE"), FEATURE) == [
                {"snmp": {"on": "second"}},
                {"snmp": {"on": "first"}},
            ]
            assert (first.round_trips, second.round_trips) == (2, 2)
            database.close()
