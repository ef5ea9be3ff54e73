"""Whole-process times, as ratios to `python -c 'import click'` in the same run.

Stands alone, since it runs inside the switch:
python3 timing.py RUNS CASES: CASES as JSON, [{"name", "argv"}, ...]; prints [{"name", "ratio", "low", "high",
"median_ms"}, ...].
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time


def once(argv: list[str]) -> float:
    """Seconds of one whole process, output thrown away. Raises RuntimeError when it cannot be started."""
    null = os.open(os.devnull, os.O_RDWR)
    begun = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - begun
    os.close(null)
    if os.waitstatus_to_exitcode(status) == 127:
        raise RuntimeError(f"cannot run {argv}")
    return took


def compare(cases: list[dict[str, object]], runs: int, baseline: list[str]) -> list[dict[str, object]]:
    """Each case and the baseline in turn, `runs` times; ratios are pair by pair."""
    times: dict[str, list[float]] = {str(c["name"]): [] for c in cases}
    ratios: dict[str, list[float]] = {str(c["name"]): [] for c in cases}
    for turn in range(runs + 1):
        for case in cases:
            name, argv = str(case["name"]), [str(w) for w in case["argv"]]  # type: ignore[attr-defined]
            floor, took = once(baseline), once(argv)
            if turn:  # the first turn warms the caches
                times[name].append(took)
                ratios[name].append(took / floor)
    return [
        {
            "name": name,
            "ratio": round(statistics.median(found), 2),
            "low": round(min(found), 2),
            "high": round(max(found), 2),
            "median_ms": round(statistics.median(times[name]) * 1000, 1),
        }
        for name, found in ratios.items()
    ]


if __name__ == "__main__":
    json.dump(compare(json.loads(sys.argv[2]), int(sys.argv[1]), [sys.executable, "-c", "import click"]), sys.stdout)
