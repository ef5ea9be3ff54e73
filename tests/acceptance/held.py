"""Stages of a command that are held open for as long as a test looks at them, however slow the machine is.

A command that is typed with `environment` finds this systemctl first in its PATH. One call of it, when it is wanted,
waits before it does anything; what the test does meanwhile happens at that stage and at no other.
"""

from __future__ import annotations

from tests.acceptance.console import Console
from tests.support.switch import wait_until

FOLDER = "/run/held"
_SCRIPT = """#!/bin/sh
case "$*" in
    *"$(cat /run/held/at 2> /dev/null || echo nothing)"*)
        echo $$ > /run/held/new && mv /run/held/new /run/held/here
        while [ -e /run/held/at ]; do sleep 0.05; done ;;
esac
exec /usr/bin/systemctl "$@"
"""


class HeldSystemctl:
    """Up from creation to `close`; a context manager."""

    environment = f"env PATH={FOLDER}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    """What a command line begins with whose systemctl this one is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        console.type(["mkdir", "-p", FOLDER])
        console.switch.write_file(f"{FOLDER}/systemctl", _SCRIPT, "755")

    def hold(self, call: str) -> None:
        """From now on the next call with these words in it waits: `stop -- bgp.service`."""
        self._console.type(["rm", "-f", f"{FOLDER}/here"])
        self._console.switch.write_file(f"{FOLDER}/at", call, "644")

    def caught(self) -> None:
        """Wait until somebody makes that call; then it is held."""
        shown = ["test", "-e", f"{FOLDER}/here"]
        wait_until("the call that is to be held", lambda: self._console.switch.exec(shown).returncode == 0, 60)

    def drop(self) -> None:
        """The call that is held never happens."""
        self._console.type(["sh", "-c", f"kill -9 $(cat {FOLDER}/here) && rm {FOLDER}/at"])

    def release(self) -> None:
        """It goes on."""
        self._console.type(["rm", "-f", f"{FOLDER}/at"])

    def close(self) -> None:
        self.release()
        self._console.type(["rm", "-r", FOLDER])

    def __enter__(self) -> HeldSystemctl:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
