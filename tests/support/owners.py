"""Who really runs a feature's process, seen past Docker and Redis: in /proc, by the control groups of containers."""

from __future__ import annotations

import threading
import time
from pathlib import Path

PROCESSES = {"snmp": "snmpd", "lldp": "lldpd", "probe": "probe"}
_CGROUPS = Path("/sys/fs/cgroup")
_PACE = 0.02  # seconds between two looks; a look takes some milliseconds


class Owners:
    """Looks from creation to `close`, more than 20 times a second. A context manager.

    `room`: the name of the sandbox whose containers count; another sandbox on this machine has its own snmpd.
    `twice`: moments at which two containers had the process of one feature.
    """

    def __init__(self, room: str) -> None:
        self._room = room
        self.looks = 0
        self.twice: list[str] = []
        self.begun = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(_PACE):
            seen = _containers(set(PROCESSES.values()), self._room)
            for name, process in PROCESSES.items():
                found = seen[process]
                if len(found) > 1:
                    self.twice.append(f"{name} in {', '.join(sorted(found))} at {time.strftime('%H:%M:%S')}")
            self.looks += 1

    def rate(self) -> float:
        """Looks a second."""
        return self.looks / (time.monotonic() - self.begun)

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Owners:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def containers_with(process: str, room: str) -> set[str]:
    """Ids (12 letters) of the containers in this sandbox's room in which a living process has this name."""
    return _containers({process}, room)[process]


def _containers(processes: set[str], room: str) -> dict[str, set[str]]:
    """The same for several names, in one walk through /proc."""
    found: dict[str, set[str]] = {name: set() for name in processes}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name = (entry / "comm").read_text().strip()
            if name not in found:
                continue
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            groups = (entry / "cgroup").read_text()
        except OSError:  # it has ended
            continue
        group = _CONTAINER.search(groups)
        if state not in "ZX" and group and f"/{room}/" in groups:
            found[name].add(group[0][:12])
    return found
