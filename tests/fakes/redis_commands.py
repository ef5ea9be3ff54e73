"""What the fake Redis does for each command, on its dictionaries. The sockets are redis_server's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.redis_server import FakeRedis

Value = dict[bytes, bytes] | bytes
WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


class Refusal(Exception):
    """An error reply."""


class Commands:
    """One method for each command, named do_<command>: its arguments in, the bytes of its reply out."""

    server: FakeRedis
    number: int
    known: bool
    queue: list[list[bytes]] | None
    broken: bool
    watched: set[tuple[int, bytes]]
    spoiled: bool
    patterns: list[bytes]
    channels: list[bytes]

    def _forget(self) -> None:
        """End the transaction and every watch."""
        self.queue, self.broken = None, False
        self.watched.clear()
        self.spoiled = False

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
