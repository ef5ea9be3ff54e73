"""A dockerd cut down to the few questions the waiter asks, told byte for byte what to answer.

tests/fakes/docker_server.py is the fake that behaves; this one misbehaves on cue. test_life.py has the real daemon.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading

EVENTS_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"


class Daemon:
    """Serves `container` (an inspect answer, or None) on a unix socket; its lists are empty.

    `connects` counts the requests for events, `lists` those for lists, `inspects` the others.

    `greeting` is sent on every new stream of events; `hangs_up` closes it right after; `status` other than 200 is what
    both questions are answered with.
    """

    def __init__(self, address: str, container: dict | None) -> None:
        self.address = address
        self.container = container
        self.greeting = b""
        self.hangs_up = False
        self.status = 200
        self.connects = 0
        self.inspects = 0
        self.lists = 0
        self.asked: list[str] = []
        self.streams: list[socket.socket] = []
        self.start()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.address)
        self._listener.listen()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="daemon", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """As a daemon that ends: the socket is gone, every stream is closed."""
        os.write(self._waker, b"x")
        self._thread.join()
        self._listener.close()
        os.unlink(self.address)
        self.hang_up()
        os.close(self._wake)
        os.close(self._waker)

    def hang_up(self) -> None:
        streams, self.streams = self.streams, []
        for stream in streams:
            stream.close()

    def emit(self, action: str, name: str = "snmp") -> None:
        self.send(event(action, name))

    def send(self, data: bytes) -> None:
        """To everybody who listens to events."""
        for stream in self.streams:
            with contextlib.suppress(OSError):
                stream.sendall(data)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._wake], [], [])
            if self._wake in ready:
                return
            connection, _ = self._listener.accept()
            with contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        asked = connection.recv(65536).decode().split("\r\n")[0]
        self.asked.append(asked)
        if "/events" in asked:
            self.connects += 1
            if self.status == 200:
                connection.sendall(EVENTS_HEAD + self.greeting)
                if self.hangs_up:
                    connection.close()
                else:
                    self.streams.append(connection)
                return
        elif "/containers/json" in asked:
            self.lists += 1
        else:
            self.inspects += 1
        body, status = b"<html>proxy</html>", self.status
        if status == 200:
            status = 200 if self.container else 404
            body = json.dumps(self.container or {"message": "No such container"}).encode()
            if "/containers/json" in asked:
                status, body = 200, b"[]"
        connection.sendall(b"HTTP/1.0 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        connection.close()


def event(action: str, name: str = "snmp") -> bytes:
    actor = {"ID": "c0ffee" * 10, "Attributes": {"name": name, "exitCode": "0"}}
    return json.dumps({"Type": "container", "Action": action, "Actor": actor}).encode() + b"\n"


def described(*, running: bool = True, name: str = "snmp", id: str = "c0ffee" * 10, exit_code: int = 0) -> dict:
    """An inspect answer."""
    return {
        "Id": id,
        "Name": f"/{name}",
        "State": {"Running": running, "ExitCode": exit_code},
        "Config": {"Env": ["PATH=/bin", "IMAGE_VERSION=20250510.16"]},
    }
