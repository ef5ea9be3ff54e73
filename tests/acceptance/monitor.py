"""A real monit on the switch, with the configuration that the switch prints, and what it says of itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

import pytest

from tests.acceptance.console import Console
from tests.support.switch import wait_until

_FOLDER = "/run/monit-test"
_UNIT = "monit-test"
# A cycle a second. The host's own entry, but for `repeat every 1 cycles`, which only the host's patched monit takes.
_SETTINGS = f"""\
set daemon 1
set log {_FOLDER}/log
set pidfile {_FOLDER}/pid
set idfile {_FOLDER}/id
set statefile {_FOLDER}/state
set httpd unixsocket {_FOLDER}/socket
    allow monit:monit
include {_FOLDER}/features

check program container_checker with path "/usr/bin/container_checker"
    if status != 0 for 5 times within 5 cycles then alert
"""
OK, FAILED = "OK", "Status failed"
CONTAINERS, PROCESSES, HOSTS = "feature_containers", "snmp_processes", "container_checker"


class Monit:
    """Runs from creation to `close`; a context manager. Its entries: all containers, snmp's processes, the host's own.

    `options`: words that `system service monit` is given.
    """

    def __init__(self, console: Console, options: str = "") -> None:
        self._console = console
        self._inside = ["nsenter", "--all", "--target", console.first_process("switch"), "env", "-i"]
        self._inside += ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"]
        lines = console.type(f"system service monit snmp {options}".strip())
        console.type(["mkdir", "-m", "700", _FOLDER])
        console.switch.write_file(f"{_FOLDER}/features", lines)
        console.switch.write_file(f"{_FOLDER}/rc", _SETTINGS)
        assert "syntax OK" in console.type(f"monit -t -c {_FOLDER}/rc")
        console.type(f"systemd-run --quiet --collect --unit {_UNIT} monit -I -c {_FOLDER}/rc")

    def type(self, words: Sequence[str]) -> str:
        """Run on the switch even while there is no engine; what it said."""
        command = self._console.switch.engine.room.argv([*self._inside, *words])
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    def entry(self, name: str) -> dict[str, str]:
        """What `monit status` tells of one of its entries; {} before it tells anything."""
        said = self.type(["monit", "-B", "-c", f"{_FOLDER}/rc", "status", name])
        found: dict[str, str] = {}
        key = ""
        for line in said.splitlines():
            if match := re.match(r"  (\S(?: ?\S)*)  +(.*)", line):
                key, found[match[1]] = match[1], match[2].strip()
            elif key == "last output" and line.strip():
                found[key] += f"\n{line.strip()}"
        return found

    def await_(self, name: str, status: str, *words: str, timeout: float = 30) -> None:
        """The entry gets this status, and these words are in its program's last output."""

        seen: dict[str, str] = {}

        def there() -> bool:
            seen.update(self.entry(name))
            told = seen.get("status") == status and (status != OK or seen.get("last exit value") == "0")
            return told and all(word in seen.get("last output", "") for word in words)

        try:
            wait_until(f"{name} is {status} in monit, and says {words}", there, timeout)
        except pytest.fail.Exception as late:
            pytest.fail(f"{late}; monit says {seen}")

    def failures(self, since: int = 0) -> list[str]:
        """The failed cycles of all entries, with what was said; those after the first `since`.

        Of an entry that never was in alarm monit's log has each one, and later those in alarm alone.
        """
        lines = self.type(["cat", f"{_FOLDER}/log"]).splitlines()
        return [line for line in lines if "status failed" in line][since:]

    def cycles(self, count: int = 3) -> None:
        """Wait until monit has looked at its last entry so many times more."""
        for _ in range(count):
            seen = self.entry(HOSTS).get("data collected")
            wait_until("a cycle of monit", lambda seen=seen: self.entry(HOSTS).get("data collected") != seen)

    def close(self) -> None:
        self.type(["systemctl", "stop", _UNIT])
        self.type(["rm", "-rf", _FOLDER])

    def __enter__(self) -> Monit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
