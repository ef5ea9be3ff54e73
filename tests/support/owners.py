"""Who really runs a feature's process, seen past Docker and Redis: in /proc, by the control groups of containers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

PROCESSES = {"snmp": "snmpd", "lldp": "lldpd", "probe": "probe"}
_CGROUPS = Path("/sys/fs/cgroup")
_PACE = 0.02  # seconds between two looks; a look takes some milliseconds
_NICE = -10  # on a busy machine it looks as often as on an idle one


class Owners:
    """Looks from creation to `close`, more than 20 times a second where the machine lets it. A context manager.

    `room`: the name of the sandbox whose containers count; another sandbox on this machine has its own snmpd.
    `twice`: moments at which two containers had the process of one feature. `seen`: who was seen to run one, as
    (feature, container); `history`: the same in order, an entry whenever it is another than before. How often it looked
    is told, and is no verdict: that is the machine's.
    """

    def __init__(self, room: str, groups: Path = _CGROUPS) -> None:
        self._room, self._groups_at = room, groups
        self.looks = 0
        self.longest = 0.0  # seconds between two looks
        self.twice: list[str] = []
        self.seen: set[tuple[str, str]] = set()
        self.history: list[tuple[str, str]] = []
        self.begun = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        last = time.monotonic()
        latest: dict[str, str] = {}
        while not self._over.wait(_PACE):
            found = _containers(set(PROCESSES.values()), _groups(self._room, self._groups_at))
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now
            for name, process in PROCESSES.items():
                ids = found[process]
                self.seen |= {(name, id) for id in ids}
                self.history += [(name, id) for id in ids if id != latest.get(name)]
                latest[name] = max(ids, default=latest.get(name, ""))
                if len(ids) > 1:
                    self.twice.append(f"{name} in {', '.join(sorted(ids))} at {time.strftime('%H:%M:%S')}")
            self.looks += 1

    def changes(self, name: str, since: int = 0) -> list[str]:
        """The containers that have come to run a feature since the history had that length."""
        return [id for feature, id in self.history[since:] if feature == name]

    def __str__(self) -> str:
        rate = self.looks / (time.monotonic() - self.begun)
        return f"{self.looks} looks, {rate:.1f} a second, at most {self.longest:.2f} s apart"

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Owners:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def containers_with(process: str, room: str) -> set[str]:
    """Ids (12 letters) of the containers in this sandbox's room in which a living process has this name."""
    return _containers({process}, _groups(room))[process]


def _containers(processes: set[str], groups: Path) -> dict[str, set[str]]:
    """The same for several names, in one walk: each more would cost the next look its moment."""
    found: dict[str, set[str]] = {name: set() for name in processes}
    for members in groups.glob("docker/*/cgroup.procs"):
        try:
            pids = members.read_text().split()
        except OSError:  # the container has ended
            continue
        for name in {_name(pid) for pid in pids} & processes:
            found[name].add(members.parent.name[:12])
    return found


def _groups(room: str, top: Path = _CGROUPS) -> Path:
    """The room's control group, in version 1 that of one of the controllers."""
    return next((path for path in (top / "memory" / room, top / room) if path.exists()), top / room)


def _name(pid: str) -> str:
    """The name of a living process, "" for one that has ended."""
    try:
        name, _, rest = Path("/proc", pid, "stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return ""
    return "" if rest.split()[0] in "ZX" else name
