"""The bytes of Redis: deadlines, half answers, nonsense, pushes."""

import os
import socket
import subprocess
import sys
import time

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import system_service.wire.resp as resp
from system_service.wire.resp import Connection, ReplyError
from tests.fakes.redis_server import FakeRedis


@pytest.fixture
def server(tmp_path):
    with FakeRedis(str(tmp_path / "redis.sock")) as fake:
        yield fake


@pytest.fixture
def connect(server):
    made = []

    def connect(timeout=5.0):
        made.append(Connection(server.address, timeout))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def test_a_pipeline_is_one_round_trip(server, connect):
    connection = connect()
    assert connection.pipeline([("SELECT", 6), ("HSET", "k", "f", "v"), ("HGETALL", b"k"), ("GET", "none")]) == [
        "OK",
        1,
        ["f", "v"],
        None,
    ]
    assert (server.round_trips, connection.round_trips, len(server.commands)) == (1, 1, 4)


def test_no_commands_are_no_round_trip(server, connect):
    assert connect().pipeline([]) == []
    assert server.round_trips == 0


def test_error_replies_are_returned_in_their_place(connect):
    first, error, last = connect().pipeline([("PING",), ("NONSENSE",), ("PING",)])
    assert (first, last) == ("PONG", "PONG")
    assert isinstance(error, ReplyError)
    assert str(error).startswith("ERR unknown command")


def test_bytes_come_undecoded_on_request(connect):
    connection = connect()
    connection.pipeline([("HSET", "k", b"\xff", "ü")])
    assert connection.pipeline([("HGETALL", "k")]) == [["\\xff", "ü"]]
    assert connection.pipeline([("HGETALL", "k")], decode=False) == [[b"\xff", "ü".encode()]]


def test_an_argument_with_undecodable_bytes_goes_out_as_it_came(server, connect):
    connect().pipeline([("HSET", "k", "f", b"\xffx".decode("utf-8", "surrogateescape"))])
    assert server.databases[0][b"k"] == {b"f": b"\xffx"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.one_of(st.binary(), st.text(st.characters(codec="utf-8")), st.integers()), min_size=1)))
def test_packed_commands_are_read_back_word_for_word(commands):
    reader = hiredis.Reader()
    reader.feed(resp._pack(commands))
    for command in commands:
        assert reader.gets() == [word if isinstance(word, bytes) else str(word).encode() for word in command]
    assert reader.gets() is False


def test_a_large_pipeline_blocks_neither_side(connect):
    """Megabytes each way: more than the sockets hold, so both must be served at once."""
    connection = connect(60.0)
    commands = [("HSET", f"key{i}", "f", "x" * 20_000) for i in range(200)] + [
        ("HGETALL", f"key{i}") for i in range(200)
    ]
    replies = connection.pipeline(commands)
    assert replies[:200] == [1] * 200
    assert replies[200:] == [["f", "x" * 20_000]] * 200


def test_a_server_that_hangs_costs_the_timeout_and_no_more(server, connect):
    server.failure = "hang"
    connection = connect(0.2)
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^no answer within 0\.2 s$"):
        connection.pipeline([("PING",)])
    assert 0.2 <= time.monotonic() - start < 2.0


def test_a_byte_now_and_then_does_not_stretch_the_timeout(server, connect):
    server.failure = "slow"
    connection = connect(0.3)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        connection.pipeline([("PING",)] * 100)  # 700 bytes, 35 s at that pace
    assert 0.3 <= time.monotonic() - start < 2.0


def test_a_slow_answer_within_the_timeout_is_an_answer(server, connect):
    server.failure, server.pace = "slow", 0.001
    assert connect().pipeline([("PING",), ("PING",)]) == ["PONG", "PONG"]


@pytest.mark.parametrize("failure", ["cut", "hangup"])
def test_half_an_answer_is_an_end_of_file(server, connect, failure):
    server.failure = failure
    with pytest.raises(EOFError, match=r"^it closed the connection$"):
        connect().pipeline([("PING",), ("PING",), ("PING",)])


def test_garbage_is_a_protocol_error(server, connect):
    server.failure = "garbage"
    with pytest.raises(hiredis.ProtocolError):
        connect().pipeline([("PING",)])


class Canned:
    """A server that writes the same bytes to whoever comes, reading nothing before."""

    def __init__(self, path, data):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.path, self.data = path, data

    def connect(self):
        connection = Connection(self.path, 5.0)
        self.peer, _ = self.listener.accept()
        self.peer.sendall(self.data)
        return connection

    def close(self):
        self.listener.close()
        self.peer.close()


def test_more_replies_than_commands_are_a_protocol_error(tmp_path):
    canned = Canned(str(tmp_path / "s"), b"+PONG\r\n+PONG\r\n")
    connection = canned.connect()
    with pytest.raises(hiredis.ProtocolError, match="more replies"):
        connection.pipeline([("PING",)])
    connection.close()
    canned.close()


def test_the_reason_of_a_server_that_turns_clients_away_is_kept(tmp_path):
    canned = Canned(str(tmp_path / "s"), b"-ERR max number of clients reached\r\n")
    connection = canned.connect()
    canned.peer.close()
    with pytest.raises(EOFError, match="max number of clients reached"):
        connection.pipeline([("SELECT", 4), ("PING",)])
    connection.close()
    canned.close()


def test_pushes_between_the_confirmations_of_a_subscription_are_kept(tmp_path):
    confirm = b"*3\r\n$10\r\npsubscribe\r\n$1\r\n%b\r\n:1\r\n"
    push = b"*4\r\n$8\r\npmessage\r\n$1\r\na\r\n$1\r\na\r\n$4\r\nhset\r\n"
    canned = Canned(str(tmp_path / "s"), confirm % b"a" + push + confirm % b"b" + push)
    connection = canned.connect()
    connection.subscribe("a", "b")
    assert connection.read() == [["pmessage", "a", "a", "hset"]] * 2
    assert connection.read() == []
    connection.close()
    canned.close()


def test_what_came_before_the_end_is_read_first(tmp_path):
    canned = Canned(str(tmp_path / "s"), b"+last words\r\n")
    connection = canned.connect()
    canned.peer.close()
    assert connection.read() == ["last words"]
    with pytest.raises(EOFError):
        connection.read()
    connection.close()
    canned.close()


def test_a_refused_subscription_says_why(server, connect):
    server.failure = "noauth"
    with pytest.raises(ReplyError, match=r"^NOAUTH "):
        connect().subscribe("a", "b")


def test_a_command_sent_is_answered_through_read(connect):
    connection = connect()
    connection.send(("PING",))
    got = []
    deadline = time.monotonic() + 5
    while not got:
        assert time.monotonic() < deadline
        got = connection.read()
    assert got == ["PONG"]


def test_over_tcp(tmp_path):
    with FakeRedis(("127.0.0.1", 0)) as server:
        connection = Connection(server.address, 5.0)
        assert connection.pipeline([("PING",)]) == ["PONG"]
        connection.close()


def test_nobody_there_is_an_oserror_and_leaves_no_descriptor(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        Connection(str(tmp_path / "none"), 1.0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_it_imports_nothing_heavy():
    """The waiter keeps what this imports in memory, once per feature."""
    code = "import sys; import system_service.wire.resp; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    bare = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True)
    added = set(done.stdout.split()) - set(bare.stdout.split())
    assert "hiredis" in added
    assert not added & {
        "typing",
        "dataclasses",
        "inspect",
        "json",
        "subprocess",
        "http.client",
        "ssl",
        "asyncio",
        "redis",
    }
