"""Sees to it that a fuzzed process opens for writing, runs and speaks to nothing but what its inputs may."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(("os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"))
_PROGRAMS = frozenset(("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"))
_DEVICES = (os.devnull, "/dev/log", "/proc/self/fd/", "/proc/thread-self/")


class Watch:
    """From creation to the end of the process: what is forbidden fails with PermissionError, and stands in `found`.

    Allowed is what lies below the folder for temporary files and, of sockets, those of this machine that are there or
    at port 1, where nobody is.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._folders = (os.path.realpath(tempfile.gettempdir()) + os.sep, *_DEVICES)
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITES and isinstance(path, (str, bytes)):
                self._judge(event, path)
        elif event in _CHANGES:
            for path in args[:2]:
                if isinstance(path, (str, bytes)):
                    self._judge(event, os.path.join(_folder(args[-1]), os.fsdecode(path)))
        elif event in _PROGRAMS:
            self._refuse(f"{event} {args[0]!r}")
        elif event == "socket.connect":
            self._judge_peer(args[0], args[1])

    def _judge(self, event: str, path: str | bytes) -> None:
        whole = os.path.abspath(os.fsdecode(path))
        if not (whole + os.sep).startswith(self._folders):
            self._refuse(f"{event} {whole}")

    def _judge_peer(self, connection: socket.socket, address: Any) -> None:
        if connection.family == socket.AF_UNIX:
            self._judge("socket.connect", address)
        elif address[:2] != ("127.0.0.1", 1):
            self._refuse(f"socket.connect {address!r}")

    def _refuse(self, what: str) -> None:
        self.found.append(what)
        raise PermissionError(f"not asked for: {what}")


def _folder(descriptor: object) -> str:
    """Where the path of a change begins, by the last argument of all those events; "": at the working directory."""
    return os.readlink(f"/proc/self/fd/{descriptor}") if isinstance(descriptor, int) and descriptor > 2 else ""
