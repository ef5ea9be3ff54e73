"""What units and scripts ask of one container: start, stop, kill, id, state. Works before Redis does.

Docker's answer decides the outcome. STATE_DB is told what the host's own script would tell it, and only on an image
whose FEATURE rows know owners; a database that is down is no reason to fail a unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from system_service.backends.engine import Engine
from system_service.backends.switchdb import SwitchDB
from system_service.errors import Failed, SwitchError, UnknownFeature, Unreachable
from system_service.model.feature import Feature, Mode, parse_feature, stop_timeout, valid_name
from system_service.model.naming import feature_of_container
from system_service.model.snapshot import Run
from system_service.model.state_row import host_time, local_down, local_up


@dataclass(frozen=True)
class Contained:
    """One container by its docker name (`snmp`, `swss0`), with its feature as far as Redis could tell."""

    name: str
    engine: Engine
    db: SwitchDB | None
    feature: Feature | None
    namespace: str = ""
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, name: str) -> Contained:
        """Raises UnknownFeature for a name that cannot be a container's; a database that is down is a warning."""
        if not valid_name(name):
            raise UnknownFeature(f"there is no container {name!r}", "docker ps -a")
        engine = Engine.from_env()
        try:
            db = SwitchDB.from_config()
            stem, namespace = feature_of_container(name, db.namespaces)
            (row,) = db.rows(("CONFIG_DB", f"FEATURE|{stem}"), namespace=namespace)
        except SwitchError as error:
            return cls(name, engine, None, None, warnings=[str(error)])
        return cls(name, engine, db, parse_feature(stem, row) if row else None, namespace)

    def start(self) -> bool:
        """Start the local container; False when it is left to `wait` (kubernetes wanted, no fallback).

        Raises UnknownFeature (no such container), Failed, Unreachable, NotPermitted: Docker's answer.
        """
        if self.feature and self.feature.mode is Mode.KUBERNETES and not self.feature.fallback:
            return False
        # The intent is recorded first, as the host's script does: a start that is cut off is then still to be done.
        self._record(local_up(self.name, host_time()))
        try:
            self.engine.start(self.name)
        except Failed:
            container = self.engine.find(self.name)
            if container is None or container.run is not Run.PAUSED:
                raise
            self.engine.unpause(self.name)
        return True

    def stop(self, timeout: int | None) -> None:
        """Stop it, with `timeout` seconds until it is killed (default: the feature's). Raises as `start`."""
        name = self.feature.name if self.feature else self.name
        self.engine.stop(self.name, stop_timeout(name) if timeout is None else timeout)
        self._record(local_down(host_time()))

    def kill(self) -> None:
        """Kill it at once; a stopped one is left alone. Raises as `start`."""
        self.engine.kill(self.name)

    def record(self, fields: dict[str, str]) -> bool:
        """Write STATE_DB fields for a container that reports itself; False where the image has no such fields.

        Raises UnknownFeature when it has no FEATURE row, Unreachable when STATE_DB was not told: here that is all there
        was to do.
        """
        if self.db is not None and self.feature is None:
            raise UnknownFeature(f"there is no feature for container {self.name}", "system service list")
        told = self._record(fields)
        if self.warnings:
            raise Unreachable("; ".join(self.warnings), "systemctl status database")
        return told

    def _record(self, fields: dict[str, str]) -> bool:
        if self.db is None or self.feature is None or not self.feature.knows_owner:
            return False
        try:
            self.db.write("STATE_DB", f"FEATURE|{self.feature.name}", fields, namespace=self.namespace)
        except SwitchError as error:
            self.warnings.append(str(error))
            return False
        return True
