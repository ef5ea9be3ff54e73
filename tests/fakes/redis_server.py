"""A Redis that fits in one file: real sockets, real bytes, the commands the product uses, and failures on request.

Proven against the real server by tests/contract/test_switchdb.py. Counts commands and round trips.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable

import hiredis

from tests.fakes.redis_commands import Commands, Refusal, Value, encode, glob

NOAUTH = "NOAUTH Authentication required."
LOADING = "LOADING Redis is loading the dataset in memory"
MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    "Commands that may modify the data set are disabled."
)
WRITES = frozenset({"HSET", "HDEL", "DEL", "SET", "FLUSHDB"})
ARITY = {"SELECT": 2, "KEYS": 2, "HGETALL": 2, "GET": 2, "SET": 3, "EXEC": 1, "MULTI": 1, "DISCARD": 1, "UNWATCH": 1}


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
            sources: list[socket.socket | int] = [self.listener, self._wake]
            ready, _, _ = select.select(sources, [], [])
            if self._wake in ready:
                return
            connection, _ = self.listener.accept()
            client = Client(self, connection)
            with self.lock:
                self.clients.append(client)
            client.thread.start()


class Client(Commands):
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

    def _run(self, name: str, words: list[bytes]) -> bytes:
        handler: Callable[..., bytes] | None = getattr(self, f"do_{name.lower()}", None)
        if handler is None:
            raise Refusal(f"ERR unknown command '{name}', with args beginning with: ")
        return handler(*words)
