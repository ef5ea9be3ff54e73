"""Which critical processes of a running container do not run: one call a container, once its list is known."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable

from system_service.domain.kept import Kept
from system_service.domain.switch import Switch
from system_service.errors import Failed, UnknownFeature
from system_service.model.clock import host_seconds
from system_service.model.critical import COLUMNS, FOLDER, LIST, missing, parse_list, processes
from system_service.model.feature import Owner
from system_service.model.snapshot import Container, FeatureSeen

# Seconds that supervisord has to bring its programs up, from the container's start or the opening of its gate.
STARTUP = 20.0
_MOST = 1 << 16


class Alive:
    """Looks at one moment. Every method may raise what the engine raises."""

    def __init__(self, switch: Switch) -> None:
        self._engine = switch.engine
        self._kept = Kept(switch.run_dir)
        self._now = time.time()

    def dead(self, wanted: FeatureSeen, container: Container, owner: Owner) -> tuple[str, ...] | None:
        """The critical processes that do not run; None when the container does not either (any more)."""
        try:
            shown = processes(self._engine.top(container.id, COLUMNS))
        except UnknownFeature:
            return None
        except Failed as error:
            if "is not running" in str(error):
                return None
            raise
        if shown is None:
            return None
        # A pod may have waited at its gate for long before its programs were allowed to start.
        opened = host_seconds(wanted.state_row.get("update_time", "")) if owner is Owner.KUBE else 0.0
        if shown.age < STARTUP or 0 <= self._now - opened < STARTUP:
            return ()
        listed = self._kept.get(container.id, shown.pid, shown.age)
        if listed is None:
            listed = self._list(container)
            self._kept.put(container.id, shown.pid, shown.age, listed)
        return missing(listed, shown.programs)

    def forget_all_but(self, containers: Iterable[Container]) -> None:
        """Lists are kept no longer than their containers."""
        self._kept.sweep(container.id for container in containers)

    def _list(self, container: Container) -> tuple[str, ...]:
        """The container's list; a container without one has no critical processes."""
        archive = self._engine.archive(container.id, FOLDER)
        if archive is None:
            return ()
        import tarfile  # once in a container's life

        files: dict[str, str] = {}
        try:
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
                for member in tar:
                    if member.isreg() and (opened := tar.extractfile(member)) is not None:
                        files[member.name] = opened.read(_MOST).decode("utf-8", "replace")
        except (tarfile.TarError, ValueError) as error:
            name = container.name or container.id[:12]
            raise Failed(
                f"{FOLDER} of container {name} cannot be read: {error}", f"docker cp {name}:{FOLDER} -"
            ) from error
        lists = [text for name, text in files.items() if name.rpartition("/")[2] == LIST]
        return parse_list("\n".join(lists), [text for name, text in files.items() if name.endswith(".conf")])
