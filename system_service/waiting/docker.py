"""Docker as one container's wait sees it: the stream of its events, and a look whether it runs."""

from __future__ import annotations

import errno
import json
import os
import socket
import time

from system_service.errors import NotPermitted, SwitchError, Unreachable
from system_service.waiting.link import Link
from system_service.wire import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

DEFAULT_HOST = "unix:///var/run/docker.sock"
# Seconds. An inspect waits while the daemon starts or stops this very container.
TIMEOUT = 15.0
EVENTS = ["die", "stop", "start", "destroy"]
_MOST_BYTES = 1 << 20


class Docker(Link):
    """The engine at $DOCKER_HOST. Every method may raise Unreachable or NotPermitted; both name the address.

    Paths carry no API version: what is asked for here reads the same in all of them, and nothing is to be negotiated.
    """

    def __init__(self, container: str) -> None:
        super().__init__("dockerd", most=2.0)
        host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self._address = host.removeprefix("unix://")
        if self._address == host or not self._address.startswith("/"):
            raise Unreachable(f"DOCKER_HOST is {host}, and only unix:///PATH is spoken here", "unset DOCKER_HOST")
        self._container = container
        self._stream: socket.socket | None = None
        self._rest = b""

    def open(self) -> None:
        """Subscribe to the container's events. Ask read() once before the first wait: some may have come already."""
        self.close()
        filters = json.dumps({"type": ["container"], "container": [self._container], "event": EVENTS})
        # The daemon answers before it subscribes us: a second of the past closes that gap.
        since = int(time.time()) - 1
        try:
            self._stream, self._rest = http.stream(
                self._address, f"/events?since={since}&filters={http.quote(filters)}", timeout=TIMEOUT
            )
        except (OSError, http.HTTPError) as error:
            _raise(self._address, error)
        self._stream.setblocking(False)
        self.connected()

    def read(self) -> list[str]:
        """The actions (of EVENTS) of this very container that have arrived, without waiting."""
        if self._stream is None:
            return []
        ended = False
        while len(self._rest) < _MOST_BYTES:
            try:
                data = self._stream.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                _raise(self._address, error)
            if not data:
                ended = True
                break
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        actions = [action for line in lines if line.strip() and (action := self._action(line))]
        if ended and not actions:
            raise Unreachable(f"dockerd at {self._address} ended the stream of events")
        if len(self._rest) >= _MOST_BYTES:
            raise Unreachable(f"dockerd at {self._address} sends something that is no event")
        return actions

    def inspect(self) -> dict[str, Any] | None:
        """The container of exactly this name as Docker describes it; None when there is none."""
        try:
            answer = http.request(self._address, "GET", f"/containers/{self._container}/json", timeout=TIMEOUT)
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise http.HTTPError(f"it answered {answer.status}")
            found = json.loads(answer.body)
        except (OSError, http.HTTPError, ValueError, RecursionError) as error:
            _raise(self._address, error)
        if not isinstance(found, dict) or not isinstance(found.get("State"), dict):
            _raise(self._address, http.HTTPError("it described no container"))
        # Docker takes the beginning of an id for a name.
        return found if found.get("Name") == f"/{self._container}" else None

    def filenos(self) -> list[int]:
        return [self._stream.fileno()] if self._stream else []

    def close(self) -> None:
        if self._stream:
            self._stream.close()
        self._stream, self._rest = None, b""

    def _action(self, line: bytes) -> str:
        """What an event says happened; "" for another container: the daemon's filter takes `lldp` for `lldp2` too."""
        try:
            event = json.loads(line)
            ours = event["Actor"]["Attributes"]["name"] == self._container
            return str(event["Action"]) if ours else ""
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise Unreachable(f"dockerd at {self._address} sends something that is no event") from error


def _raise(address: str, error: Exception) -> NoReturn:
    found: SwitchError
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        found = NotPermitted(
            f"dockerd at {address} may not be asked", "run it as root (sudo), or as a member of the docker group"
        )
    else:
        told = error.strerror if isinstance(error, OSError) else ""
        found = Unreachable(f"dockerd at {address} cannot be reached ({told or error or type(error).__name__})")
    raise found from error
