"""Redis bytes over one socket: commands out, replies in. Knows no databases, tables or features.

The waiter lives on this for weeks, so what is imported here stays in memory per feature: no dataclasses, no typing.
"""

from __future__ import annotations

import math
import select
import time

import hiredis

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from typing import Any

    Address = str | tuple[str, int]
    Command = Sequence[str | bytes | int]
else:  # the other makes enums of all its numbers: 190 KiB for each feature
    import _socket as socket

_CHUNK = 65536
_INCOMPLETE = object()


class ReplyError(Exception):
    """An error that Redis replied; `str()` is its text, whose first word is Redis' own code (`WRONGTYPE ...`)."""


class Connection:
    """One connection to a Redis server: a unix socket's path, or (host, port).

    `timeout` (seconds) bounds the connect, and every exchange as a whole: a server that sends a byte now and then does
    not stretch it. Raises OSError (TimeoutError among them), EOFError or hiredis.ProtocolError; after any of them
    the connection is out of step and must be closed.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        self.round_trips = 0
        self._timeout = timeout
        self._early: list[Any] = []  # pushes that arrived during an exchange, kept for read()
        self._socket = _connect(address, timeout)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._reader = hiredis.Reader(
            encoding="utf-8", errors="backslashreplace", replyError=ReplyError, notEnoughData=_INCOMPLETE
        )

    def pipeline(self, commands: Sequence[Command], *, decode: bool = True) -> list[Any]:
        """One write, one read: a reply for each command, in order.

        Strings come decoded (bytes that are no UTF-8 as `\\xff`), or as bytes without `decode`. Error replies are
        returned as ReplyError, not raised.
        """
        if not commands:
            return []
        self.round_trips += 1
        got = self._exchange(_pack(commands), lambda got: len(got) >= len(commands), decode)
        if len(got) > len(commands):
            raise hiredis.ProtocolError("more replies than commands")
        return got

    def subscribe(self, *patterns: str) -> None:
        """PSUBSCRIBE; returns once Redis has confirmed every pattern: from then on nothing is missed.

        The messages come from read(). Raises ReplyError where Redis refuses.
        """
        self.round_trips += 1

        def answered(got: list[Any]) -> bool:
            return any(isinstance(reply, ReplyError) for reply in got) or sum(map(_confirms, got)) >= len(patterns)

        for reply in self._exchange(_pack([("PSUBSCRIBE", *patterns)]), answered):
            if isinstance(reply, ReplyError):
                raise reply
            if not _confirms(reply):
                self._early.append(reply)

    def send(self, command: Command) -> None:
        """Send one command and do not wait: its reply, too, comes from read()."""
        self._early += self._exchange(_pack([command]), lambda got: True)

    def read(self) -> list[Any]:
        """What has arrived, without waiting; [] when that is nothing. EOFError once the server is gone."""
        got, self._early = self._early, []
        try:
            while self._receive(got):
                pass
        except EOFError:
            if not got:
                raise  # otherwise the next read() says so
        return got

    def fileno(self) -> int:
        """For select and poll. Ask read() once before the first wait: a message may have come with an earlier reply."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def _exchange(self, data: bytes, enough: Callable[[list[Any]], bool], decode: bool = True) -> list[Any]:
        """Write all of `data`, reading along so that neither side can block the other, until `enough` says so."""
        deadline = time.monotonic() + self._timeout
        unsent = memoryview(data)
        got: list[Any] = []
        while unsent or not enough(got):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no answer within {self._timeout:g} s")
            self._poll.modify(self._socket, select.POLLIN | select.POLLOUT if unsent else select.POLLIN)
            self._poll.poll(math.ceil(left * 1000))
            try:
                unsent = unsent[self._socket.send(unsent) :] if unsent else unsent
            except BlockingIOError:
                pass
            except ConnectionError:
                # A server that refuses a client says why before it hangs up: read that instead of complaining here.
                unsent = unsent[:0]
            self._receive(got, decode)
        return got

    def _receive(self, got: list[Any], decode: bool = True) -> bool:
        """Append the replies that the next bytes complete; False when there are no bytes now."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return False
        if not data:
            last = got[-1] if got else None
            raise EOFError(str(last) if isinstance(last, ReplyError) else "it closed the connection")
        self._reader.feed(data)
        while (reply := self._reader.gets(decode)) is not _INCOMPLETE:
            got.append(reply)
        return True


def _connect(address: Address, timeout: float) -> socket.socket:
    if isinstance(address, tuple):
        from socket import create_connection  # looks names up; no switch has its databases so far away

        connection = create_connection(address, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _pack(commands: Sequence[Command]) -> bytes:
    """Commands as Redis reads them: arrays of length-prefixed strings."""
    parts = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for word in command:
            # surrogateescape: an argument that came from the command line goes out as the bytes it came in.
            data = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def _confirms(reply: Any) -> bool:
    return isinstance(reply, list) and reply[:1] == ["psubscribe"]
