"""A wire between a process on the switch and its backends, which can hold or kill it between two of its actions.

All that ours does to the world goes through two sockets, Redis' and Docker's. A unit or command that is started with
`environment` uses this one's instead. They pass everything on; what is written gets a name ("docker stop snmp",
"FEATURE|snmp remote_state=ready"), and the wire springs before a write reaches its backend, or after the backend has
answered and before anybody hears of that.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.acceptance.console import Console

FOLDER = "/run/tripwire"
ENVIRONMENT = (
    f"DOCKER_HOST=unix://{FOLDER}/docker.sock",
    f"SYSTEM_SERVICE_DB_CONFIG={FOLDER}/sonic-db/database_config.json",
)

# Runs on the switch. Line by line: what to arm comes in, what was written and when it sprang goes out.
_SCRIPT = r"""
import json, os, re, socket, struct, sys, threading
FOLDER = sys.argv[1]
BACKENDS = {"docker": "/var/run/docker.sock", "redis": "/run/redis/redis.sock"}
SHOWN = {"set_owner", "remote_state", "system_state", "want", "label"}
armed, lock, go = {}, threading.Lock(), threading.Event()

def tell(**what):
    with lock:
        print(json.dumps(what), flush=True)

def describe(kind, data):
    if kind == "docker":
        found = re.match(rb"(?:POST|DELETE) (?:/v[0-9.]+)?/containers/([^/?]+)/?(\w*)", data)
        if not found or found[2] == b"wait":  # which only asks
            return ""
        name = found[1].decode()
        return "docker " + found[2].decode() + " " + ("POD" if len(name) == 64 else name)
    lines = data.split(b"\r\n")
    words = [lines[n + 1].decode() for n, line in enumerate(lines[:-1]) if line[:1] == b"$"]
    if "EXEC" not in words:
        return ""
    said, key = [], ""
    while words:
        word = words.pop(0)
        if word == "HSET":
            key = words.pop(0)
            while words and words[0] not in ("HDEL", "EXEC"):
                field, value = words.pop(0), words.pop(0)
                said.append(f"{field}={value}" if field in SHOWN else field)
        elif word == "HDEL":
            key = words.pop(0)
            while words and words[0] != "EXEC":
                said.append("-" + words.pop(0))
    return " ".join([key, *said])

def spring(pid, at):
    act = armed.pop("act", None)
    armed.clear()
    if act == "kill":
        os.kill(pid, 9)
    go.clear()
    tell(sprung=at)
    if act == "hold":
        go.wait()
    return act == "kill"

def serve(client, kind):
    pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            who = file.read().replace("\0", " ")
    except OSError:
        who = ""
    backend = socket.socket(socket.AF_UNIX)
    after = []
    def close():
        for one in (client, backend):
            try:
                one.shutdown(2)
            except OSError:
                pass
    def back():
        try:
            while data := backend.recv(1 << 20):
                if after and spring(pid, after.pop()):
                    return
                client.sendall(data)
            client.shutdown(1)
        except OSError:
            pass
    try:
        backend.connect(BACKENDS[kind])
        threading.Thread(target=back, daemon=True).start()
        while data := client.recv(1 << 20):
            at = describe(kind, data)
            if at:
                tell(wrote=at, who=who)
            if at and at.startswith(armed.get("at", "?")) and armed["who"] in who:
                if armed["when"] == "before":
                    if spring(pid, at):
                        return close()
                else:
                    after.append(at)
            backend.sendall(data)
        backend.shutdown(1)
    except OSError:
        close()

def listen(kind):
    path = f"{FOLDER}/{kind}.sock"
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(64)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, kind), daemon=True).start()

os.makedirs(f"{FOLDER}/sonic-db", exist_ok=True)
with open("/run/redis/sonic-db/database_config.json") as file:
    text = file.read()
with open(f"{FOLDER}/sonic-db/database_config.json", "w") as file:
    file.write(text.replace("/var/run/redis/redis.sock", f"{FOLDER}/redis.sock"))
for kind in BACKENDS:
    threading.Thread(target=listen, args=(kind,), daemon=True).start()
tell(ready=True)
for line in sys.stdin:
    wanted = json.loads(line)
    armed.clear()
    armed.update(wanted)
    go.set()
    tell(ready=True)
"""


class Tripwire:
    """Up from creation to `close`; a context manager. `wrote`: what processes like `who` have written, in order.

    `who`: words of the command line of the processes that count.
    """

    def __init__(self, console: Console, who: str = "waiter.py") -> None:
        self.wrote: list[str] = []
        self._who = who
        self._sprung: queue.Queue[str] = queue.Queue()
        self._ready: queue.Queue[bool] = queue.Queue()
        # Past `docker exec`: it has to outlive dockerd.
        inside = ["nsenter", "--all", "--target", console.first_process("switch"), "env", "-i"]
        inside += ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "python3", "-c", _SCRIPT, FOLDER]
        self._process = subprocess.Popen(
            console.switch.engine.room.argv(inside),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.get(timeout=20)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            if "wrote" in told:
                if self._who in told["who"]:
                    self.wrote.append(told["wrote"])
            elif "sprung" in told:
                self._sprung.put(told["sprung"])
            else:
                self._ready.put(True)

    def kill(self, when: str, at: str) -> None:
        """From now on: whoever writes this dies (-9), "before" it is done or "after" that. Once."""
        self._say({"when": when, "at": at, "who": self._who, "act": "kill"})

    def hold(self, when: str, at: str) -> None:
        """The same, and it is held instead, until `release`."""
        self._say({"when": when, "at": at, "who": self._who, "act": "hold"})

    def release(self) -> None:
        self._say({})

    def sprung(self, at: str, timeout: float = 40) -> None:
        """Wait until it has sprung there; the test fails after `timeout` seconds."""
        try:
            assert self._sprung.get(timeout=timeout).startswith(at)
        except queue.Empty:
            pytest.fail(f"nobody came to {at!r} within {timeout:g} s, but {self.wrote}")

    def _say(self, what: dict[str, str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        self._ready.get(timeout=20)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)

    def __enter__(self) -> Tripwire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def wired(console: Console, unit: str = "snmp") -> Iterator[Tripwire]:
    """The unit's processes on a tripwire; systemd starts it again at once when it fails."""
    with Tripwire(console) as made:
        console.drop_in(unit, f"[Service]\nRestartSec=100ms\nEnvironment={' '.join(ENVIRONMENT)}\n")
        console.type(f"systemctl restart {unit}")
        try:
            yield made
        finally:
            made.release()
            console.drop_in(unit, "")
            console.switch.exec(["systemctl", "reset-failed", unit])  # a unit that is down may not even be loaded
            console.type(f"systemctl restart {unit}")
