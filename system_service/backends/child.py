"""One short-lived child process, run with a deadline. Knows no program and maps no error.

Not `subprocess`: a command that looks would pay for its import, some 5 % of what `import click` costs.
"""

from __future__ import annotations

import os
import select
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CHECK = 100  # milliseconds between two questions to `check`
# Python ignores these two, and an executor may have others blocked: a child starts with what a shell would give it.
_DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM)


class Ended:
    """`code`: the exit code, minus the signal's number if one ended it, None when the time limit came first.

    `out` and `err` are text (bytes that are not UTF-8 appear as backslash escapes), `cut` says that one of them was
    longer than the limit.
    """

    __slots__ = ("code", "cut", "err", "out")

    def __init__(self, code: int | None, out: str, err: str, cut: bool) -> None:
        self.code, self.out, self.err, self.cut = code, out, err, cut


def run(
    argv: list[str],
    timeout: float,
    *,
    env: Mapping[str, str] | None = None,
    limit: int = 16 << 20,
    check: Callable[[], None] | None = None,
    grace: float = 0.0,
    keep: int = -1,
) -> Ended:
    """Run a program found through PATH; `timeout` in seconds, `limit` in bytes kept of each of its outputs.

    It gets a session of its own, so that Ctrl-C on the terminal reaches us and not it, and no input. When the time is
    over it, and nothing but it, is killed; so too when `check`, called every now and then, raises. With `grace` it gets
    SIGTERM first, and that many seconds to end. `env` is added to the environment. `keep` is a descriptor that it gets
    as 3: a lock, which then lives as long as either of us.

    Raises:
        OSError: it could not be started.
    """
    deadline = time.monotonic() + timeout
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    kept = {out_read: bytearray(), err_read: bytearray()}
    try:
        try:
            pid = os.posix_spawnp(
                argv[0],
                argv,
                {**os.environ, **(env or {})},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, out_write, 1),
                    (os.POSIX_SPAWN_DUP2, err_write, 2),
                    *([(os.POSIX_SPAWN_DUP2, keep, 3)] if keep != -1 else []),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULTS,
            )
        finally:
            os.close(out_write)
            os.close(err_write)
        code, cut = _collect(pid, kept, deadline, limit, check, grace)
    finally:
        os.close(out_read)
        os.close(err_read)
    return Ended(code, _text(kept[out_read]), _text(kept[err_read]), cut)


def _collect(
    pid: int,
    kept: dict[int, bytearray],
    deadline: float,
    limit: int,
    check: Callable[[], None] | None,
    grace: float,
) -> tuple[int | None, bool]:
    """Read until the child ends. Whatever happens here, the child is gone and reaped afterwards."""
    # Its own end counts, not that of its pipes: a grandchild may hold them for longer, or itself have closed them.
    poll = select.poll()
    ended = cut = False
    try:
        end = os.pidfd_open(pid)
        poll.register(end, select.POLLIN)
    except ProcessLookupError:  # whoever started us ignores SIGCHLD, and it has ended already
        end, ended = -1, True
    except OSError:  # no descriptor left: nobody would hear of its end
        os.kill(pid, signal.SIGKILL)
        _reap(pid)
        raise
    for descriptor in kept:
        os.set_blocking(descriptor, False)
        poll.register(descriptor, select.POLLIN)
    try:
        while not ended and (left := deadline - time.monotonic()) > 0:
            if check:
                check()
            for descriptor, _ in poll.poll(min(left * 1000, _CHECK) if check else left * 1000):
                if descriptor == end:
                    ended = True
                    continue
                more, longer = _drain(descriptor, kept[descriptor], limit)
                cut |= longer
                if not more:
                    poll.unregister(descriptor)
        for descriptor in kept:  # what it wrote just before its end
            cut |= _drain(descriptor, kept[descriptor], limit)[1]
    finally:
        if end != -1:
            if not ended:
                _end(end, grace)
            os.close(end)
        code = _reap(pid)
    return code if ended else None, cut


def _end(child: int, grace: float) -> None:
    """End the child of this pidfd."""
    try:
        if grace:
            signal.pidfd_send_signal(child, signal.SIGTERM)
            poll = select.poll()
            poll.register(child, select.POLLIN)
            poll.poll(grace * 1000)
        signal.pidfd_send_signal(child, signal.SIGKILL)
    except ProcessLookupError:  # it has ended, and whoever started us ignores SIGCHLD
        pass


def _drain(descriptor: int, kept: bytearray, limit: int) -> tuple[bool, bool]:
    """Read what is there, at most `limit` bytes of it: (more may come, something was thrown away)."""
    cut = False
    for _ in range(1 + limit // 65536):
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return True, cut
        if not data:
            return False, cut
        room = limit - len(kept)
        kept += data[:room]
        cut |= len(data) > room
    return True, cut


def _reap(pid: int) -> int:
    """The exit code of a child that has ended, or is about to."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:  # SIGCHLD is ignored: its code is lost, it counts as 0
        return 0
    return os.waitstatus_to_exitcode(status)


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "backslashreplace")
