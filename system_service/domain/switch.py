"""The switch as one object: its three backends, opened lazily. The one place that puts them together."""

from __future__ import annotations

import os
from dataclasses import dataclass

from system_service.backends.engine import Engine
from system_service.backends.switchdb import SwitchDB
from system_service.backends.units import Units

RUN_DIR = "/run/sonic-system-service"


@dataclass(frozen=True)
class Switch:
    """`run_dir` holds the lock files (made by tmpfiles.d on a switch)."""

    db: SwitchDB
    engine: Engine
    units: Units
    run_dir: str = RUN_DIR

    @classmethod
    def from_env(cls) -> Switch:
        """The switch that the environment names (docs/settings.md).

        Raises:
            Unreachable: the database configuration is missing or malformed.
            NotPermitted: it may not be read.
        """
        return cls(
            SwitchDB.from_config(),
            Engine.from_env(),
            Units(),
            os.environ.get("SYSTEM_SERVICE_RUN_DIR", RUN_DIR),
        )
