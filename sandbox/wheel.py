"""Our package as a wheel, built from the working tree without leaving anything in it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.processes import run

SOURCE = Path(__file__).resolve().parent.parent
PARTS = ("show_kube", "config_kube", "system_service", "share", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def build(base: Path, change: Callable[[Path], object] = lambda source: None) -> Path:
    """Build below `base`; the folder with the wheel in it. SandboxError when the build fails.

    `change`: what is done to the copy of the tree before.
    """
    source, wheels = base / "source", base / "wheels"
    source.mkdir()
    for part in PARTS:
        origin = SOURCE / part
        if origin.is_dir():
            shutil.copytree(origin, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif origin.exists():
            shutil.copy(origin, source / part)
    change(source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    run([*command, "-w", str(wheels), str(source)], timeout=120)
    return wheels
