"""A server at the other end of a unix socket that says what it is given, and hangs up."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading


class Peer:
    """Answers every connection with `answer`, once the first bytes of a question have come. Lives with the process."""

    def __init__(self) -> None:
        self.answer = b""
        self._folder = tempfile.TemporaryDirectory(prefix="peer-")  # a unix socket's path must be short
        self.path = os.path.join(self._folder.name, "socket")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            line, _ = self._listener.accept()
            line.settimeout(5)
            with line, contextlib.suppress(OSError):
                line.recv(65536)
                line.sendall(self.answer)
