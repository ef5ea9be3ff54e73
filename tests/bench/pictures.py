"""`make pictures`: what README and docs/bench.md show, drawn from what a sandbox switch did while this ran.

Who ran snmp, and what an SNMP client lost, while it moved to a pod, to the pod's next version, and home; a terminal
session; and the figures of docs/bench-history.json.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sandbox import images
from sandbox.poller import Poller
from sandbox.processes import wait_until
from sandbox.switch import Switch
from tests.bench import svg
from tests.bench.outage import Moves
from tests.support.owners import PROCESSES, containers_with

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
HISTORY = ROOT / "docs" / "bench-history.json"
_PACE = 0.05  # seconds between two looks at who runs it
_REST = 4.0  # seconds of peace between two scenes
_LOCAL = "local image"
T = TypeVar("T")
SESSION = (
    "system service list",
    "config feature mode snmp kubernetes",
    "show feature mode snmp",
    "config feature mode snmp legacy",
    "system service status snmp",
)


class Turns:
    """Looks who runs snmp from creation to `close`; a context manager. Moments are seconds since `begun`."""

    def __init__(self, switch: Switch, begun: float) -> None:
        self.found: list[svg.Turn] = []
        self._switch, self._begun = switch, begun
        self._names: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(_PACE):
            ids = containers_with(PROCESSES["snmp"], self._switch.base.name)
            now = time.monotonic() - self._begun
            for id in ids:
                last = self.found[-1] if self.found else None
                runner = self._runner(id)
                if last is not None and last.runner == runner and now - last.end < 5 * _PACE:
                    self.found[-1] = last._replace(end=now)
                else:
                    self.found.append(svg.Turn(now, now, runner))

    def _runner(self, id: str) -> str:
        if id not in self._names:
            shown = json.loads(self._switch.docker("inspect", id))[0]
            versions = [word for word in shown["Config"]["Env"] if word.startswith("IMAGE_VERSION=")]
            version = versions[0].partition("=")[2] if versions else ""
            self._names[id] = _LOCAL if shown["Name"] == "/snmp" else f"pod {version}"
        return self._names[id]

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def scene(switch: Switch, moves: Moves) -> svg.Scene:
    """To a pod, to its next version, and home."""
    begun = time.monotonic()
    typed: list[tuple[float, str]] = []
    v1, v2 = images.PUBLISHED

    def act(line: str) -> None:
        resting = time.monotonic() + _REST
        wait_until("a moment's peace", lambda: time.monotonic() > resting, timeout=60)
        typed.append((time.monotonic() - begun, line))

    with Poller(switch.engine) as client, Turns(switch, begun) as turns:
        client.steady()
        act("config feature mode snmp kubernetes")
        moves.to_kubernetes()
        client.steady()
        act(f"the Deployment's image becomes {v2}")
        moves.deploy(v2)
        wait_until("the new version", lambda: turns.found[-1].runner == f"pod {v2}", timeout=120)
        client.steady()
        act("config feature mode snmp legacy")
        moves.to_legacy()
        client.steady()
        act("")
        typed.pop()
        seconds = time.monotonic() - begun
        silences = client.record().silences()
    moves.deploy(v1)
    return svg.Scene(seconds, typed, turns.found, [(a - begun, b - begun) for a, b in silences])


def session(switch: Switch) -> list[svg.Said]:
    """What a terminal shows of an operator's minute."""
    found: list[svg.Said] = []
    begun = time.monotonic()
    for line in SESSION:
        found.append(svg.Said(time.monotonic() - begun, f"root@sonic:~# {line}", typed=True))
        done = switch.exec(shlex.split(line), timeout=200)
        moment = time.monotonic() - begun
        found += [svg.Said(moment, said) for said in (done.stdout + done.stderr).splitlines()]
    return found


def drawn(name: str, draw: Callable[[T, Mapping[str, str]], str], what: T) -> None:
    """Write one picture in both palettes."""
    for palette, colours in svg.PALETTES.items():
        text = draw(what, colours)
        (PICTURES / f"{name}-{palette}.svg").write_text(text, encoding="utf-8")


def main() -> int:
    PICTURES.mkdir(parents=True, exist_ok=True)
    rows = [(row["date"], row["figures"]) for row in json.loads(HISTORY.read_text(encoding="utf-8"))]
    drawn("history", svg.history, rows)
    if "--history" in sys.argv:
        return 0
    with Switch(restart_sec=2, say=lambda text: sys.stderr.write(f"sandbox: {text}\n")) as switch:
        moves = Moves(switch)
        drawn("handover", svg.handover, scene(switch, moves))
        drawn("session", svg.session, session(switch))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.SubprocessError as error:
        sys.exit(f"pictures: {error}")
