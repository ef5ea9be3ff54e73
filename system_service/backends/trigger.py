"""The way to the root oneshot that sends node labels: a file in the run directory that its path unit watches."""

from __future__ import annotations

import os

from system_service.backends.files import plain_file
from system_service.model.naming import run_dir

TRIGGER = "sync"


def ask(folder: str = "") -> bool:
    """Have the oneshot send what is not sent yet; False where there is nobody to ask.

    `folder`: default `run_dir`.
    """
    path = os.path.join(folder or run_dir(), TRIGGER)
    try:
        handle = plain_file(path, os.O_WRONLY | os.O_CREAT)
    except OSError:
        return False
    try:
        os.write(handle, b"1")  # written and closed: that is what the path unit waits for
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
