"""A way into a room from outside: a local port whose connections end at one of the room's."""

from __future__ import annotations

import contextlib
import socket
import threading

from sandbox.room import Room


class Forward:
    """Listens from creation to close(); a context manager. `port` is the local one."""

    def __init__(self, room: Room, port: int) -> None:
        self._room, self._inside = room, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                outside, _ = self._listener.accept()
            except OSError:
                return
            try:
                inside = self._room.connect(self._inside)
            except OSError:
                outside.close()
                continue
            inside.settimeout(None)
            self._sockets += [outside, inside]
            for source, target in ((outside, inside), (inside, outside)):
                self._threads.append(threading.Thread(target=_pump, args=(source, target)))
                self._threads[-1].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(timeout=10)

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
