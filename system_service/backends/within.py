"""A question to a server, with a limit for the whole of it: a socket's own is for each of its pieces."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

_CHECK = 0.1  # seconds between two questions to `check`
_Answer = TypeVar("_Answer")


def within(timeout: float, ask: Callable[[], _Answer], check: Callable[[], None] = lambda: None) -> _Answer:
    """What `ask` returns, or raises, within `timeout` seconds; `check`, called every now and then, may raise.

    A thread asks, and is left behind when it takes too long. Raises TimeoutError.
    """
    answers: list[_Answer] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
            failures.append(error)

    deadline = time.monotonic() + timeout
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive() and (left := deadline - time.monotonic()) > 0:
        check()
        thread.join(min(left, _CHECK))
    if failures:
        raise failures[0]
    if not answers:
        raise TimeoutError("timed out")
    return answers[0]
