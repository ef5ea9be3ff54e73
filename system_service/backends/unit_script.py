"""What a unit's script says: from which image it makes the feature's local container. Runs nothing, asks nobody.

No typing, no dataclasses: the waiter asks here too.
"""

from __future__ import annotations

import os
import re

from system_service.backends.files import read

SCRIPT_DIR = "/usr/local/bin"
"""Where the units' scripts are (NAME.sh), unless $SYSTEM_SERVICE_SCRIPT_DIR names another folder."""

# What a switch's images are called in its scripts; an application extension's has a version in the place of latest.
_IMAGE = re.compile(r"(?<![\w./:@-])docker-[a-z0-9][a-z0-9._-]*:latest(?![\w.-])")


def image(feature: str, folder: str = "") -> str:
    """The image that NAME.sh makes the container from; "" when that cannot be told: no script, or not one image.

    `feature` is a valid name. Who gets "" goes on as if the image were there: the script knows better.
    """
    folder = folder or os.environ.get("SYSTEM_SERVICE_SCRIPT_DIR") or SCRIPT_DIR
    lines = read(os.path.join(folder, f"{feature}.sh")).splitlines()
    named = {word for line in lines if not line.lstrip().startswith("#") for word in _IMAGE.findall(line)}
    return named.pop() if len(named) == 1 else ""
