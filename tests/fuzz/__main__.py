"""`python -m tests.fuzz [--seconds N] [NAME ...]`: an hour (or N seconds) of inputs, a fair share for each property.

Coverage tells which inputs are worth going on from (atheris, which `make fuzz` installs). What an input broke is
printed with the file that holds it; `python -m tests.fuzz --again FILE NAME` runs that one alone. Exit code 0 when
nothing broke.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HOUR = 3600
LONGEST = 25  # seconds for one input
MEMORY = 2048  # MiB
LARGEST = 4096  # bytes of an input
MODULES = [f"tests.fuzz.{found.name}" for found in pkgutil.iter_modules([str(Path(__file__).parent)])]
PACKAGES = ("config_kube", "show_kube", "system_service")
ELSEWHERE = ["tests.waiter.test_any_input"]
_INPUTS = re.compile(r"stat::number_of_executed_units: *(\d+)")
_REACHED = re.compile(r"cov: (\d+)")


def properties() -> dict[str, Callable[[bytes], object]]:
    """Every property there is, by module and name, as a function of an input's bytes."""
    found = {}
    for module in [name for name in MODULES if ".test_" in name] + ELSEWHERE:
        for name, test in vars(importlib.import_module(module)).items():
            if name.startswith("test_") and hasattr(test, "hypothesis"):
                found[f"{module.rpartition('.test_')[2]}.{name.removeprefix('test_')}"] = test.hypothesis.fuzz_one_input
    return found


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=HOUR, help="for all of them (default: an hour)")
    parser.add_argument("--again", metavar="FILE", help="the one input in this file")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", metavar="NAME", nargs="*", help="a property (default: all)")
    given = parser.parse_args(argv)
    os.environ["FUZZ_EXAMPLES"] = "1"  # of the settings, which are not what ends a run here
    if given.alone or given.again:
        return _alone(given.names[0], given.seconds, given.again)
    known = properties()
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"no such property: {' '.join(unknown)}; there are {' '.join(known)}")
    names = given.names or list(known)
    broken, inputs = 0, 0
    for name in names:
        failed, tried = _run(name, given.seconds / len(names))
        broken, inputs = broken + failed, inputs + tried
    _say(f"{len(names)} properties, {inputs} inputs, {broken} broken")
    return 1 if broken else 0


def _run(name: str, seconds: float) -> tuple[bool, int]:
    """One property in a process of its own, for this long: whether it broke, and the number of inputs."""
    argv = [sys.executable, "-m", "tests.fuzz", "--alone", "--seconds", f"{seconds:g}", name]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        apart = {
            "TMPDIR": folder,
            "SYSTEM_SERVICE_RUN_DIR": f"{folder}/run",
            "SYSTEM_SERVICE_UNIT_DIR": f"{folder}/units",
        }
        ended = subprocess.run(argv, capture_output=True, text=True, errors="replace", env={**os.environ, **apart})
    counted = _INPUTS.search(ended.stderr)
    reached = _REACHED.findall(ended.stderr)
    inputs = int(counted[1]) if counted else 0
    _say(f"{name}: {inputs} inputs, coverage {reached[-1] if reached else 0}, exit {ended.returncode}")
    failed = ended.returncode != 0 or not inputs
    if failed:
        told = (line for line in ended.stderr.splitlines() if not line.startswith(("INFO:", "WARNING:", "0x", "\\")))
        _say(f"{ended.stdout[-4000:]}\n{chr(10).join(told)[-4000:]}")
    return failed, inputs


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _alone(name: str, seconds: float, again: str | None) -> int:
    import atheris

    from tests.fuzz.watch import Watch

    with atheris.instrument_imports(include=list(PACKAGES)):
        for module in _modules():  # commands are imported when they are typed, and then it would be too late
            importlib.import_module(module)
        check = properties()[name]
    watch = Watch()

    def one(data: bytes) -> None:
        check(data)
        assert not watch.found, watch.found

    if again:
        one(Path(again).read_bytes())
        return 0
    # What breaks is kept where it is found again after the folder for temporary files has gone.
    options = [f"-max_total_time={max(1, int(seconds))}", f"-timeout={LONGEST}", f"-rss_limit_mb={MEMORY}"]
    options += [
        f"-max_len={LARGEST}",
        "-len_control=0",
        "-print_final_stats=1",
        f"-artifact_prefix={os.getcwd()}/broken-{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, _first_inputs()], one)
    atheris.Fuzz()
    return 0


def _modules() -> list[str]:
    """All of the product's that only define things."""
    folders = [(name, [str(Path(__file__).parents[2] / name)]) for name in PACKAGES]
    found = [module.name for name, paths in folders for module in pkgutil.walk_packages(paths, f"{name}.")]
    return [name for name in found if not name.endswith((".__main__", ".waiter")) and ".plugin." not in name]


def _first_inputs() -> str:
    """A folder of inputs to begin with: most short ones end before a property has drawn what it needs."""
    draws = random.Random(0)  # noqa: S311 - nothing secret
    folder = Path(tempfile.mkdtemp(prefix="inputs-"))
    for number in range(50):
        (folder / str(number)).write_bytes(draws.randbytes(draws.randrange(100, LARGEST)))
    return str(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
