"""Programs of the host's in whose place ours are: put aside, brought back, recognised by a mark. Runs nothing.

The host's own stays beside ours as NAME.host. At every instant there is a program at the path: units call it.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress

from system_service.backends.files import partials, read, write, write_error

ASIDE = ".host"
_MARK = "# Made by `system host install`, and taken back by `system host uninstall`: changes here are lost."
_TEXT = """\
#!/bin/sh
{mark}
# While the package is being upgraded the program is away: pip writes it last, when it has compiled all else. Once the
# package has gone for good the host's own serves.
second=0
while [ $second -lt 5 ] || {{ [ $second -lt 60 ] && [ -e {package} ]; }}; do
    [ ! -x {system} ] || exec {system} {words} "$@"
    sleep 1
    second=$((second + 1))
done
echo {gone} >&2
exec {aside} "$@"
"""
_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "__init__.py")


class Program:
    """One of them, at `path`; ours is `system WORDS`. `optional`: none of ours where the host has none.

    Changing methods may raise NotPermitted or Failed (both name the file).
    """

    def __init__(self, path: str, words: str, *, optional: bool = False) -> None:
        self.path = path
        self.aside = path + ASIDE
        self._words = words
        self._optional = optional

    def placed(self, system: str) -> bool:
        """Whether there is nothing to place: ours is there, or the host has none that it could replace."""
        if self._optional and not os.path.lexists(self.path):
            return True
        return read(self.path) == self._text(system)

    @property
    def ours(self) -> bool:
        """Whether the one at the path is ours, of this version or an older one."""
        return _MARK in read(self.path).splitlines()

    @property
    def kept(self) -> bool:
        """Whether the host's own lies beside it."""
        return os.path.lexists(self.aside)

    def place(self, system: str) -> None:
        """Put ours there, and what is the host's aside. `system`: the absolute path of our program."""
        try:
            if os.path.lexists(self.path) and not self.ours:
                # What may lie there from an earlier time is older, and nobody needs it while this one is at its path.
                with suppress(FileNotFoundError):
                    os.unlink(self.aside)
                os.link(self.path, self.aside, follow_symlinks=False)
            write(self.path, self._text(system), 0o755)
            self._clear()
        except OSError as error:
            raise write_error(error, self.path) from error

    def restore(self) -> None:
        """Give the path back to the host's own; where it had none, nothing is there."""
        try:
            self._clear()
            if self.kept and (self.ours or not os.path.lexists(self.path)):
                os.rename(self.aside, self.path)
            elif self.ours:
                os.unlink(self.path)
            elif self.kept:  # the host has put its own there anew, or `place` was cut off
                os.unlink(self.aside)
        except OSError as error:
            raise write_error(error, self.path) from error

    def _clear(self) -> None:
        """Remove what one that was killed has left. Nobody else is at it: `system host` has a lock."""
        for path in partials(self.path):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _text(self, system: str) -> str:
        gone = f"{os.path.basename(self.path)}: {system} is not installed; bring the host's own back with: mv"
        return _TEXT.format(
            mark=_MARK,
            system=shlex.quote(system),
            package=shlex.quote(_PACKAGE),
            words=self._words,
            aside=shlex.quote(self.aside),
            gone=shlex.quote(f"{gone} {self.aside} {self.path}"),
        )


def host_programs() -> tuple[Program, ...]:
    """Those of a SONiC host: what units and scripts call, and what its monit does."""
    return (
        Program("/usr/local/bin/container", "container"),
        Program("/usr/bin/container_checker", "service check", optional=True),
    )
