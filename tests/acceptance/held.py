"""Stages of a command that are held open for as long as a test looks at them, however slow the machine is.

A command that is typed with `environment` finds this systemctl first in its PATH. One call of it, when it is wanted,
waits before it does anything; what the test does meanwhile happens at that stage and at no other.
"""

from __future__ import annotations

import pytest

from tests.acceptance.console import Console, Typed
from tests.support.switch import wait_until

FOLDER = "/root/held"
# `at`: a number and the words; who meets them waits until they are others.
_SCRIPT = """#!/bin/sh
at=$(cat /root/held/at 2> /dev/null)
case "$*" in
    *"${at#* }"*)
        [ -z "$at" ] || echo $$ > "/root/held/${at%% *}"
        while [ -n "$at" ] && [ "$(cat /root/held/at)" = "$at" ]; do sleep 0.05; done ;;
esac
exec /usr/bin/systemctl "$@"
"""


class HeldSystemctl:
    """Up from creation to `close`; a context manager."""

    environment = f"env PATH={FOLDER}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    """What a command line begins with whose systemctl this one is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._holds = 0
        console.type(["mkdir", "-p", FOLDER])
        console.switch.write_file(f"{FOLDER}/systemctl", _SCRIPT, "755")
        self.release()

    def hold(self, call: str) -> None:
        """From now on a call with these words in it waits: `stop -- bgp.service`."""
        self._holds += 1
        self._write(f"{self._holds} {call}")

    def caught(self, command: Typed) -> None:
        """Wait until the command makes that call; then it is held. The test fails when it ends without."""
        shown = ["test", "-s", f"{FOLDER}/{self._holds}"]

        def there() -> bool:
            return self._console.switch.exec(shown).returncode == 0

        wait_until("the call that is to be held", lambda: there() or not command.alive(), 60)
        if not there():
            pytest.fail(f"{command.line} has ended without that call: {command.end(0)}")

    def drop(self) -> None:
        """The call that is held never happens."""
        self._console.type(["sh", "-c", f"kill -9 $(cat {FOLDER}/{self._holds})"])
        self.release()

    def release(self) -> None:
        """It goes on."""
        self._write("")

    def _write(self, text: str) -> None:
        command = 'printf "%s" "$0" > /root/held/new && mv /root/held/new /root/held/at'
        self._console.type(["sh", "-c", command, text])

    def close(self) -> None:
        self.release()
        self._console.type(["rm", "-r", FOLDER])

    def __enter__(self) -> HeldSystemctl:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
