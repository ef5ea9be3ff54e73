"""The audit log: one line to syslog for every change, saying who, by which command, what, and how it ended."""

from __future__ import annotations

import os
import pwd
import syslog

from system_service.backends.journal import IDENTIFIER, Entry, line


def record(command: str, feature: str, action: str, result: str) -> None:
    """Log one change. Never fails: a switch whose syslog is gone must still be operable."""
    entry = Entry(_who(), os.getuid(), command, feature, action, result)
    syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_USER)
    syslog.syslog(syslog.LOG_NOTICE, line(entry))


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
