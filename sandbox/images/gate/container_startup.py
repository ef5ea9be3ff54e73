#!/usr/bin/python3
"""The start-up gate: decides, before a feature's processes start, whether this container may run them.

container_startup.py -f FEATURE -o OWNER -v VERSION ends with 0 when the gate is open, with 1 when Redis cannot be
reached (the start script goes on all the same), and never ends when the container is frozen.
It stands in for the gate of real images and keeps its rules to the letter, the surprising ones too. The letters a to f
in the comments are those of tests/sandbox/test_gate.py.
"""

import argparse
import os
import socket
import sys
import time

CONFIG_DB, STATE_DB = 4, 6
POLL = 2  # seconds
SOCKET = os.environ.get("REDIS_SOCKET", "/run/redis/redis.sock")


class Database:
    """One connection; commands take and return strings, hashes are dictionaries."""

    def __init__(self, path):
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(path)
        self._file = self._link.makefile("rb")

    def command(self, *words):
        out = [b"*%d\r\n" % len(words)]
        for word in words:
            data = str(word).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self._link.sendall(b"".join(out))
        return self._reply()

    def row(self, database, key):
        self.command("SELECT", database)
        flat = self.command("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def write(self, key, fields):
        self.command("SELECT", STATE_DB)
        self.command("HSET", key, *(word for item in fields.items() for word in item))

    def _reply(self):
        line = self._file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind in (b"+", b":"):
            return rest.decode()
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode(errors="backslashreplace")
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        raise ConnectionError(line.decode(errors="replace").strip() or "Redis closed the connection")


def now():
    return time.strftime("%Y-%m-%d %H:%M:%S")


def own_id():
    """The first 12 characters of the container's id from the memory line; empty with cgroup version 2."""
    with open("/proc/self/cgroup") as file:
        for line in file:
            if ":memory:" in line:
                return line.rstrip("\n").rpartition("/")[2][:12]
    return ""


def freeze(reason):
    print(f"frozen: {reason}", flush=True)
    while True:
        time.sleep(3600)


def local_up(database, feature, version):
    database.write(
        f"FEATURE|{feature}",
        {"current_owner": "local", "container_id": feature, "container_version": version, "update_time": now()},
    )
    database.write("KUBE_LABELS|SET", {f"{feature}_local": version})


def kube_up(database, feature, version, state):
    key = f"FEATURE|{feature}"
    # b: decided once, never looked at again
    if database.row(CONFIG_DB, key).get("set_owner", "local") == "local":
        freeze("set_owner is local")
    if state["system_state"] != "up":
        freeze("system_state is not up")
    if database.row(STATE_DB, "KUBE_LABELS|SET").get(f"{feature}_local") == version:
        freeze("the local image has the same version")
    # c: a ready or pending that was left over stays as it is
    database.write(key, {"container_version": version})
    if state.get("remote_state", "") in ("", "none", "running", "stopped"):
        database.write(key, {"remote_state": "pending", "update_time": now()})
    # d: nothing but ready and the version is looked at any more
    while True:
        state = database.row(STATE_DB, key)
        if state.get("container_version") != version:
            freeze("container_version was changed by another")
        if state.get("remote_state") == "ready":
            break
        time.sleep(POLL)
    # e: unconditionally, whatever was written since
    database.write(
        key,
        {"current_owner": "kube", "remote_state": "running", "container_id": own_id(), "update_time": now()},
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-f", dest="feature", required=True)
    parser.add_argument("-o", dest="owner", required=True)
    parser.add_argument("-v", dest="version", required=True)
    options = parser.parse_args()
    try:
        database = Database(SOCKET)
        state = database.row(STATE_DB, f"FEATURE|{options.feature}")
        if not state.get("system_state"):
            pass  # a: open, and nothing is recorded
        elif options.owner == "local":
            local_up(database, options.feature, options.version)
        else:
            kube_up(database, options.feature, options.version, state)
    except OSError as lost:
        print(f"no gate without Redis: {lost}", file=sys.stderr, flush=True)
        return 1  # f
    print("open", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
