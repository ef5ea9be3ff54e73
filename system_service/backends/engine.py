"""The container engine: Docker's API over its unix socket. The only place that speaks it for commands.

What Docker says is parsed once, here, and tolerantly: it is another program's word. `system container wait` has its own
few requests (waiting/docker.py).
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NoReturn

from system_service.backends.docker_json import from_inspect, from_row, sentence
from system_service.errors import (
    Failed,
    NotPermitted,
    SwitchError,
    TimedOut,
    UnknownFeature,
    UnknownImage,
    Unreachable,
)
from system_service.model.snapshot import Container
from system_service.wire import http

DEFAULT_HOST = "unix:///var/run/docker.sock"
# Seconds for one answer. A list takes milliseconds; a daemon that is still loading 100 containers takes seconds.
TIMEOUT = 10.0
# Seconds for a start or a removal: a cold disk makes them slow, and giving up early leaves them half known.
SLOW = 60.0
# Seconds on top of the time a container has to stop: after it Docker kills, reaps and unmounts.
AFTER_STOP = 10.0
# Docker 20 to 28 speak this one; what is too old or too new for it names its own.
_VERSION = "1.41"
_MOST_LINE = 1 << 20
_LEAST = 1.0  # seconds for an answer however little time is left: what is so can still be shown
_STATUS = "systemctl status docker"
_HEX = frozenset("0123456789abcdef")
_NAME = _HEX | frozenset("ghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-")


class Engine:
    """The engine whose unix socket is at `address`. Connects for each call; holds nothing open.

    A `ref` is a container's exact name or its full id. Every method may raise Unreachable (down, hanging, answering
    nonsense: the message names the address), NotPermitted and Failed (Docker refused: its own sentence); those that
    take a `ref` UnknownFeature (no such container). `until` (monotonic), once set, is the end of a whole command: no
    answer is waited for longer, then TimedOut; Docker goes on with what it was told.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        self.address = address
        self.timeout = timeout
        self._version = _VERSION
        self.until: float | None = None

    @classmethod
    def from_env(cls) -> Engine:
        """The engine that $DOCKER_HOST names, else the host's. Raises Unreachable if that is no unix socket."""
        host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        address = host.removeprefix("unix://")
        if address == host or not address.startswith("/"):
            raise Unreachable(f"DOCKER_HOST is {host}, and only unix:///PATH is spoken here", "unset DOCKER_HOST")
        return cls(address)

    def client_argv(self, *words: str) -> list[str]:
        """The command line of the host's docker client for this engine, to be exec'ed."""
        return ["docker", "-H", f"unix://{self.address}", *words]

    def containers(self) -> tuple[Container, ...]:
        """All containers, the stopped ones too, in one call. Rows that are none are left out."""
        rows = self._parsed(self._call("GET", "/containers/json?all=1").body)
        if not isinstance(rows, list):
            raise self._nonsense("a list of containers that is none")
        return tuple(found for row in rows if (found := from_row(row)))

    def inspect(self, ref: str) -> dict[str, Any]:
        """What Docker knows of a container, as it says it. Here alone the beginning of an id will do, as in Docker."""
        found = self._parsed(self._call("GET", f"/containers/{self._segment(ref)}/json", ref=ref).body)
        if not isinstance(found, dict):
            raise self._nonsense("a container that is none")
        return found

    def image(self, ref: str) -> dict[str, Any]:
        """What Docker knows of an image, as it says it. Raises UnknownImage when there is none."""
        found = self._parsed(self._call("GET", f"/images/{http.quote(ref)}/json").body)
        if not isinstance(found, dict):
            raise self._nonsense("an image that is none")
        return found

    def has_image(self, ref: str) -> bool:
        """Whether this image is here."""
        try:
            self.image(ref)
        except UnknownImage:
            return False
        return True

    def find(self, name: str) -> Container | None:
        """The container of exactly this name, or None. Its `status` is "": only the list has Docker's text."""
        try:
            found = self.inspect(name)
        except UnknownFeature:
            return None
        except Failed as error:
            # No container has this name, and several have ids that begin so: Docker calls it a failure of its own.
            if "multiple ids found" in str(error).lower():
                return None
            raise
        # Docker takes the beginning of an id for a name.
        return from_inspect(found, name) if found.get("Name") == f"/{name}" else None

    def top(self, ref: str, columns: str) -> list[list[str]]:
        """The processes in a running container, a row each: what the host's ps says for these columns (`pid,args`).

        The last column, however long, has the process's environment after its own text. Raises Failed when the
        container does not run.
        """
        asked = f"/containers/{self._segment(ref)}/top?ps_args={http.quote(f'-eo {columns} eww')}"
        found = self._parsed(self._call("GET", asked, ref=ref).body)
        rows = found.get("Processes", "") if isinstance(found, dict) else ""
        if rows is None:  # the last one has just ended
            rows = []
        if not isinstance(rows, list):
            raise self._nonsense("processes that are none")
        width = columns.count(",") + 1
        return [[str(word) for word in row] for row in rows if isinstance(row, list) and len(row) == width]

    def archive(self, ref: str, path: str) -> bytes | None:
        """A file or folder of a container, running or not, as a tar archive; None when there is none of that path."""
        asked = f"/containers/{self._segment(ref)}/archive?path={http.quote(path)}"
        try:
            return self._call("GET", asked, ref=ref).body
        except Failed as error:
            if "could not find the file" in str(error).lower():
                return None
            raise

    def start(self, ref: str) -> bool:
        """True if it was started, False if it ran already. A paused one is Failed."""
        return self._act("POST", ref, "/start", timeout=SLOW)

    def stop(self, ref: str, timeout: int = 10) -> bool:
        """Ask it to end, and kill it after `timeout` seconds. False if it did not run; a paused one is stopped too."""
        return self._act("POST", ref, f"/stop?t={int(timeout)}", timeout=timeout + AFTER_STOP)

    def restart(self, ref: str, timeout: int = 10) -> bool:
        """Stop as stop() does, and start again; a stopped one is started."""
        return self._act("POST", ref, f"/restart?t={int(timeout)}", timeout=timeout + SLOW)

    def kill(self, ref: str) -> bool:
        """End it at once. False if it did not run: then it already is what was asked for."""
        try:
            return self._act("POST", ref, "/kill")
        except Failed as error:
            if "is not running" in str(error):
                return False
            raise

    def unpause(self, ref: str) -> bool:
        return self._act("POST", ref, "/unpause")

    def remove(self, ref: str, force: bool = False) -> bool:
        """Remove it, with its anonymous volumes. A running one is Failed unless `force` kills it first."""
        return self._act("DELETE", ref, f"?v=1&force={int(force)}", timeout=SLOW)

    def wait(self, ref: str, timeout: float) -> int:
        """Its exit code, once it does not run. Raises TimedOut after `timeout` seconds."""
        try:
            response = self._call("POST", f"/containers/{self._exact(ref)}/wait", ref=ref, timeout=timeout)
        except Unreachable as error:
            if isinstance(error.__cause__, TimeoutError):
                raise TimedOut(f"container {ref} still runs after {timeout:g} s", f"docker top {ref}") from error
            raise
        told = self._parsed(response.body)
        code = told.get("StatusCode") if isinstance(told, dict) else None
        if not isinstance(code, int):
            raise self._nonsense("an end without an exit code")
        return code

    def logs(self, ref: str, tail: int | None = None, since: float | None = None) -> Iterator[bytes]:
        """What it wrote so far, stdout and stderr as they came: the last `tail` lines, those after `since` (Unix time).

        A daemon silent for `self.timeout` seconds is Unreachable.
        """
        config = self.inspect(ref).get("Config")
        terminal = isinstance(config, dict) and config.get("Tty") is True
        query = f"stdout=1&stderr=1&tail={'all' if tail is None else int(tail)}"
        if since is not None:
            query += f"&since={since:.9f}"
        pieces = self._stream(f"/containers/{self._segment(ref)}/logs?{query}", ref)
        return pieces if terminal else self._demultiplexed(pieces)

    def events(
        self, filters: Mapping[str, Sequence[str]], since: float | None = None, timeout: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """Docker's events as they happen, from this call on. The iterator ends after `timeout` seconds, if given.

        `filters` are Docker's own: {"type": ["container"], "event": ["die"]}; a `container` filter also matches longer
        names. `since` (Unix time) asks for past ones too. Raises Unreachable when the daemon hangs up.
        """
        # The daemon answers before it subscribes us; its memory of the past closes that gap.
        since = time.time() if since is None else since
        query = f"since={since:.9f}&filters={http.quote(json.dumps(dict(filters)))}"
        deadline = None if timeout is None else time.monotonic() + timeout
        return self._events(self._stream(f"/events?{query}", deadline=deadline, endless=True))

    def _events(self, pieces: Generator[bytes, None, None]) -> Iterator[dict[str, Any]]:
        rest = b""
        with closing(pieces):
            for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    event = self._parsed(line) if line.strip() else None
                    if isinstance(event, dict):
                        yield event
                if len(rest) > _MOST_LINE:
                    raise self._nonsense("an event without an end")

    def _demultiplexed(self, pieces: Generator[bytes, None, None]) -> Iterator[bytes]:
        """The bytes inside Docker's frames: 4 bytes that say which stream, 4 that say how many, and so many bytes."""
        buffer, left = b"", 0
        with closing(pieces):
            for piece in pieces:
                buffer += piece
                while buffer:
                    if left:
                        yield buffer[:left]
                        left, buffer = max(0, left - len(buffer)), buffer[left:]
                        continue
                    if len(buffer) < 8:
                        break
                    if buffer[0] > 3 or buffer[1:4] != b"\0\0\0":
                        raise self._nonsense("a log that is none")
                    left, buffer = int.from_bytes(buffer[4:8], "big"), buffer[8:]
        if left or buffer:
            raise self._nonsense("half a log")

    def _act(self, method: str, ref: str, tail: str, timeout: float | None = None) -> bool:
        response = self._call(method, f"/containers/{self._exact(ref)}{tail}", ref=ref, timeout=timeout)
        if response.status not in (204, 304):  # 200 is what anything else that speaks HTTP would say
            raise self._nonsense(f"{response.status} to {method}")
        return response.status == 204

    def _segment(self, ref: str) -> str:
        """`ref` as part of a path. What Docker cannot have named is not asked for: `..` would be another path."""
        if not ref or ref[0] in "_.-" or not _NAME.issuperset(ref):
            raise UnknownFeature(f"no container {ref!r}", "docker ps -a")
        return ref

    def _exact(self, ref: str) -> str:
        """The same for an action: Docker takes `abc` for the beginning of an id, and would stop a stranger."""
        if len(ref) < 64 and ref and _HEX.issuperset(ref):
            found = self.find(ref)
            if found is None:
                raise UnknownFeature(f"no container {ref}", "docker ps -a")
            return found.id
        return self._segment(ref)

    def _call(self, method: str, tail: str, *, ref: str = "", timeout: float | None = None) -> http.Response:
        seconds = self.timeout if timeout is None else timeout
        left = seconds if self.until is None else max(_LEAST, self.until - time.monotonic())
        try:
            response = http.request(self.address, method, f"/v{self._version}{tail}", timeout=min(left, seconds))
            if self._renegotiated(response):
                response = http.request(self.address, method, f"/v{self._version}{tail}", timeout=min(left, seconds))
        except (OSError, http.HTTPError) as error:
            if isinstance(error, TimeoutError) and left < seconds:
                raise TimedOut(f"Docker at {self.address} did not answer within the time limit", _STATUS) from error
            self._raise(error, seconds)
        if response.status not in (200, 201, 204, 304):
            raise self._refused(response, ref)
        return response

    def _stream(
        self, tail: str, ref: str = "", deadline: float | None = None, endless: bool = False
    ) -> Generator[bytes, None, None]:
        """Asks now; the bytes come from the iterator, until `deadline` (monotonic) or the end."""
        for attempt in (1, 2):
            try:
                connection, rest = http.stream(self.address, f"/v{self._version}{tail}", timeout=self.timeout)
                break
            except http.StatusError as error:
                if attempt == 2 or not self._renegotiated(error.response):
                    raise self._refused(error.response, ref) from error
            except (OSError, http.HTTPError) as error:
                self._raise(error, self.timeout)

        def pieces() -> Generator[bytes, None, None]:
            with closing(connection):
                yield rest
                while deadline is None or time.monotonic() < deadline:
                    limit = None if endless else self.timeout
                    connection.settimeout(limit if deadline is None else max(0.001, deadline - time.monotonic()))
                    try:
                        piece = connection.recv(65536)
                    except TimeoutError as error:
                        if deadline is not None:
                            return
                        self._raise(error, self.timeout)
                    except OSError as error:
                        self._raise(error, self.timeout)
                    if not piece and endless:
                        raise Unreachable(f"Docker at {self.address} ended the stream of events", _STATUS)
                    if not piece:
                        return
                    yield piece

        return pieces()

    def _renegotiated(self, response: http.Response) -> bool:
        """Whether it refused only our version of the API; then its own is taken from now on."""
        named = response.headers.get("api-version", "")
        if response.status != 400 or b"client version" not in response.body or named == self._version:
            return False
        if not named.isascii() or not named.replace(".", "", 1).isdigit() or len(named) > 10:
            return False
        self._version = named
        return True

    def _parsed(self, text: bytes) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._nonsense(f"no JSON: {sentence(text)[:60]!r}") from error

    def _refused(self, response: http.Response, ref: str) -> SwitchError:
        """The error of an answer that is none of ours to take: Docker's own sentence, if it is Docker that answers."""
        try:
            told = json.loads(response.body)
        except (ValueError, RecursionError):
            told = None
        message = told.get("message") if isinstance(told, dict) else None
        if isinstance(message, str) and message.strip() and response.status >= 400:
            if response.status == 404 and ref and "no such container" in message.lower():
                return UnknownFeature(f"no container {ref}", "docker ps -a")
            if response.status == 404 and "no such image" in message.lower():
                return UnknownImage(f"Docker: {sentence(message.encode('utf-8', 'replace'))}", "docker images")
            return Failed(f"Docker: {sentence(message.encode('utf-8', 'replace'))}", "journalctl -u docker")
        return self._nonsense(f"{response.status} {sentence(response.body)[:60]}".strip())

    def _nonsense(self, what: str) -> Unreachable:
        return Unreachable(f"Docker at {self.address} answered nonsense: {what}", _STATUS)

    def _raise(self, error: OSError | http.HTTPError, seconds: float) -> NoReturn:
        if isinstance(error, http.HTTPError):
            raise self._nonsense(str(error)) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise NotPermitted(
                f"Docker at {self.address} may not be asked",
                "run it as root (sudo), or as a member of the docker group",
            ) from error
        if isinstance(error, TimeoutError):
            raise Unreachable(f"Docker at {self.address} did not answer within {seconds:g} s", _STATUS) from error
        told = error.strerror or str(error) or type(error).__name__
        raise Unreachable(f"Docker at {self.address} cannot be reached: {told}", _STATUS) from error
