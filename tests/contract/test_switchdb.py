"""What the switch DB backend needs of Redis, run against the fake and against the real server alike.

The `redis` package is the witness: it wrote what is read here, and reads what was written.
"""

import os
import select
import shutil
import tempfile
import time

import pytest
import redis

from system_service.backends.switchdb import Edit, SwitchDB
from system_service.errors import Failed, Unreachable
from system_service.wire.resp import Connection
from tests.fakes.redis_server import FakeRedis
from tests.support.redis import NUMBERS, RedisServer, write_config

WAIT = 5.0


class Fake:
    """The fake as a contract test sees it."""

    def __init__(self, folder):
        self.folder = folder
        self.server = FakeRedis(os.path.join(folder, "redis.sock"))
        self.address = self.server.address
        self.config = write_config(os.path.join(folder, "sonic-db", "database_config.json"), self.address)
        self.stop = self.server.stop

    def reset(self):
        self.server.failure = None
        self.server.password = ""
        self.server.databases.clear()

    def hang_up(self):
        self.server.drop_clients()

    def refuse_writes(self):
        self.server.failure = "misconf"


class Real:
    """A real redis-server as a contract test sees it."""

    def __init__(self, folder):
        self.folder = folder
        self.server = RedisServer(folder)
        self.address = self.server.address
        self.config = self.server.config
        self.stop = self.server.stop
        self.admin = redis.Redis(unix_socket_path=self.address, protocol=2)

    def reset(self):
        self.admin.config_set("requirepass", "")
        self.admin.config_set("save", "")
        self.admin.flushall()

    def hang_up(self):
        self.admin.client_kill_filter(_type="normal", skipme=True)

    def refuse_writes(self):
        """As on a full disk: a save fails, so Redis refuses to be written."""
        os.makedirs(os.path.join(self.folder, "dump.rdb"), exist_ok=True)  # the finished file cannot be put there
        self.admin.config_set("save", "3600 1")
        self.admin.bgsave()
        deadline = time.monotonic() + WAIT
        while self.admin.info("persistence")["rdb_last_bgsave_status"] == "ok":
            assert time.monotonic() < deadline


@pytest.fixture(scope="module", params=["fake", "real"])
def running(request):
    if request.param == "real" and not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    folder = tempfile.mkdtemp(prefix="switchdb-")
    try:
        server = {"fake": Fake, "real": Real}[request.param](folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def server(running):
    running.reset()
    yield running
    running.reset()


@pytest.fixture
def db(server):
    database = SwitchDB.from_config(server.config)
    yield database
    database.close()


@pytest.fixture
def witness(server):
    """witness("CONFIG_DB") is a client of the redis package on that database."""
    clients = []

    def connect(database):
        client = redis.Redis(unix_socket_path=server.address, db=NUMBERS[database], protocol=2, decode_responses=True)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


class TestReading:
    def test_tables_hold_every_row_of_their_own_database(self, db, witness):
        witness("CONFIG_DB").hset("FEATURE|snmp", mapping={"state": "enabled", "set_owner": "local"})
        witness("CONFIG_DB").hset("FEATURE|lldp", "state", "disabled")
        witness("CONFIG_DB").hset("FEATURED|bgp", "state", "disabled")
        witness("STATE_DB").hset("FEATURE|snmp", "system_state", "up")
        assert db.tables(("CONFIG_DB", "FEATURE"), ("STATE_DB", "FEATURE"), ("CONFIG_DB", "KUBE")) == [
            {"snmp": {"state": "enabled", "set_owner": "local"}, "lldp": {"state": "disabled"}},
            {"snmp": {"system_state": "up"}},
            {},
        ]

    def test_what_is_no_hash_is_left_out(self, db, witness):
        witness("CONFIG_DB").set("FEATURE|snmp", "a string")
        witness("CONFIG_DB").hset("FEATURE|lldp", "state", "enabled")
        assert db.tables(("CONFIG_DB", "FEATURE")) == [{"lldp": {"state": "enabled"}}]
        assert db.rows(("CONFIG_DB", "FEATURE|snmp")) == [{}]

    def test_rows_come_in_the_order_asked_and_empty_when_absent(self, db, witness):
        witness("CONFIG_DB").hset("FEATURE|snmp", "state", "enabled")
        witness("STATE_DB").hset("FEATURE|snmp", "state", "failed")
        assert db.rows(("STATE_DB", "FEATURE|snmp"), ("CONFIG_DB", "FEATURE|x"), ("CONFIG_DB", "FEATURE|snmp")) == [
            {"state": "failed"},
            {},
            {"state": "enabled"},
        ]

    def test_bytes_that_are_no_text_are_shown_escaped(self, db, witness):
        witness("CONFIG_DB").hset(b"FEATURE|\xffbad", mapping={b"state": b"\xfe", "größe": "ü"})
        assert db.tables(("CONFIG_DB", "FEATURE")) == [{"\\xffbad": {"state": "\\xfe", "größe": "ü"}}]

    @pytest.mark.parametrize("name", ["a|b", "a b", "a\nb", "../x", "x" * 300, "*", "[ab]"])
    def test_strange_names_are_names(self, db, witness, name):
        witness("CONFIG_DB").hset(f"FEATURE|{name}", "state", "enabled")
        assert db.tables(("CONFIG_DB", "FEATURE")) == [{name: {"state": "enabled"}}]
        assert db.rows(("CONFIG_DB", f"FEATURE|{name}")) == [{"state": "enabled"}]

    def test_a_database_that_hung_up_is_connected_again(self, db, server, witness):
        witness("CONFIG_DB").hset("FEATURE|snmp", "state", "enabled")
        assert db.rows(("CONFIG_DB", "FEATURE|snmp")) == [{"state": "enabled"}]
        server.hang_up()
        assert db.rows(("CONFIG_DB", "FEATURE|snmp")) == [{"state": "enabled"}]


class TestUpdate:
    KEY = "FEATURE|snmp"

    def test_only_the_named_fields_change(self, db, witness):
        held = witness("CONFIG_DB")
        held.hset(self.KEY, mapping={"state": "enabled", "no_fallback_to_local": "true", "leaf_of_tomorrow": "{{ x }}"})
        seen = []

        def decide(row):
            seen.append(dict(row))
            return Edit({"set_owner": "kube"}, ("no_fallback_to_local",))

        assert db.update("CONFIG_DB", self.KEY, decide) is True
        assert seen == [{"state": "enabled", "no_fallback_to_local": "true", "leaf_of_tomorrow": "{{ x }}"}]
        assert held.hgetall(self.KEY) == {"state": "enabled", "set_owner": "kube", "leaf_of_tomorrow": "{{ x }}"}
        assert witness("APPL_DB").keys() == []

    @pytest.mark.parametrize("edit", [None, Edit(), Edit({"state": "enabled"}), Edit(delete=("absent",))])
    def test_an_edit_that_changes_nothing_writes_nothing(self, db, server, witness, edit):
        witness("CONFIG_DB").hset(self.KEY, "state", "enabled")
        listener = Connection(server.address, WAIT)
        listener.subscribe("__keyspace@*__:*")
        assert db.update("CONFIG_DB", self.KEY, lambda row: edit) is False
        db.write("CONFIG_DB", "MARK|x", {"a": "b"})
        assert [push[2] for push in pushes(listener, 1)] == ["__keyspace@4__:MARK|x"]
        listener.close()

    def test_an_absent_row_is_empty_and_can_be_made(self, db, witness):
        assert db.update("STATE_DB", self.KEY, lambda row: Edit({"was": str(row)})) is True
        assert witness("STATE_DB").hgetall(self.KEY) == {"was": "{}"}

    def test_a_row_that_loses_its_last_field_stays(self, db, witness):
        witness("CONFIG_DB").hset(self.KEY, "no_fallback_to_local", "true")
        assert db.update("CONFIG_DB", self.KEY, lambda row: Edit(delete=("no_fallback_to_local",))) is True
        assert witness("CONFIG_DB").hgetall(self.KEY) == {"NULL": "NULL"}

    def test_a_row_that_changed_meanwhile_is_decided_again(self, db, witness):
        held = witness("CONFIG_DB")
        held.hset(self.KEY, "state", "enabled")
        seen = []

        def decide(row):
            seen.append(row["state"])
            if len(seen) == 1:
                held.hset(self.KEY, "state", "disabled")
            return Edit({"seen": row["state"]})

        assert db.update("CONFIG_DB", self.KEY, decide) is True
        assert seen == ["enabled", "disabled"]
        assert held.hgetall(self.KEY) == {"state": "disabled", "seen": "disabled"}

    def test_a_row_that_vanished_meanwhile_is_decided_again(self, db, witness):
        witness("CONFIG_DB").hset(self.KEY, "state", "enabled")
        seen = []

        def decide(row):
            seen.append(row)
            witness("CONFIG_DB").flushdb()
            return Edit({"set_owner": "kube"}) if row else None

        assert db.update("CONFIG_DB", self.KEY, decide) is False
        assert seen == [{"state": "enabled"}, {}]
        assert witness("CONFIG_DB").keys() == []

    def test_a_row_that_never_holds_still_is_given_up_after_ten_tries(self, db, witness):
        held = witness("CONFIG_DB")
        tries = []

        def decide(row):
            tries.append(row)
            held.hset(self.KEY, "state", str(len(tries)))
            return Edit({"set_owner": "kube"})

        with pytest.raises(Failed, match=r"^FEATURE\|snmp in CONFIG_DB changed 10 times while it was being written$"):
            db.update("CONFIG_DB", self.KEY, decide)
        assert len(tries) == 10
        assert held.hgetall(self.KEY) == {"state": "10"}

    def test_a_decision_that_raised_leaves_nothing_behind(self, db, witness):
        held = witness("CONFIG_DB")
        held.hset(self.KEY, "state", "enabled")
        with pytest.raises(ZeroDivisionError):
            db.update("CONFIG_DB", self.KEY, lambda row: Edit({"x": str(1 / 0)}))
        held.hset(self.KEY, "state", "disabled")
        decided = []
        assert db.update("CONFIG_DB", "FEATURE|lldp", lambda row: decided.append(row) or Edit({"a": "b"})) is True
        assert decided == [{}]

    def test_what_is_no_row_is_not_touched(self, db, witness):
        held = witness("CONFIG_DB")
        held.set(self.KEY, "a string")
        with pytest.raises(Failed, match=r"^FEATURE\|snmp in CONFIG_DB is not a row: it holds another type$"):
            db.update("CONFIG_DB", self.KEY, lambda row: Edit({"a": "b"}))
        with pytest.raises(Failed, match="is not a row"):
            db.write("CONFIG_DB", self.KEY, {"a": "b"})
        assert held.get(self.KEY) == "a string"


class TestWrite:
    def test_fields_are_set_and_deleted_whatever_was_there(self, db, witness):
        held = witness("STATE_DB")
        held.hset("FEATURE|snmp", mapping={"a": "1", "b": "2", "c": "3"})
        db.write("STATE_DB", "FEATURE|snmp", {"a": "9", "d": "ü €"}, ("b", "absent"))
        assert held.hgetall("FEATURE|snmp") == {"a": "9", "c": "3", "d": "ü €"}

    def test_nothing_to_write_is_nothing_written(self, db, witness):
        db.write("STATE_DB", "FEATURE|snmp", {})
        assert witness("STATE_DB").keys() == []

    def test_a_write_after_the_database_hung_up_lands_in_its_own_database(self, db, server, witness):
        db.write("STATE_DB", "FEATURE|snmp", {"a": "1"})
        server.hang_up()
        db.write("STATE_DB", "FEATURE|snmp", {"a": "2"})
        assert witness("STATE_DB").hgetall("FEATURE|snmp") == {"a": "2"}
        assert witness("APPL_DB").keys() == []


class TestRemove:
    def test_a_row_is_gone_with_all_it_holds(self, db, witness):
        held = witness("CONFIG_DB")
        held.hset("FEATURE|probe", mapping={"a": "1"})
        held.hset("FEATURE|snmp", mapping={"a": "1"})
        assert db.remove("CONFIG_DB", "FEATURE|probe") is True
        assert db.remove("CONFIG_DB", "FEATURE|probe") is False
        assert (held.keys(), witness("STATE_DB").keys()) == (["FEATURE|snmp"], [])


class TestRefusals:
    def test_a_database_number_the_server_lacks_writes_nowhere(self, server, witness, tmp_path):
        config = write_config(str(tmp_path / "database_config.json"), server.address, {"CONFIG_DB": 99})
        database = SwitchDB.from_config(config)
        with pytest.raises(Unreachable, match=r"refuses \(ERR DB index is out of range\)$"):
            database.write("CONFIG_DB", "FEATURE|snmp", {"a": "b"})
        with pytest.raises(Unreachable, match="DB index is out of range"):
            database.update("CONFIG_DB", "FEATURE|snmp", lambda row: Edit({"a": "b"}))
        database.close()
        assert witness("APPL_DB").keys() == []

    def test_a_password_is_a_refusal(self, server, witness):
        witness("CONFIG_DB").config_set("requirepass", "secret")
        database = SwitchDB.from_config(server.config)
        with pytest.raises(Unreachable) as caught:
            database.rows(("CONFIG_DB", "FEATURE|snmp"))
        assert str(caught.value) == (
            f"the switch database at {server.address} refuses (NOAUTH Authentication required.)"
        )
        assert "password" in caught.value.resolution
        database.close()

    def test_a_full_disk_refuses_the_write_and_still_reads(self, db, server, witness):
        witness("CONFIG_DB").hset("FEATURE|snmp", "state", "enabled")
        server.refuse_writes()
        with pytest.raises(Unreachable, match=r"refuses \(MISCONF ") as caught:
            db.update("CONFIG_DB", "FEATURE|snmp", lambda row: Edit({"state": "disabled"}))
        assert "df -h" in caught.value.resolution
        with pytest.raises(Unreachable, match="MISCONF"):
            db.write("CONFIG_DB", "FEATURE|snmp", {"state": "disabled"})
        assert db.rows(("CONFIG_DB", "FEATURE|snmp")) == [{"state": "enabled"}]


class TestNotifications:
    def test_every_change_of_a_row_is_told(self, db, server):
        listener = Connection(server.address, WAIT)
        listener.subscribe("__keyspace@6__:FEATURE|snmp", "__keyspace@4__:FEATURE|*")
        assert listener.read() == []
        db.write("STATE_DB", "FEATURE|lldp", {"a": "1"})
        db.write("STATE_DB", "FEATURE|snmp", {"a": "1"})
        db.write("STATE_DB", "FEATURE|snmp", {}, ("a",))
        db.write("CONFIG_DB", "FEATURE|lldp", {"a": "1"})
        assert pushes(listener, 4) == [
            ["pmessage", "__keyspace@6__:FEATURE|snmp", "__keyspace@6__:FEATURE|snmp", "hset"],
            ["pmessage", "__keyspace@6__:FEATURE|snmp", "__keyspace@6__:FEATURE|snmp", "hdel"],
            ["pmessage", "__keyspace@6__:FEATURE|snmp", "__keyspace@6__:FEATURE|snmp", "del"],
            ["pmessage", "__keyspace@4__:FEATURE|*", "__keyspace@4__:FEATURE|lldp", "hset"],
        ]
        listener.close()

    def test_a_listener_learns_that_the_server_hung_up(self, server):
        listener = Connection(server.address, WAIT)
        listener.subscribe("__keyspace@6__:*")
        if isinstance(server, Real):
            server.admin.client_kill_filter(_type="pubsub")
        else:
            server.hang_up()
        with pytest.raises(EOFError):
            pushes(listener, 1)
        listener.close()


def pushes(listener, count):
    """The next `count` pushes; waits on the socket."""
    got = listener.read()
    deadline = time.monotonic() + WAIT
    while len(got) < count:
        ready, _, _ = select.select([listener], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"only {got} came"
        got += listener.read()
    return got
