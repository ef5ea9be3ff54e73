"""What somebody else does to a feature while a command watches it: then what is waited for does not come any more."""

from __future__ import annotations

import time

from system_service.domain.change.plan_mode import supervised
from system_service.errors import Busy, Failed, SwitchError
from system_service.model.snapshot import Active, FeatureState, Host

_DOWN = 2.0  # seconds that a unit may be down between two halves of a restart


class Meanwhile:
    """Remembers, from look to look, since when a feature is down. It was to run when the watch began."""

    def __init__(self) -> None:
        self._down: dict[str, float] = {}  # since when, of `time.monotonic()`

    def ended(self, host: Host, feature: FeatureState) -> SwitchError | None:
        """Why there is nothing to wait for any more, None: there is."""
        name = feature.spec.name
        if feature.spec.state.off:
            return Busy(f"{name} was disabled meanwhile", f"system service enable {name}")
        units = [instance.unit for instance in feature.instances if supervised(host, instance) and instance.unit]
        down = [unit for unit in units if unit.active in (Active.INACTIVE, Active.FAILED)]
        if not down:
            self._down.pop(name, None)
            return None
        now = time.monotonic()
        if now - self._down.setdefault(name, now) < _DOWN:
            return None
        failed = next((unit for unit in down if unit.active is Active.FAILED), None)
        if failed:
            return Failed(f"{failed.name} failed: {failed.result}", f"journalctl -u {failed.name}")
        return Busy(f"{name} was stopped meanwhile", f"system service start {name}")
