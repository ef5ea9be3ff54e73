"""`make bench`: times as ratios to `import click` in the same run, memory of `wait`, growth, the outage of a restart.

Everything is measured on the sandbox switch, whose parts are real. Prints a table, and writes it to docs/bench.md when
asked to (`--write`).
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import features, images
from sandbox.kube import binaries
from sandbox.switch import Switch
from tests.bench import plugins
from tests.bench.outage import GateShares, Moves, silence
from tests.bench.slow import SlowDocker
from tests.support.switch import CONFIG_DB, Witness, wait_until

PAGE = Path(__file__).parents[2] / "docs" / "bench.md"
TIMING = (Path(__file__).parent / "timing.py").read_text()
RUNS = 21
IDLE = 60.0  # seconds
OUTAGES = 3
HANDOVERS = 9
SLOW = 1.0  # seconds
GROWTH = (22, 100, 500)
CONTAINERS = 25
_IMAGE = images.feature_image(features.WITHOUT_UNIT)
# Runs the words after it as a command line of `system`, or nothing, and prints the KiB that are its own at the end.
_MEMORY = r"""
import contextlib, io, re, sys
import click
if sys.argv[1:]:
    from system_service.cli import main
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main()
print(re.search(r"Private_Dirty:\s*([0-9]+)", open("/proc/self/smaps_rollup").read())[1])
"""
# Runs them as well, and prints how often it spoke to Redis and to Docker, and how many programs it started.
_CALLS = r"""
import contextlib, io, json, socket, sys
spoken = {"redis": 0, "docker": 0, "programs": 0}
def watch(event, args):
    spoken["programs"] += event in ("os.posix_spawn", "subprocess.Popen", "os.fork")
class Counting(socket.socket):
    def count(self):
        spoken["docker" if "docker" in self.getpeername() else "redis"] += 1
    def send(self, *args):
        self.count()
        return super().send(*args)
    def sendall(self, *args):
        self.count()
        return super().sendall(*args)
socket.socket = Counting
sys.addaudithook(watch)
from system_service.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
print(json.dumps(spoken))
"""
# The bar each ratio is held to, where there is one.
COMMANDS: dict[str, tuple[list[str], float | None]] = {
    "show feature status": (["show-kube", "feature", "status"], 1.35),
    "show feature mode": (["show-kube", "feature", "mode"], None),
    "system service status": (["system", "service", "status"], 1.9),
    "system service list": (["system", "service", "list"], None),
    "system service check": (["system", "service", "check"], 1.9),
    "system service check --processes": (["system", "service", "check", "--processes"], None),
    "system service check snmp --processes": (["system", "service", "check", "snmp", "--processes"], None),
    "system container id snmp": (["system", "container", "id", "snmp"], 1.8),
    "system container start snmp (it runs)": (["system", "container", "start", "snmp"], 1.8),
}


def timed(switch: Switch, cases: dict[str, list[str]], runs: int = RUNS) -> dict[str, dict[str, Any]]:
    """Case -> ratio, low, high, median_ms; measured inside the switch, interleaved with the baseline."""
    wanted = json.dumps([{"name": name, "argv": argv} for name, argv in cases.items()])
    done = switch.exec(["/usr/bin/python3", "-", str(runs), wanted], stdin=TIMING, timeout=1200)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {row["name"]: row for row in json.loads(done.stdout)}


def fill(witness: Witness, count: int) -> None:
    """Bring the FEATURE table to `count` rows; what is added is enabled, and has neither unit nor container."""
    row = witness.row(CONFIG_DB, "FEATURE|snmp")
    have = 10
    for number in range(count - have):
        witness.write(CONFIG_DB, f"FEATURE|extra{number}", row)


def populate(switch: Switch) -> None:
    """Bring the engine to CONTAINERS containers: one for each feature that `fill` added, the others strangers."""
    have = len(switch.docker("ps", "--all", "--quiet").split())
    for number in range(CONTAINERS - have):
        switch.docker(
            "run", "--detach", "--name", f"extra{number}", "--net", "host", "--entrypoint", "sleep", _IMAGE, "1d"
        )


def checking(switch: Switch) -> list[str]:
    """What monit's call costs beside its time: memory, and questions to the other programs."""

    def own(*words: str) -> float:
        return int(switch.exec(["/usr/bin/python3", "-c", _MEMORY, *words]).stdout) / 1024

    least = statistics.median(own() for _ in range(5))
    lines = [
        f"| 22 features, {CONTAINERS} containers | private memory, MiB | to Redis | to Docker | programs started |"
    ]
    lines += ["|---|---|---|---|---|", f"| `import click` | {least:.1f} | | | |"]
    for words in (["service", "check"], ["service", "check", "--processes"]):
        memory = statistics.median(own(*words) for _ in range(5))
        spoken = json.loads(switch.exec(["/usr/bin/python3", "-c", _CALLS, *words]).stdout)
        counts = " | ".join(str(spoken[kind]) for kind in ("redis", "docker", "programs"))
        lines.append(f"| `system {' '.join(words)}` | {memory:.1f} | {counts} |")
    return lines


def commands(switch: Switch) -> list[str]:
    measured = timed(switch, {name: argv for name, (argv, _) in COMMANDS.items()})
    lines = ["| command, 22 features | ratio | min - max | bar |", "|---|---|---|---|"]
    for name, (_, bar) in COMMANDS.items():
        row = measured[name]
        lines.append(f"| `{name}` | {row['ratio']} | {row['low']} - {row['high']} | {f'<= {bar}' if bar else ''} |")
    return lines


def growth(switch: Switch, witness: Witness) -> list[str]:
    cases = {name: COMMANDS[name][0] for name in ("show feature status", "system service status")}
    found = {}
    for count in GROWTH:
        fill(witness, count)
        found[count] = timed(switch, cases, 11)
    lines = ["| features | " + " | ".join(f"`{name}`" for name in cases) + " |", "|---|---|---|"]
    for count in GROWTH:
        cells = []
        for name in cases:
            ratio = found[count][name]["ratio"]
            cells.append(f"{ratio} ({ratio / found[GROWTH[0]][name]['ratio']:.2f} x of {GROWTH[0]})")
        lines.append(f"| {count} | {' | '.join(cells)} |")
    return lines


def waiting(switch: Switch) -> list[str]:
    pid = switch.exec(["pgrep", "-f", r"waiter\.py snmp"]).stdout.split()[0]

    def switches() -> int:
        text = switch.exec(["cat", f"/proc/{pid}/status"]).stdout
        return sum(int(n) for n in re.findall(r"ctxt_switches:\s*(\d+)", text))

    before = switches()
    begun = os.times().elapsed
    wait_until("the idle time", lambda: os.times().elapsed - begun >= IDLE, timeout=IDLE + 30)
    woken = switches() - before
    rollup = switch.exec(["cat", f"/proc/{pid}/smaps_rollup"]).stdout
    found = re.search(r"Private_Dirty:\s*(\d+)", rollup)
    if found is None:
        raise RuntimeError(f"no memory figures of the waiter: {rollup}")
    return [
        "| `system container wait` | measured | bar |",
        "|---|---|---|",
        f"| private dirty memory | {int(found[1]) / 1024:.2f} MiB | <= 5 |",
        f"| context switches in {IDLE:.0f} idle seconds | {woken} | 0 |",
    ]


def outage(switch: Switch) -> list[str]:
    acts = {
        "`docker restart snmp`": lambda: switch.docker("restart", "snmp"),
        "`system service restart snmp`": lambda: switch.exec(
            ["system", "service", "restart", "snmp"]
        ).check_returncode(),
    }
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(OUTAGES):
        for name, act in acts.items():
            found[name].append(silence(switch, act))
    lines = ["| snmpd is silent during | median s | min - max |", "|---|---|---|"]
    for name, seconds in found.items():
        lines.append(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} - {max(seconds):.2f} |")
    plain, ours = (statistics.median(seconds) for seconds in found.values())
    lines.append(f"| difference (bar: <= 0.5) | {ours - plain:+.2f} | |")
    return lines


def handovers(switch: Switch) -> list[str]:
    """What an SNMP client sees of handovers, each compared with a restart of the same container in the same run."""
    moves = Moves(switch)
    found: dict[str, list[float]] = {}

    def measure(name: str, act: Callable[[], None]) -> None:
        moves.cluster.refresh()  # not in the measured time: what starts then takes snmpd's processor for a moment
        found.setdefault(name, []).append(silence(switch, act))

    with GateShares(switch) as gate:
        for _ in range(HANDOVERS):
            measure("`docker restart snmp`", moves.restart)
            measure("legacy to kubernetes", moves.to_kubernetes)
            measure("kubernetes to legacy", moves.to_legacy)
        shares = list(gate.found)
    with SlowDocker(switch, SLOW):
        for _ in range(OUTAGES):
            measure(f"legacy to kubernetes, Docker slow by {SLOW:g} s a call", moves.to_kubernetes)
            measure(f"kubernetes to legacy, Docker slow by {SLOW:g} s a call", moves.to_legacy)
    for _ in range(OUTAGES):
        measure("a move to an image that is missing", moves.to_a_missing_image)
        measure("API server killed, in legacy mode", moves.api_server_dies)
        measure("legacy to kubernetes, again", moves.to_kubernetes)
        measure("API server killed, in kubernetes mode", moves.api_server_dies)
        measure("kubernetes to legacy, API server dead", moves.home_without_api_server)
    return [
        *comparison(found, "`docker restart snmp`"),
        shown("of a move: from `ready` until the gate is open", shares),
    ]


def comparison(found: dict[str, list[float]], plain: str) -> list[str]:
    """A table of silences (seconds); the last column says by how much they are longer than those of `plain`."""
    usual = statistics.median(found[plain])
    lines = [
        "| snmpd is silent during | runs | median s | min - max | more than docker restart: median (bar), worst |",
        "|---|---|---|---|---|",
    ]
    for name, seconds in found.items():
        bars = (3.0, 3.0) if "slow" in name else (0.2, 2.2)
        more = (statistics.median(seconds) - usual, max(seconds) - usual)
        told = ", ".join(f"{value:+.2f} (<= {bar:g})" for value, bar in zip(more, bars, strict=True))
        lines.append(shown(name, seconds, "" if name == plain else told))
    return lines


def shown(name: str, seconds: list[float], more: str = "") -> str:
    """A line of that table."""
    spread = f"{statistics.median(seconds):.2f} | {min(seconds):.2f} - {max(seconds):.2f}"
    return f"| {name} | {len(seconds)} | {spread} | {more} |"


def machine() -> str:
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), Linux {platform.release()}"


def main() -> None:
    with Switch(restart_sec=2, say=lambda text: sys.stderr.write(f"sandbox: {text}\n")) as switch:
        witness = Witness(switch)
        fill(witness, GROWTH[0])
        populate(switch)
        python = switch.exec(["/usr/bin/python3", "-c", "import sys; print(sys.version.split()[0])"]).stdout.strip()
        floor = timed(switch, {"floor": ["/usr/bin/python3", "-c", "import click"]})["floor"]["median_ms"]
        sections = [plugins.lines(), outage(switch), waiting(switch), checking(switch), commands(switch)]
        sections.append(growth(switch, witness))
        if not binaries.missing():
            sections.insert(0, handovers(switch))
    head = (
        f"Measured on {machine()}, Python {python} inside the sandbox switch, whole processes, {RUNS} interleaved "
        "pairs; "
        f"`python3 -c 'import click'` took {floor:.0f} ms (median). Ratios travel, milliseconds do not."
    )
    text = "\n\n".join([head, *("\n".join(lines) for lines in reversed(sections))])
    sys.stdout.write(f"{text}\n")
    if "--write" in sys.argv:
        above = PAGE.read_text(encoding="utf-8").partition("\nMeasured on ")[0]
        PAGE.write_text(f"{above}\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
