"""The one cache folder: what is in it and where. `make clean` removes it."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """The cache folder, made when it is not there."""
    parent = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(parent) / "sonic-system-service"
    path.mkdir(parents=True, exist_ok=True)
    return path


def wheels() -> Path:
    """Wheels of the package's dependencies in the switch's versions (setup.sh fetches them)."""
    return folder() / "wheels"
