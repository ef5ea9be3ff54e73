"""`python -m tests.fleet [--switches N] [--outage SECONDS]`: exit code 0 when a fleet lets an API server come back.

Each switch has a label to send while the API server is away. Counted is what the API server itself has written down.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from sandbox.engine import Engine
from sandbox.kube.cluster import SERVER
from tests.fleet.fleet import FEATURE, Fleet, Simulated
from tests.fleet.server import Request, Server

MOST_A_SECOND, SERVED_WITHIN = 50, 300.0  # the bars; and none is told that there are too many
_THREADS = 48
_PATIENCE = 900.0  # seconds after its return for which it is gone on


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    parser.add_argument("--switches", type=int, default=1000)
    parser.add_argument("--outage", type=float, default=300.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    names = [f"switch{number:04}" for number in range(asked.switches)]
    engine = Engine()
    try:
        engine.base.chmod(0o755)
        engine.room.open()  # its network is all that is needed of it
        server = Server(engine, names)
        server.open()
        folder = engine.base / "switches"
        folder.mkdir()
        switches = [
            Simulated(folder / name, server.kubeconfig("none", SERVER, token=name), asked.seed * 1_000_000 + number)
            for number, name in enumerate(names)
        ]
        return _outage(server, switches, asked.outage)
    finally:
        engine.close()


def _outage(server: Server, switches: Sequence[Simulated], seconds: float) -> int:
    server.kill("kube-apiserver")
    _say(f"{len(switches)} switches; the API server is away for {seconds:g} s")
    fleet = Fleet(switches, _THREADS, server.engine.room.enter_network)
    try:
        fleet.run(until=time.monotonic() + seconds)
        tries = sum(switch.tries for switch in switches)
        _say(f"first tries, all at once: done in {fleet.began:.0f} s; {tries} tries in the outage")
        server.start("kube-apiserver")
        back = time.time()
        fleet.run(until=time.monotonic() + _PATIENCE)
        _say(f"no other try began more than {fleet.late:.1f} s late")
    finally:
        fleet.close()
    found = [request for request in server.requests() if request.moment >= back]
    labelled = server.labelled(f"{FEATURE}_enabled=true")
    return _judge(found, back, len(switches), fleet.unserved, labelled)


def _judge(found: Sequence[Request], back: float, switches: int, unserved: int, labelled: int) -> int:
    """Print the figures; 0 when no bar is missed."""
    served = {r.node: r.moment for r in found if r.verb == "patch" and r.code == 200}
    last = max(served.values(), default=back) - back
    busy, at = _peak([r.moment - back for r in found])
    refused = sum(r.code == 429 for r in found)
    calls = {verb: Counter(r.node for r in found if r.verb == verb) for verb in sorted({r.verb for r in found})}
    _say(f"requests after its return: {len(found)}")
    _say(f"in the busiest second, {at:.0f} s after its start: {busy} (bar: {MOST_A_SECOND})")
    _say(f"answered 429: {refused} (bar: 0); answers: {dict(Counter(r.code for r in found))}")
    _say(f"served: {len(served)} of {switches}, the last {last:.0f} s after its start (bar: {SERVED_WITHIN:g} s)")
    for verb, counted in calls.items():
        _say(f"{verb} of a switch: {sum(counted.values()) / switches:.2f} on average, at most {max(counted.values())}")
    good = busy <= MOST_A_SECOND and refused == 0 and last <= SERVED_WITHIN
    good = good and unserved == 0 and len(served) == labelled == switches
    _say("every bar is kept" if good else "a bar is missed")
    return 0 if good else 1


def _peak(moments: Sequence[float]) -> tuple[int, float]:
    """The most that came within any one second, and when it began."""
    most, at, first = 0, 0.0, 0
    for index, moment in enumerate(moments):
        while moment - moments[first] >= 1.0:
            first += 1
        if index - first + 1 > most:
            most, at = index - first + 1, moments[first]
    return most, at


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
