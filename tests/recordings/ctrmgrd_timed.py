"""python ctrmgrd_timed.py PORT REDIS ROOT NAME: the stand-in for ctrmgrd (in PYTHONPATH), its clock somebody else's.

What time it is, and whether anything comes while it waits, is asked on a TCP port, a line each: `now` is answered by
the seconds, `wait SECONDS` (`wait None`: for ever) by `pass` when they have passed and by `look` when there may be
something to read. So a replay waits for nothing, and the machine's speed plays no part.

A connection to any address goes to the port whose number is in ROOT/server; without that file no address is reached.
"""

import contextlib
import errno
import os
import select
import socket
import sys

from ctrmgrd.daemon import Daemon

connect = socket.create_connection


class Clock:
    """A daemon's clock (sandbox/ctrmgrd/daemon.py)."""

    def __init__(self, port):
        self._link = connect(("127.0.0.1", port))
        self._answers = self._link.makefile()

    def now(self):
        return float(self._ask("now"))

    def wait(self, link, seconds):
        while not select.select([link], [], [], 0)[0]:
            if self._ask(f"wait {seconds}") == "pass":
                return False
        return True

    def _ask(self, line):
        self._link.sendall(f"{line}\n".encode())
        if not (answer := self._answers.readline()):
            sys.exit("the clock is gone")
        return answer.strip()


def main(port, redis, root, name):
    def elsewhere(address, *others, **named):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(root, "server"), encoding="utf-8") as file:
            return connect(("127.0.0.1", int(file.read())), *others, **named)
        raise OSError(errno.ENETUNREACH, f"{os.strerror(errno.ENETUNREACH)}: {address}")

    socket.create_connection = elsewhere
    Daemon(redis, root, name, Clock(port)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
