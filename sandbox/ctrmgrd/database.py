"""Redis over its unix socket: commands, and what has changed."""

from __future__ import annotations

import socket
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NUMBERS = {"CONFIG_DB": 4, "STATE_DB": 6}


class Redis:
    """One connection; commands take and return strings, and lists of them. ConnectionError when Redis ends it."""

    def __init__(self, path: str) -> None:
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(path)
        self._rest = b""

    def command(self, *words: str | int) -> Any:
        self._send(*words)
        while True:
            reply, done = self._parse(0)
            if done:
                self._rest = self._rest[done:]
                return reply
            self._receive()

    def row(self, database: str, key: str) -> dict[str, str]:
        """A hash; {} when there is none."""
        self.command("SELECT", NUMBERS[database])
        flat: list[str] = self.command("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def keys(self, database: str, pattern: str) -> list[str]:
        self.command("SELECT", NUMBERS[database])
        return sorted(self.command("KEYS", pattern))

    def write(self, key: str, fields: Mapping[str, str]) -> None:
        """Set fields of a row of STATE_DB."""
        self.command("SELECT", NUMBERS["STATE_DB"])
        self.command("HSET", key, *(word for item in fields.items() for word in item))

    def subscribe(self, database: str, pattern: str) -> None:
        self.command("PSUBSCRIBE", f"__keyspace@{NUMBERS[database]}__:{pattern}")

    def changes(self) -> deque[tuple[str, str, str]]:
        """(database, key, what was done to it) of all that has been published; waits for the first byte."""
        self._receive()
        names = {str(number): name for name, number in NUMBERS.items()}
        found: deque[tuple[str, str, str]] = deque()
        while True:
            reply, done = self._parse(0)
            if not done:
                return found
            self._rest = self._rest[done:]
            if reply[0] == "pmessage":
                number, _, key = reply[2].removeprefix("__keyspace@").partition("__:")
                found.append((names[number], key, reply[3]))

    def _send(self, *words: str | int) -> None:
        coded = [str(word).encode() for word in words]
        self.link.sendall(b"*%d\r\n" % len(coded) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in coded))

    def _receive(self) -> None:
        data = self.link.recv(65536)
        if not data:
            raise ConnectionError("Redis closed the connection")
        self._rest += data

    def _parse(self, at: int) -> tuple[Any, int]:
        """(the reply that begins at a byte, the byte behind it), or (None, 0) when it is not all there."""
        end = self._rest.find(b"\r\n", at)
        if end < 0:
            return None, 0
        kind, rest, after = self._rest[at : at + 1], self._rest[at + 1 : end], end + 2
        if kind in b"+:":
            return rest.decode(), after
        if kind == b"-":
            raise ConnectionError(rest.decode())
        if kind == b"$":
            if int(rest) < 0:
                return None, after
            end = after + int(rest)
            return (self._rest[after:end].decode(), end + 2) if len(self._rest) >= end + 2 else (None, 0)
        found = []
        for _ in range(int(rest)):
            item, after = self._parse(after)
            if not after:
                return None, 0
            found.append(item)
        return found, after
