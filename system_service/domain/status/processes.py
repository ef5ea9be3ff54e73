"""Which critical processes of a running container do not run: one call a container, once its list is known."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable

from system_service.domain.status.cache import Kept
from system_service.domain.switch import Switch
from system_service.errors import Failed, TimedOut, Unreachable
from system_service.model.critical import COLUMNS, FOLDER, LIST, Processes, missing, parse_list, processes
from system_service.model.feature import Owner
from system_service.model.snapshot import Container, FeatureState

# Seconds that supervisord has to bring its programs up, from the container's start or the opening of its gate.
STARTUP = 20.0
_MOST = 1 << 16


class Alive:
    """Looks at one moment. Every method may raise what Docker raises."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._docker = switch.docker
        self._kept = Kept(switch.run_dir)
        self._now = time.time()

    def dead(self, feature: FeatureState, container: Container, owner: Owner) -> tuple[str, ...] | None:
        """The critical processes that do not run; None when the container does not either (any more)."""
        shown = processes(self._docker.top(container.id, COLUMNS) or [])
        if shown is None:
            return None
        # A pod may have waited at its gate for long before its programs were allowed to start.
        opened = feature.own.took(Owner.KUBE) if owner is Owner.KUBE else 0.0
        if shown.age < STARTUP or 0 <= self._now - opened < STARTUP:
            return ()
        return missing(listed(self._switch, container, shown), shown.programs)

    def forget_all_but(self, containers: Iterable[Container]) -> None:
        """Lists are kept no longer than their containers."""
        self._kept.sweep(container.id for container in containers)


def listed(switch: Switch, container: Container, shown: Processes) -> tuple[str, ...]:
    """The container's critical processes, by its list, which is read once in its life; without one it has none."""
    kept = Kept(switch.run_dir)
    found = kept.get(container.id, shown.pid, shown.age)
    if found is None:
        found = _list(switch, container)
        kept.put(container.id, shown.pid, shown.age, found)
    return found


def _list(switch: Switch, container: Container) -> tuple[str, ...]:
    """Asks for the one file; for the folder, which may hold anything, only where a group is to be looked up there.

    Raises Failed whatever it is that keeps the file from being read: it is this container's, and no other's.
    """
    texts = list(_files(switch, container, f"{FOLDER}/{LIST}").values())
    text = "\n".join(texts)
    if not any(line.strip().startswith("group:") for line in text.splitlines()):
        return parse_list(text)
    files = _files(switch, container, FOLDER)
    return parse_list(text, [content for name, content in files.items() if name.endswith(".conf")])


def _files(switch: Switch, container: Container, path: str) -> dict[str, str]:
    """The files at or below this path by their names; none when there is no such path."""
    import tarfile  # once in a container's life

    files: dict[str, str] = {}
    try:
        archive = switch.docker.archive(container.id, path)
        if archive is None:
            return files
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                if member.isreg() and (opened := tar.extractfile(member)) is not None:
                    files[member.name] = opened.read(_MOST).decode("utf-8", "replace")
    except (Failed, TimedOut, Unreachable, tarfile.TarError, ValueError) as error:
        name = container.name or container.id[:12]
        raise Failed(f"{path} of container {name} cannot be read: {error}", f"docker cp {name}:{path} -") from error
    return files
