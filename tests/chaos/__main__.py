"""`make chaos`: an hour in which everything happens to a switch that has joined a cluster, drawn from a seed.

Operators, the cluster's owner and crashes take 1 to 4 steps; then all that was taken away is back, and what is wanted
and what is true have to agree. Never do two containers run a feature, never is a unit's start limit spent, and no
command ends in a way that is not documented. The same seed draws the same steps; how they meet is the machine's.

The clock does not step: the sandbox switch shares it with its machine (tests/waiter/clock.py has one of its own).
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence

from sandbox.kube import binaries
from sandbox.switch import Switch
from tests.chaos.run import Run, Tally
from tests.chaos.steps import bunches
from tests.chaos.world import FAILURES
from tests.support.switch import RESTART_SEC, missing_part

SEED = 20261124
SECONDS = 3600.0


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def chaos(run: Run, seed: int, seconds: float) -> None:
    """Bunches until the time is over."""
    over = time.monotonic() + seconds
    drawn = bunches(random.Random(seed))  # noqa: S311 - nothing secret
    while time.monotonic() < over:
        run.take(next(drawn))


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 nothing was found, 1 something was, or the run could not go on, 130 it was ended by Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args(arguments)
    if reason := missing_part() or binaries.missing():
        say(reason)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tally, code = Tally(), 0
    try:
        with Switch(restart_sec=RESTART_SEC, say=say) as switch, Run(switch, switch.join(), say) as run:
            try:
                chaos(run, options.seed, options.seconds)
                run.put_back()
            finally:
                tally = run.tally
    except KeyboardInterrupt:
        code = 130
    except FAILURES as error:
        say(f"the run cannot go on: {error}")
        code = 1
    sys.stdout.write(
        f"{tally.steps} steps, {tally.settlings} settlings, {tally.findings} findings (seed {options.seed})\n"
    )
    return 1 if tally.findings else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
