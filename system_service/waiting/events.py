"""Docker's events as one wait hears them, and its looks at the container."""

from __future__ import annotations

import json
import time

from system_service.waiting.reconnecting import Reconnecting
from system_service.wire import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from typing import Any

    from system_service.backends.docker import Docker

EVENTS = ["die", "stop", "start", "destroy"]
"""Of the local container."""
POD_EVENTS = [*EVENTS, "kill"]
"""Of pods' containers: whoever is told to end gets a signal first."""
_ENDS = ("2", "3", "15", "37")  # signals that images name to be ended by: SIGINT, SIGQUIT, SIGTERM, SIGRTMIN+3
_MOST_ENDED = 100
_MOST_BYTES = 1 << 20


class Events(Reconnecting):
    """Events of the container of this docker name, or, with `labels`, of all that carry them.

    Every method may raise what `Docker` raises.
    """

    def __init__(self, docker: Docker, container: str = "", labels: Sequence[str] = ()) -> None:
        super().__init__("Docker", most=2.0)
        self._docker = docker
        self._container = container
        self._labels = labels
        self._stream: socket.socket | None = None
        self._rest = b""
        self.ended: set[str] = set()  # ids (12 letters) of those that were told to end; whoever reads it empties it

    def open(self) -> None:
        """Subscribe. Ask read() once before the first wait: some may have come already."""
        self.close()
        which = {"label": list(self._labels)} if self._labels else {"container": [self._container]}
        events = POD_EVENTS if self._labels else EVENTS
        filters = json.dumps({"type": ["container"], **which, "event": events})
        # The daemon answers before it subscribes us: a second of the past closes that gap.
        since = int(time.time()) - 1
        self._stream, self._rest = self._docker.stream(f"/events?since={since}&filters={http.quote(filters)}")
        self._stream.setblocking(False)
        self.connected()

    def read(self) -> list[str]:
        """The actions (of EVENTS) that have arrived, without waiting."""
        if self._stream is None:
            return []
        ended = False
        while len(self._rest) < _MOST_BYTES:
            try:
                data = self._stream.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                raise self._docker.failure(error) from error
            if not data:
                ended = True
                break
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        actions = [action for line in lines if line.strip() and (action := self._action(line))]
        if ended and not actions:
            raise self._docker.hung_up()
        if len(self._rest) >= _MOST_BYTES:
            raise self._docker.nonsense("an event without an end")
        return actions

    def inspect(self) -> dict[str, Any] | None:
        """The container of exactly this name as Docker describes it; None when there is none."""
        return self._docker.inspect(self._container)

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
            action, about = str(event["Action"]), event["Actor"]["Attributes"]
            if action == "kill":
                if str(about.get("signal")) in _ENDS and len(self.ended) < _MOST_ENDED:
                    self.ended.add(str(event["Actor"]["ID"])[:12])
                return ""
            ours = bool(self._labels) or about["name"] == self._container
            return action if ours else ""
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise self._docker.nonsense("an event that is none") from error
