"""Units of features that exist in Kubernetes only: their files, written, recognised by a mark, removed. Runs nothing.

Nothing is ever overwritten or removed that does not bear the mark. Beside a unit stands what is unfinished of its
installation: root acts on that, and so it is where only root writes. No dataclasses: the waiter asks here too.
"""

from __future__ import annotations

import os

from system_service.backends.files import partials, put, read, remove, remove_folder
from system_service.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

UNIT_DIR = "/usr/local/lib/systemd/system"
"""Where units go, unless $SYSTEM_SERVICE_UNIT_DIR names another folder of systemd's.

Not below /etc: there `systemctl mask`, the off switch of a feature, finds its place taken.
"""
ADMIN_DIR = "/etc/systemd/system"
"""Where the host's daemons put drop-ins (NAME.service.d), and systemctl its links."""
_TODO = ".todo"  # no suffix that systemd reads
# All others that systemd reads, those of generators (a SysV script, a mount) and of systemctl's own among them: a unit
# there would be shadowed by one of ours, or shadow it.
_OTHERS = (
    *("/etc/systemd/system.control", "/etc/systemd/system.attached", "/usr/local/lib/systemd/system"),
    *("/run/systemd/system", "/run/systemd/system.control", "/run/systemd/system.attached", "/run/systemd/transient"),
    *("/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late"),
    *("/usr/lib/systemd/system", "/lib/systemd/system"),
)

_MARK = "# Made by `config feature install`, and removed by `config feature uninstall`: changes here are lost."
_TEXT = """{mark}
[Unit]
Description={name} container, from Kubernetes
After=database.service{after}
StartLimitIntervalSec=1200
StartLimitBurst=3

[Service]
ExecStartPre=system container start {name}
ExecStart=system container wait {name}
ExecStop=system container stop {name}
Restart=always
RestartSec=30

[Install]
WantedBy=multi-user.target
"""


def text(name: str, after: Sequence[str] = ()) -> str:
    """The unit of a feature, with the rules of an image's own; it calls what their scripts call.

    Both arguments are checked words: nothing of them is quoted.
    """
    others = "".join(f" {unit}" for unit in after if unit != "database.service")
    return _TEXT.format(mark=_MARK, name=name, after=others)


class UnitFiles:
    """The folder with the units. Every method may raise NotPermitted or Failed (both name the file)."""

    def __init__(self, folder: str = "", admin: str = ADMIN_DIR) -> None:
        self.folder = folder or os.environ.get("SYSTEM_SERVICE_UNIT_DIR") or UNIT_DIR
        self.admin = admin

    def read(self, name: str) -> str | None:
        """The text of the feature's unit, if it is one of ours."""
        found = read(self._path(name))
        return found if found.startswith(f"{_MARK}\n") else None

    def others(self, name: str) -> bool:
        """Whether somebody else has a unit of this name; the link that masks it is none."""
        folders = [
            folder for folder in (self.admin, *_OTHERS) if os.path.realpath(folder) != os.path.realpath(self.folder)
        ]
        paths = [os.path.join(folder, f"{name}.service") for folder in folders]
        if os.path.lexists(self._path(name)) and self.read(name) is None:
            return True
        return any(os.path.exists(path) and os.path.realpath(path) != os.devnull for path in paths)

    def write(self, name: str, content: str) -> None:
        """Put the unit there, whole or not at all. Raises Refused where somebody else's file is."""
        path = self._path(name)
        if os.path.lexists(path) and self.read(name) is None:
            raise Refused(f"{path} is not ours, and stays as it is", "choose another name")
        put(path, content)

    def remove(self, name: str) -> None:
        """Remove the unit, if it is ours, and what belongs to it alone. Nothing of it there is fine."""
        for path in partials(self._path(name)):
            remove(path)
        if self.read(name) is not None:
            self._remove_drop_ins(name)
            remove(self._path(name))

    def names(self) -> list[str]:
        """The features that have a unit of ours."""
        found = (entry.removesuffix(".service") for entry in self._entries() if entry.endswith(".service"))
        return sorted(name for name in found if self.read(name) is not None)

    def unfinished(self) -> dict[str, tuple[str, ...]]:
        """What was begun and not finished: the words that were noted, by the feature's name."""
        found = (entry[1:].removesuffix(_TODO) for entry in self._entries() if self._notes(entry))
        return {name: tuple(read(self._note(name)).split()) for name in sorted(found)}

    def note(self, name: str, words: Sequence[str]) -> None:
        """Note what is unfinished of this feature."""
        put(self._note(name), " ".join((*words, "\n")))

    def forget(self, name: str) -> None:
        """It is finished."""
        for path in partials(self._note(name)):
            remove(path)
        remove(self._note(name))

    def _entries(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except OSError:  # none was ever made
            return []

    @staticmethod
    def _notes(entry: str) -> bool:
        return entry.startswith(".") and entry.endswith(_TODO) and len(entry) > 1 + len(_TODO)

    def _note(self, name: str) -> str:
        return os.path.join(self.folder, f".{name}{_TODO}")

    def _remove_drop_ins(self, name: str) -> None:
        folder = os.path.join(self.admin, f"{name}.service.d")
        if os.path.isdir(folder) and not os.path.islink(folder):
            remove_folder(folder)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.service")
