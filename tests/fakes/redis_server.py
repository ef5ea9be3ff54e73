"""A Redis that fits in one file: real sockets, real bytes, the commands the product uses, and failures on request.

Proven against the real server by tests/contract/test_switchdb.py. Counts commands and round trips.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import threading

import hiredis

Value = dict[bytes, bytes] | bytes
NOAUTH = "NOAUTH Authentication required."
LOADING = "LOADING Redis is loading the dataset in memory"
MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    "Commands that may modify the data set are disabled."
)
WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
WRITES = frozenset({"HSET", "HDEL", "DEL", "SET", "FLUSHDB"})
ARITY = {"SELECT": 2, "KEYS": 2, "HGETALL": 2, "GET": 2, "SET": 3, "EXEC": 1, "MULTI": 1, "DISCARD": 1, "UNWATCH": 1}


class Refusal(Exception):
    """An error reply."""


class FakeRedis:
    """Serves on a unix socket's path, or on (host, port); as a context manager it is gone at the end.

    `failure` is None or one of: hang (reads, never answers), slow (a byte every `pace` seconds), cut (half of the
    answer, then closes), hangup (closes instead of answering), garbage (no RESP), loading, noauth, misconf (writes are
    refused), nonsense (well-formed RESP that answers nothing). It holds for every batch that is read while it is set.
    """

    def __init__(self, address: str | tuple[str, int]) -> None:
        self.failure: str | None = None
        self.pace = 0.05
        self.password = ""
        self.databases: dict[int, dict[bytes, Value]] = {}
        self.commands: list[list[str]] = []
        self.round_trips = 0
        self.lock = threading.RLock()
        self.clients: list[Client] = []
        self.stopping = threading.Event()
        if isinstance(address, str):
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen()
        self.address: str | tuple[str, int] = self.listener.getsockname()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._accept, name="fake redis", daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeRedis:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close everything and remove the socket; every thread has ended afterwards."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        os.write(self._waker, b"x")
        self._thread.join()
        self.listener.close()
        self.drop_clients()
        os.close(self._wake)
        os.close(self._waker)
        if isinstance(self.address, str):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.address)

    def drop_clients(self) -> None:
        """Hang up on everybody, as a restart does."""
        with self.lock:
            clients = list(self.clients)
        for client in clients:
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)
        for client in clients:
            client.thread.join()

    def put(self, number: int, key: str, value: dict[str, str] | str) -> None:
        """Set a hash or a string, unnoticed by counters; watchers and subscribers do notice."""
        with self.lock:
            if isinstance(value, str):
                self.databases.setdefault(number, {})[key.encode()] = value.encode()
            else:
                fields = {k.encode(): v.encode() for k, v in value.items()}
                self.databases.setdefault(number, {})[key.encode()] = fields
            self.changed(number, key.encode(), "hset")

    def row(self, number: int, key: str) -> dict[str, str] | None:
        """A hash as it is now; None when there is none."""
        with self.lock:
            value = self.databases.get(number, {}).get(key.encode())
            return {k.decode(): v.decode() for k, v in value.items()} if isinstance(value, dict) else None

    def reset_counters(self) -> None:
        self.round_trips = 0
        self.commands = []

    def changed(self, number: int, key: bytes, event: str) -> None:
        """Spoil the transactions that watch this key, and tell the subscribers."""
        for client in self.clients:
            if (number, key) in client.watched:
                client.spoiled = True
            if client.patterns:
                client.notify(b"__keyspace@%d__:%b" % (number, key), event.encode())
                client.notify(b"__keyevent@%d__:%b" % (number, event.encode()), key)

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self.listener, self._wake], [], [])
            if self._wake in ready:
                return
            connection, _ = self.listener.accept()
            client = Client(self, connection)
            with self.lock:
                self.clients.append(client)
            client.thread.start()


class Client:
    """One connection: its database, its transaction, its subscriptions."""

    def __init__(self, server: FakeRedis, connection: socket.socket) -> None:
        self.server = server
        self.socket = connection
        self.number = 0
        self.known = not server.password
        self.queue: list[list[bytes]] | None = None
        self.broken = False  # a queued command was refused: EXEC aborts
        self.watched: set[tuple[int, bytes]] = set()
        self.spoiled = False
        self.patterns: list[bytes] = []
        self.channels: list[bytes] = []
        self.sending = threading.Lock()
        self.thread = threading.Thread(target=self._serve, name="fake redis client", daemon=True)

    def notify(self, channel: bytes, message: bytes) -> None:
        for pattern in self.patterns:
            if glob(pattern).fullmatch(channel):
                self._send(encode([b"pmessage", pattern, channel, message]))
        if channel in self.channels:
            self._send(encode([b"message", channel, message]))

    def _send(self, data: bytes) -> None:
        with self.sending, contextlib.suppress(OSError):
            self.socket.sendall(data)

    def _serve(self) -> None:
        reader = hiredis.Reader()
        with self.socket:
            while self._batch(reader):
                pass
        with self.server.lock:
            self.server.clients.remove(self)

    def _batch(self, reader: hiredis.Reader) -> bool:
        """Answer everything that came with one read; False when the connection is over."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            return False
        if not data:
            return False
        reader.feed(data)
        commands = []
        while (command := reader.gets()) is not False:
            commands.append(command)
        with self.server.lock:
            failure = self.server.failure
            if failure in ("hang", "hangup"):
                self.server.commands += [[word.decode(errors="replace") for word in words] for words in commands]
                return failure == "hang"
            answer = b"".join(self._answer(words, failure) for words in commands)
            self.server.round_trips += bool(commands)
        return self._reply(answer, failure)

    def _reply(self, answer: bytes, failure: str | None) -> bool:
        if failure == "garbage":
            self._send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif failure == "cut":
            self._send(answer[: len(answer) // 2])
            return False
        elif failure == "slow":
            for byte in answer:
                self._send(bytes([byte]))
                # The pace of a slow server; ended early when the server is stopped.
                if self.server.stopping.wait(self.server.pace):
                    return False
        else:
            self._send(answer)
        return True

    def _answer(self, words: list[bytes], failure: str | None) -> bytes:
        name = words[0].decode(errors="replace").upper()
        self.server.commands.append([word.decode(errors="replace") for word in words])
        if failure == "nonsense":
            return b":7\r\n"
        try:
            if failure == "loading":
                raise Refusal(LOADING)
            if (failure == "noauth" or not self.known) and name != "AUTH":
                raise Refusal(NOAUTH)
            if failure == "misconf" and name in WRITES:
                raise Refusal(MISCONF)
            if name in ARITY and len(words) != ARITY[name]:
                raise Refusal(f"ERR wrong number of arguments for '{name.lower()}' command")
            if self.queue is not None and name not in ("EXEC", "DISCARD", "MULTI", "WATCH"):
                self.queue.append(words)
                return b"+QUEUED\r\n"
            if name == "EXEC":
                return self._exec()
            return self._run(name, words[1:])
        except Refusal as refusal:
            self.broken = True
            return b"-%b\r\n" % str(refusal).encode()

    def _exec(self) -> bytes:
        if self.queue is None:
            raise Refusal("ERR EXEC without MULTI")
        queue, broken, spoiled = self.queue, self.broken, self.spoiled
        self._forget()
        if broken:
            raise Refusal("EXECABORT Transaction discarded because of previous errors.")
        if spoiled:
            return b"*-1\r\n"
        replies = []
        for words in queue:
            try:
                replies.append(self._run(words[0].decode().upper(), words[1:]))
            except Refusal as refusal:
                replies.append(b"-%b\r\n" % str(refusal).encode())
        return b"*%d\r\n%b" % (len(replies), b"".join(replies))

    def _forget(self) -> None:
        self.queue, self.broken = None, False
        self.watched.clear()
        self.spoiled = False

    def _run(self, name: str, words: list[bytes]) -> bytes:
        handler = getattr(self, f"do_{name.lower()}", None)
        if handler is None:
            raise Refusal(f"ERR unknown command '{name}', with args beginning with: ")
        return handler(*words)

    @property
    def data(self) -> dict[bytes, Value]:
        return self.server.databases.setdefault(self.number, {})

    def _hash(self, key: bytes) -> dict[bytes, bytes]:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise Refusal(WRONGTYPE)
        return value

    def do_ping(self) -> bytes:
        return b"+PONG\r\n"

    def do_auth(self, *words: bytes) -> bytes:
        if words[-1].decode() != self.server.password:
            raise Refusal("WRONGPASS invalid username-password pair or user is disabled.")
        self.known = True
        return b"+OK\r\n"

    def do_config(self, verb: bytes, name: bytes, value: bytes = b"") -> bytes:
        if verb.upper() == b"SET":
            if name == b"requirepass":
                self.server.password = value.decode()
            return b"+OK\r\n"
        held = {b"requirepass": self.server.password.encode(), b"notify-keyspace-events": b"AKE"}
        return encode([name, held[name]] if name in held else [])

    def do_select(self, number: bytes) -> bytes:
        if not number.isdigit() or int(number) > 15:
            raise Refusal("ERR DB index is out of range")
        self.number = int(number)
        return b"+OK\r\n"

    def do_keys(self, pattern: bytes) -> bytes:
        return encode([key for key in self.data if glob(pattern).fullmatch(key)])

    def do_exists(self, *keys: bytes) -> bytes:
        return encode(sum(key in self.data for key in keys))

    def do_hgetall(self, key: bytes) -> bytes:
        return encode([word for item in self._hash(key).items() for word in item])

    def do_get(self, key: bytes) -> bytes:
        value = self.data.get(key, b"")
        if isinstance(value, dict):
            raise Refusal(WRONGTYPE)
        return encode(value) if key in self.data else b"$-1\r\n"

    def do_set(self, key: bytes, value: bytes) -> bytes:
        self.data[key] = value
        self.server.changed(self.number, key, "set")
        return b"+OK\r\n"

    def do_hset(self, key: bytes, *words: bytes) -> bytes:
        if not words or len(words) % 2:
            raise Refusal("ERR wrong number of arguments for 'hset' command")
        row = self._hash(key)
        fields = dict(zip(words[::2], words[1::2], strict=True))
        added = len(fields.keys() - row.keys())
        self.data[key] = {**row, **fields}
        self.server.changed(self.number, key, "hset")
        return encode(added)

    def do_hdel(self, key: bytes, *fields: bytes) -> bytes:
        row = self._hash(key)
        gone = [row.pop(field) for field in dict.fromkeys(fields) if field in row]
        if gone:
            self.server.changed(self.number, key, "hdel")
            if not row:
                del self.data[key]
                self.server.changed(self.number, key, "del")
        return encode(len(gone))

    def do_del(self, *keys: bytes) -> bytes:
        gone = [key for key in dict.fromkeys(keys) if self.data.pop(key, None) is not None]
        for key in gone:
            self.server.changed(self.number, key, "del")
        return encode(len(gone))

    def do_flushdb(self, *_: bytes) -> bytes:
        keys = list(self.data)
        self.data.clear()
        # Flushing spoils watched keys; it sends no keyspace event.
        for client in self.server.clients:
            client.spoiled |= any((self.number, key) in client.watched for key in keys)
        return b"+OK\r\n"

    def do_watch(self, *keys: bytes) -> bytes:
        if self.queue is not None:
            raise Refusal("ERR WATCH inside MULTI is not allowed")
        self.watched |= {(self.number, key) for key in keys}
        return b"+OK\r\n"

    def do_unwatch(self) -> bytes:
        self.watched.clear()
        self.spoiled = False
        return b"+OK\r\n"

    def do_multi(self) -> bytes:
        if self.queue is not None:
            raise Refusal("ERR MULTI calls can not be nested")
        self.queue, self.broken = [], False
        return b"+OK\r\n"

    def do_discard(self) -> bytes:
        if self.queue is None:
            raise Refusal("ERR DISCARD without MULTI")
        self._forget()
        return b"+OK\r\n"

    def do_psubscribe(self, *patterns: bytes) -> bytes:
        answer = b""
        for pattern in patterns:
            self.patterns.append(pattern)
            answer += encode([b"psubscribe", pattern, len(self.patterns) + len(self.channels)])
        return answer

    def do_subscribe(self, *channels: bytes) -> bytes:
        answer = b""
        for channel in channels:
            self.channels.append(channel)
            answer += encode([b"subscribe", channel, len(self.patterns) + len(self.channels)])
        return answer


def encode(value: object) -> bytes:
    """A reply: bytes, an int, or a list of them."""
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if isinstance(value, int):
        return b":%d\r\n" % value
    assert isinstance(value, list), value
    return b"*%d\r\n%b" % (len(value), b"".join(map(encode, value)))


def glob(pattern: bytes) -> re.Pattern[bytes]:
    """Redis' patterns: * ? [abc] [^a] [a-c] and a backslash before what is meant literally."""
    pieces = re.findall(rb"\\.|\[\^?(?:\\.|[^\]])*\]|.", pattern, re.DOTALL)
    known = {b"*": b".*", b"?": b"."}
    kept = (p if p[:1] in (b"[", b"\\") and len(p) > 1 else known.get(p, re.escape(p)) for p in pieces)
    return re.compile(b"".join(kept), re.DOTALL)
