"""Whether upstream's daemon ctrmgrd has a part in this switch: decided by files, so that asking costs no process.

Where its unit is installed and not masked it sends the node's labels, and restarts a feature's unit when a pod
announces itself or legacy is wanted again. It starts late, so whether it runs at this moment does not count.
"""

from __future__ import annotations

import os
import stat

UNIT = "ctrmgrd.service"
# systemd.unit(5): the folders of the system's units, the first that has the file wins.
_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")


def present() -> bool:
    """Installed and not masked. A mask is a link to /dev/null, or an empty file."""
    folders = os.environ.get("SYSTEMD_UNIT_PATH", "")
    for folder in folders.split(":") if folders else (*_FOLDERS, "/lib/systemd/system"):
        try:
            found = os.stat(os.path.join(folder, UNIT))
        except OSError:  # a link to nothing is no unit either
            continue
        return stat.S_ISREG(found.st_mode) and found.st_size > 0
    return False
