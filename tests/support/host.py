"""A host with `show` and `config` of its own, into which the wheel was installed by pip, as on a switch.

The host's command line is the sandbox switch's (sandbox/host); click and hiredis are those of the tests' interpreter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import hiredis
import pytest

from sandbox import wheel
from sandbox.images import HOST
from sandbox.processes import run

SITE = HOST / "usr/local/lib/python3.11/dist-packages"
PROGRAMS = HOST / "usr/local/bin"
PLUGIN = "sonic_system_service.py"


class Host:
    """`site` is where its packages are, ours among them; `bin` where its programs are."""

    def __init__(self, folder: Path) -> None:
        run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        self.bin = folder / "bin"
        (self.site,) = folder.glob("lib/python*/site-packages")
        # What a switch has besides. Nothing else of the interpreter that runs the tests is seen, ourselves above all.
        for package in (click, hiredis):
            assert package.__file__ is not None
            found = Path(package.__file__).parent
            (self.site / found.name).symlink_to(found)
        shutil.copytree(SITE, self.site, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    def pip(self, *words: str) -> None:
        run([sys.executable, "-m", "pip", "--quiet", "--python", str(self.bin / "python"), *words], timeout=120)

    def files(self) -> set[str]:
        """Every file below `site`, what Python compiled left out."""
        found = (path.relative_to(self.site) for path in self.site.rglob("*") if path.is_file())
        return {str(path) for path in found if path.suffix != ".pyc"}

    def argv(self, program: str, *words: str) -> list[str]:
        """`show ...` or `config ...` as this host runs it."""
        return [str(self.bin / "python"), str(PROGRAMS / program), *words]

    def run(self, program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}:{environment.pop('PATH', os.environ['PATH'])}"
        return subprocess.run(
            self.argv(program, *words),
            env={**os.environ, "PATH": path, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def variant(self, folder: Path) -> Path:
        """Another host in `folder`, in front of this one when it is its PYTHONPATH; our plugins are in it."""
        shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for program in ("show", "config"):
            shutil.copy(self.site / program / "plugins" / PLUGIN, folder / program / "plugins")
        return folder


@pytest.fixture(scope="session")
def bare_host() -> Iterator[Host]:
    """A host without us; leave it as it is."""
    with tempfile.TemporaryDirectory(prefix="host") as folder:
        yield Host(Path(folder) / "bare")


@pytest.fixture(scope="session")
def built_wheel() -> Iterator[str]:
    """The path of our wheel."""
    with tempfile.TemporaryDirectory(prefix="wheel") as folder:
        (path,) = wheel.build(Path(folder)).glob("sonic_system_service-*.whl")
        yield str(path)


@pytest.fixture(scope="session")
def host(built_wheel: str) -> Iterator[Host]:
    """A host with us; leave it as it is."""
    with tempfile.TemporaryDirectory(prefix="host") as folder:
        made = Host(Path(folder) / "host")
        made.pip("install", "--no-index", "--no-deps", built_wheel)
        yield made
