"""How Docker is asked over its unix socket: in which version of its API, for how long, and what is told of a failure.

The waiter lives on this for weeks: no typing.
"""

from __future__ import annotations

import errno
import json
import time

from system_service.errors import Failed, NotPermitted, SwitchError, TimedOut, Unreachable, plain
from system_service.wire import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any, Protocol

    class Request(Protocol):
        """As http.request()."""

        def __call__(self, address: str, method: str, path: str, *, timeout: float) -> http.Response: ...


# Seconds for one answer. A list takes milliseconds; a daemon that is still loading 100 containers takes seconds.
TIMEOUT = 10.0
# For those whom nobody is waiting for: an inspect waits while the daemon starts or stops this very container.
PATIENCE = 15.0
_LEAST = 1.0  # seconds for an answer however little time is left: what is so can still be shown
# Docker 20 to 28 speak this one; what is too old or too new for it names its own.
_VERSION = "1.41"
_STATUS = "systemctl status docker"
_MOST = 500  # letters of a sentence of Docker's


class Api:
    """The API whose unix socket is at `address`. Connects for each call; holds nothing open.

    Every method may raise Unreachable (down, hanging, answering nonsense: the message names the address), NotPermitted
    and Failed (Docker refused: its own sentence). `until` (monotonic), once set, is the end of a whole command: no
    answer is waited for longer, then TimedOut; Docker goes on with what it was told.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        """`timeout`: seconds for an answer of which nobody says otherwise."""
        self.address = address
        self.timeout = timeout
        self.until: float | None = None
        self._version = _VERSION

    def stream(self, tail: str) -> tuple[socket.socket, bytes]:
        """GET something that has no end: the socket after the headers, and what of the body has come with them."""
        try:
            try:
                return http.stream(self.address, self._path(tail), timeout=self.timeout)
            except http.StatusError as error:
                if not self._renegotiated(error.response):
                    raise
                return http.stream(self.address, self._path(tail), timeout=self.timeout)
        except http.StatusError as error:
            raise self._refusal(error.response) from error
        except (OSError, http.HTTPError) as error:
            raise self.failure(error) from error

    def failure(self, error: OSError | http.HTTPError, seconds: float | None = None) -> SwitchError:
        """What an operator can read instead of an error of the connection, which had so many seconds."""
        if isinstance(error, http.HTTPError):
            return self.nonsense(str(error))
        if error.errno in (errno.EACCES, errno.EPERM):
            return NotPermitted(
                f"Docker at {self.address} may not be asked",
                "run it as root (sudo), or as a member of the docker group",
            )
        if isinstance(error, TimeoutError):
            seconds = self.timeout if seconds is None else seconds
            return Unreachable(f"Docker at {self.address} did not answer within {seconds:g} s", _STATUS)
        reason = error.strerror or str(error) or type(error).__name__
        return Unreachable(f"Docker at {self.address} cannot be reached: {reason}", _STATUS)

    def nonsense(self, what: str) -> Unreachable:
        """The error of an answer that is none; `what` came instead."""
        return Unreachable(f"Docker at {self.address} answered nonsense: {what}", _STATUS)

    def hung_up(self) -> Unreachable:
        """The error of a stream that has ended, which has no end of its own."""
        return Unreachable(f"Docker at {self.address} ended the stream of events", _STATUS)

    def _call(
        self, method: str, tail: str, timeout: float | None = None, request: Request = http.request
    ) -> http.Response:
        """Docker's answer, a refusal too; asked again where that is only of our version of the API."""
        seconds = self.timeout if timeout is None else timeout
        left = seconds if self.until is None else min(seconds, max(_LEAST, self.until - time.monotonic()))
        try:
            response = request(self.address, method, self._path(tail), timeout=left)
            if self._renegotiated(response):
                response = request(self.address, method, self._path(tail), timeout=left)
            return response
        except (OSError, http.HTTPError) as error:
            if isinstance(error, TimeoutError) and left < seconds:
                raise TimedOut(f"Docker at {self.address} did not answer within the time limit", _STATUS) from error
            raise self.failure(error, seconds) from error

    def _path(self, tail: str) -> str:
        return f"/v{self._version}{tail}"

    def _renegotiated(self, response: http.Response) -> bool:
        """Whether it refused only our version of the API; then its own is taken from now on."""
        named = response.headers.get("api-version", "")
        if response.status != 400 or b"client version" not in response.body or named == self._version:
            return False
        if not named.isascii() or not named.replace(".", "", 1).isdigit() or len(named) > 10:
            return False
        self._version = named
        return True

    def _good(self, response: http.Response) -> bytes:
        """The body of an answer; raises what Docker says instead."""
        if response.status != 200:
            raise self._refusal(response)
        return response.body

    def _parsed(self, response: http.Response) -> Any:
        body = self._good(response)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self.nonsense(f"no JSON: {_shown(body)!r}") from error

    def _refusal(self, response: http.Response) -> SwitchError:
        """The error of an answer that is none of ours to take: Docker's own sentence, if it is Docker that answers."""
        if message := sentence(response):
            return Failed(f"Docker: {message}", "journalctl -u docker")
        return self.nonsense(f"{response.status} {_shown(response.body)}".strip())


def sentence(response: http.Response) -> str:
    """Docker's own sentence where it refuses; "" where it is not Docker that does."""
    if response.status < 400:
        return ""
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    return plain(body.get("message"))[:_MOST] if isinstance(body, dict) else ""


def _shown(body: bytes) -> str:
    return plain(body.decode("utf-8", "replace"))[:60]
