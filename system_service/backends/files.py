"""Files that commands put onto the switch: whole or not at all, and failures as errors of ours. No dataclasses."""

from __future__ import annotations

import errno
import os
import stat

from system_service.errors import Failed, NotPermitted

_MOST = 65536
_NEW, _HEX = ".new", "0123456789abcdef"


class NoFile(OSError):
    """Something lies there that is no plain file."""


def partials(path: str) -> list[str]:
    """What `write` has left of this file where it was killed before it was whole."""
    folder, name = os.path.split(path)
    try:
        entries = os.listdir(folder or ".")
    except OSError:
        return []
    return [os.path.join(folder, entry) for entry in sorted(entries) if _of(entry, name)]


def _of(entry: str, name: str) -> bool:
    """A scratch file of `name`; of an older version's, too, that had no letters of its own."""
    if not (entry.startswith(f".{name}.") and entry.endswith(_NEW)):
        return False
    return set(entry[len(name) + 2 : -len(_NEW)]) <= set(_HEX)


def write(path: str, text: str, mode: int) -> None:
    """Put a file there, in the place of whatever was there, at one instant, whoever else does so. Raises OSError.

    It is on the disk then, and so is its name: whoever loses power has the one or the other, and whole.
    """
    folder, name = os.path.split(path)
    # Nobody else's: what two write at once to one file would be neither's.
    new = os.path.join(folder, f".{name}.{os.urandom(8).hex()}{_NEW}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, mode)  # whatever the umask took away
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.rename(new, path)
    except OSError:
        os.unlink(new)
        raise
    handle = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: str, text: str, mode: int = 0o644) -> None:
    """`write`, with the folders above it. Raises NotPermitted or Failed."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, text, mode)
    except OSError as error:
        raise write_error(error, path) from error


def plain_file(path: str, flags: int = os.O_RDONLY) -> int:
    """The descriptor of a plain file where members of a group may put whatever they like.

    No link is followed, and no pipe is waited for.
    One that is made (O_CREAT), or is there and ours, is the group's then. Raises OSError; NoFile for what is none.
    """
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, 0o660)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise NoFile(errno.EINVAL, "no plain file", path)
        if flags & os.O_CREAT and status.st_uid == os.geteuid():
            # Whatever the umask took away: the next one may be another member of the group.
            os.fchmod(handle, 0o660)
    except OSError:
        os.close(handle)
        raise
    return handle


def read(path: str) -> str:
    """The text of a plain file, "" for whatever is none that may be read."""
    try:
        handle = plain_file(path)
    except OSError:  # absent, a link, a folder, not to be read
        return ""
    try:
        return os.read(handle, _MOST).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(handle)


def remove(path: str) -> None:
    """Remove a file; none is fine. Raises NotPermitted or Failed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise write_error(error, path) from error


def remove_folder(path: str) -> None:
    """Remove a folder and all that is in it. Raises NotPermitted or Failed."""
    import shutil  # not for those that stay in memory

    try:
        shutil.rmtree(path)
    except OSError as error:
        raise write_error(error, str(error.filename or path)) from error


def write_error(error: OSError, path: str) -> Failed | NotPermitted:
    """The error of ours for one that the file system gave."""
    if isinstance(error, PermissionError):
        return NotPermitted(f"{path}: {error.strerror}", "run it as root (sudo)")
    look = "df" if error.errno == errno.ENOSPC else "ls -ld"
    return Failed(f"{path} cannot be written: {error.strerror}", f"{look} {os.path.dirname(path)}")
