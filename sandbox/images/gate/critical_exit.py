#!/usr/bin/python3
"""Supervisord's listener: when a critical process ends unasked, the container ends, so that its unit restarts it.

With auto_restart disabled in CONFIG_DB the container stays, as on a switch.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

CRITICAL = "/etc/supervisor/critical_processes"


def critical() -> set[str]:
    with open(CRITICAL) as file:
        return {line.strip().partition(":")[2] for line in file if ":" in line}


def auto_restart() -> bool:
    query = ["redis-cli", "-s", "/run/redis/redis.sock", "-n", "4", "HGET", f"FEATURE|{os.environ['FEATURE']}"]
    answer = subprocess.run([*query, "auto_restart"], capture_output=True, text=True, check=False).stdout.strip()
    return answer not in ("disabled", "always_disabled")


def main() -> None:
    while True:
        print("READY", flush=True)
        header = dict(word.split(":", 1) for word in sys.stdin.readline().split())
        event = dict(word.split(":", 1) for word in sys.stdin.read(int(header["len"])).split())
        names = {event.get("processname"), event.get("groupname")}
        if event.get("expected") != "1" and names & critical() and auto_restart():
            os.kill(os.getppid(), signal.SIGTERM)
        print("RESULT 2\nOK", end="", flush=True)


if __name__ == "__main__":
    main()
