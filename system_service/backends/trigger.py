"""The way to the root oneshot that sends node labels: a file in the run directory that its path unit watches."""

from __future__ import annotations

import os
import stat

from system_service.model.naming import RUN_DIR

TRIGGER = "sync"


def ask(run_dir: str = "") -> bool:
    """Have the oneshot send what is not sent yet; False where there is nobody to ask.

    `run_dir`: default $SYSTEM_SERVICE_RUN_DIR, else the switch's own.
    """
    path = os.path.join(run_dir or os.environ.get("SYSTEM_SERVICE_RUN_DIR") or RUN_DIR, TRIGGER)
    try:
        # Members of a group may put a pipe there, which is not waited for.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o660)
    except OSError:
        return False
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return False
        if status.st_uid == os.geteuid():
            os.fchmod(handle, 0o660)  # whatever the umask took away: units may run as members of the group
        os.write(handle, b"1")  # written and closed: that is what the path unit waits for
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
