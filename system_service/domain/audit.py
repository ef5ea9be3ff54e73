"""The audit log: one line to syslog for every change, saying who, by which command, what, and how it ended."""

from __future__ import annotations

import os
import pwd
import socket
import time

from system_service.backends.journal import IDENTIFIER, Entry, line

ADDRESS = "/dev/log"
_PRIORITY = 13  # user.notice, as syslog(3) counts
_lost = 0  # lines of this process that nobody took


def record(command: str, feature: str, action: str, result: str) -> None:
    """Log one change. Never fails and never waits: a switch whose syslog is gone, or stuck, must still be operable.

    A line for which there is no room is dropped; how many those were is said by the next one that is taken.
    """
    global _lost
    who, uid = _who(), os.getuid()
    if _lost and _send(line(Entry(who, uid, command, feature, "log changes", f"{_lost} lines before this are lost"))):
        _lost = 0
    if not _send(line(Entry(who, uid, command, feature, action, result))):
        _lost += 1


def _send(text: str) -> bool:
    """Whether somebody took it. Not syslog(3): that waits for as long as its reader is full, whatever signal comes."""
    stamp = time.strftime("%b %e %H:%M:%S")
    message = f"<{_PRIORITY}>{stamp} {IDENTIFIER}[{os.getpid()}]: {text}".encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as log:
            log.connect(ADDRESS)
            log.send(message)
    except OSError:
        return False
    return True


def _who() -> str:
    """Who is behind this process: the user of sudo, else of the login session, else of the process."""
    # Only root can have got SUDO_USER from sudo; anybody else may have written it himself.
    if os.getuid() == 0 and os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return os.getlogin()
    except OSError:  # no login session: systemd, cron, a container
        pass
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
