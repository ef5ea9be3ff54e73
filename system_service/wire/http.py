"""HTTP/1.0 over a unix socket: one request out, one answer in. Knows nothing of Docker.

Asked in HTTP/1.0, a daemon closes at the end and sends no chunks; http.client would cost 24 ms and 3 MB for the rest.
The waiter lives on this for weeks: no dataclasses, no typing, no json.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
else:  # the other makes enums of all its numbers: 190 KiB for each feature
    import _socket as socket

_PIECE = 65536
_MOST_HEADER = 65536
# A list of 500 containers is 1 MB; nothing that is asked for here comes near this.
_MOST_BODY = 64 << 20
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class HTTPError(Exception):
    """What came is no HTTP answer, or only a part of one."""


class Response:
    """An answer. `headers` have lower-case names; `body` is whole."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body


class StatusError(HTTPError):
    """A stream was asked for, and `response` came instead: its status is not 200."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"it answered {response.status}")
        self.response = response


class Exchange:
    """A request that has been sent within `timeout` seconds from now, and whose answer is still to come.

    A context manager; poll() takes it for a file. Everything may raise OSError and HTTPError.
    """

    __slots__ = ("_connection", "_deadline", "_head")

    def __init__(
        self,
        address: str,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        timeout: float,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._deadline = time.monotonic() + timeout
        self._head: tuple[Response, bytes] | None = None
        self._connection = _send(address, method, path, body, headers, self._deadline)

    def begin(self) -> Response:
        """The answer as far as its headers; its body is not read yet."""
        if self._head is None:
            self._head = _head(self._connection, self._deadline)
        return self._head[0]

    def finish(self) -> Response:
        """The whole answer."""
        response = self.begin()
        assert self._head is not None  # noqa: S101 - begin() has just set it; this tells mypy
        response.body = _body(self._connection, response, self._head[1], self._deadline)
        return response

    def fileno(self) -> int:
        return self._connection.fileno()

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def request(
    address: str,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    timeout: float,
    headers: Iterable[tuple[str, str]] = (),
) -> Response:
    """Send one request to the unix socket at `address` and read its whole answer within `timeout` seconds.

    `path` is sent as it is: see quote(). Raises OSError (TimeoutError among them) and HTTPError.
    """
    with Exchange(address, method, path, body, timeout=timeout, headers=headers) as exchange:
        return exchange.finish()


def stream(address: str, path: str, *, timeout: float) -> tuple[socket.socket, bytes]:
    """GET something that has no end: the socket after the headers, and what of the body has come with them.

    `timeout` bounds the exchange up to the end of the headers, and after it every recv() on the socket. Raises OSError,
    HTTPError, and StatusError for every status but 200.
    """
    deadline = time.monotonic() + timeout
    connection = _send(address, "GET", path, None, (), deadline)
    try:
        response, rest = _head(connection, deadline)
        if response.status != 200:
            response.body = _body(connection, response, rest, deadline)
            raise StatusError(response)
        connection.settimeout(timeout)
    except BaseException:
        connection.close()
        raise
    return connection, rest


def quote(text: str) -> str:
    """`text` as one segment of a path, or one value in a query. urllib's own takes half a megabyte of imports."""
    return "".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in text.encode("utf-8", "surrogateescape"))


def _send(
    address: str, method: str, path: str, body: bytes | None, headers: Iterable[tuple[str, str]], deadline: float
) -> socket.socket:
    lines = [f"{method} {path} HTTP/1.0", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines += ["Content-Type: application/json"]
    if body is not None or method == "POST":
        lines += [f"Content-Length: {len(body or b'')}"]
    if any(ord(letter) < 0x20 or letter == "\x7f" for line in lines for letter in line) or " " in path:
        raise ValueError(f"not to be sent in a request: {path!r}")
    message = "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _limit(connection, deadline)
        connection.connect(address)
        _limit(connection, deadline)
        connection.sendall(message)
    except BaseException:
        connection.close()
        raise
    return connection


def _limit(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(left)


def _receive(connection: socket.socket, deadline: float) -> bytes:
    _limit(connection, deadline)
    return connection.recv(_PIECE)


def _head(connection: socket.socket, deadline: float) -> tuple[Response, bytes]:
    """The answer without its body, and the beginning of the body."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = _receive(connection, deadline)
        if not piece:
            raise HTTPError("it hung up in the middle of an answer" if got else "it hung up without an answer")
        if not got and not b"HTTP/".startswith(piece[:5]):
            raise HTTPError(f"it does not speak HTTP: {piece[:40]!r}")
        got += piece
        if len(got) > _MOST_HEADER and b"\r\n\r\n" not in got[:_MOST_HEADER]:
            raise HTTPError("its headers have no end")
    head, _, rest = got.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not _number(words[1]) or len(words[1]) != 3:
        raise HTTPError(f"it does not speak HTTP: {first[:40]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        raise HTTPError("it answers a request of HTTP/1.0 in chunks")
    return Response(int(words[1]), headers), rest


def _body(connection: socket.socket, response: Response, rest: bytes, deadline: float) -> bytes:
    if response.status in (204, 304):
        return b""
    length = response.headers.get("content-length")
    if length is None:
        return _until_closed(connection, rest, deadline)
    if not _number(length) or int(length) > _MOST_BODY:
        raise HTTPError(f"it announces a body of {length[:20]!r} bytes")
    expected = int(length)
    pieces, size = [rest], len(rest)
    while size < expected:
        piece = _receive(connection, deadline)
        if not piece:
            raise HTTPError(f"it hung up after {size} of {expected} bytes")
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[:expected]


def _until_closed(connection: socket.socket, rest: bytes, deadline: float) -> bytes:
    got = bytearray(rest)
    while piece := _receive(connection, deadline):
        got += piece
        if len(got) > _MOST_BODY:
            raise HTTPError("its answer has no end")
    return bytes(got)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12
