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
    """The same for several names, in one walk: each more would cost the next look its moment."""
    found: dict[str, set[str]] = {name: set() for name in processes}
    for members in _groups(room).glob("docker/*/cgroup.procs"):
        try:
            pids = members.read_text().split()
        except OSError:  # the container has ended
            continue
        for name in {_name(pid) for pid in pids} & processes:
            found[name].add(members.parent.name[:12])
    return found


def _groups(room: str) -> Path:
    """The room's control group, in version 1 that of one of the controllers."""
    return next((path for path in (_CGROUPS / "memory" / room, _CGROUPS / room) if path.exists()), _CGROUPS / room)


def _name(pid: str) -> str:
    """The name of a living process, "" for one that has ended."""
    try:
        name, _, rest = Path("/proc", pid, "stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return ""
    return "" if rest.split()[0] in "ZX" else name
