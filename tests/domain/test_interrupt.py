"""Signals while a command acts: remembered, the first one counts, and the former handlers come back."""

from __future__ import annotations

import os
import signal

import pytest

from system_service.domain.interrupt import deferred
from system_service.errors import Interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_remembered_until_asked(number):
    with deferred() as interrupts:
        interrupts.check()
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGINT)  # the first one counts
        for _ in range(2):
            with pytest.raises(Interrupted, match=f"interrupted by {number.name}") as caught:
                interrupts.check()
            assert caught.value.exit_code == 128 + number
            assert caught.value.resolution


def test_the_former_handlers_come_back_whatever_happens():
    caught = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))

    def body():
        with deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            body()
        assert caught == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert caught == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, former)
