"""The docker id of the container that this very process runs in, from what its /proc shows."""

from __future__ import annotations

import re

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# The files that Docker makes for a container, below the container's own folder.
_MADE = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


def own_id() -> str:
    """Its first 12 characters; "" outside of a container, and where nothing tells."""
    return parse(_read("/proc/self/cgroup"), _read("/proc/self/mountinfo"))


def parse(cgroup: str, mountinfo: str) -> str:
    """The same from the text of /proc/self/cgroup (its version 1 names the id) and /proc/self/mountinfo.

    In a pod those files are made for the pod's sandbox, whose id is another's: there nothing is better than that.
    """
    for line in cgroup.splitlines():
        path = line.partition(":")[2].partition(":")[2]
        if found := _ID.findall(path):
            return str(found[-1])[:12]  # the innermost
    mounts = [words for line in mountinfo.splitlines() if len(words := line.split()) > 4]
    if any("/pods/" in root for _, _, _, root, *_ in mounts):
        return ""
    for _, _, _, root, point, *_ in mounts:
        if point in _MADE and (found := re.findall(r"/containers/([0-9a-f]{64})/", root)):
            return str(found[-1])[:12]
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
