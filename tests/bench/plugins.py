"""What the wheel adds to a `show` that has nothing to do with it: the same host with and without, in turn.

And the plugin by itself, imported and registered in a fresh interpreter that has click. All in processor time: the
difference of two whole processes by the clock is lost in what else the machine does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox import wheel
from tests.support.host import Host

PAIRS = 201
RUNS = 51
BAR = 2.0  # milliseconds
_REGISTER = """
import contextlib, time, click, show.plugins
host = click.Group("show")
for name in ("feature", "kubernetes"):
    host.add_command(click.Group(name))
begun = time.process_time()
import show.plugins.sonic_system_service
show.plugins.sonic_system_service.register(host)
print((time.process_time() - begun) * 1000)
"""


def _processor_time(argv: list[str]) -> float:
    """Seconds of one whole process, output thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    _, status, used = os.wait4(pid, 0)
    os.close(null)
    if status:
        raise RuntimeError(f"{argv} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


def added(bare: Host, ours: Host, pairs: int = PAIRS) -> list[float]:
    """Milliseconds that `show version` takes longer with the wheel installed, pair by pair."""
    commands = [host.argv("show", "version") for host in (bare, ours)]
    for command in commands * 2:  # compiles, and warms the caches
        _processor_time(command)
    # Which of the two comes first alternates: the second would always find the warmer processor.
    found = []
    for turn in range(pairs):
        first, second = (_processor_time(command) for command in (commands if turn % 2 else commands[::-1]))
        found.append((second - first) * (1000 if turn % 2 else -1000))
    return found


def registering(host: Host, runs: int = RUNS) -> list[float]:
    """Milliseconds that the plugin of `show` takes to be imported and registered."""
    command = [str(host.bin / "python"), "-P", "-c", _REGISTER]  # -P: nothing from the folder we are in
    return [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(runs)]


def lines() -> list[str]:
    """The table for docs/bench.md."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        base = Path(folder)
        (built,) = wheel.build(base).glob("sonic_system_service-*.whl")
        bare, ours = Host(base / "bare"), Host(base / "ours")
        ours.pip("install", "--no-index", "--no-deps", str(built))
        measured = {
            "`show version` with the wheel installed, more": added(bare, ours),
            "the plugin of `show`, imported and registered": registering(ours),
        }
    rows = ["| what the host's `show` pays | median ms | quartiles | bar |", "|---|---|---|---|"]
    for name, times in measured.items():
        low, middle, high = statistics.quantiles(times, n=4)
        rows.append(f"| {name} | {middle:.2f} | {low:.2f} - {high:.2f} | <= {BAR:g} |")
    return rows


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
