#!/usr/bin/python3
"""Stands in for upstream's daemon ctrmgrd on the virtual switch, where a test puts it: the standard library alone.

ctrmgrd.py [--removes-local]

It keeps the real one's rules to the letter, the surprising ones too: tests/sandbox/test_ctrmgrd.py lists them. Left out
are joining a cluster (a kubeconfig and a server's address count as joined) and tagging images; with --removes-local a
local container is removed some time after a pod has taken over, as the real one does after tagging.
"""

import base64
import contextlib
import http.client
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time

CONFIG_DB, STATE_DB = 4, 6
SOCKET = os.environ.get("REDIS_SOCKET", "/run/redis/redis.sock")
KUBECONFIG = "/etc/sonic/kube_admin.conf"
LABELS, SERVER = "KUBE_LABELS|SET", "KUBERNETES_MASTER|SERVER"
LABEL_RETRY, REMOVAL = 2, 5  # seconds
NO_FEATURE = "database"


class Transitions:
    """What happens to features: by their rows in both databases, as they come. `host` acts: see Host."""

    def __init__(self, host):
        self.host = host
        self.wanted = {}  # feature -> set_owner
        self.seen = {}  # feature -> (current_owner, remote_state)

    def config(self, feature, row):
        """A row of CONFIG_DB has come or changed: one that says what it said before is nothing."""
        owner = row.get("set_owner", "local").lower()
        before = self.wanted.get(feature)
        self.wanted[feature] = owner
        if owner != before and feature in self.seen:
            self._act(feature)

    def state(self, feature, row):
        """A row of STATE_DB: after the first, only a new `pending` or `stopped` is anything."""
        owner, remote = (row.get(field, "none").lower() for field in ("current_owner", "remote_state"))
        before = self.seen.get(feature)
        self.seen[feature] = (owner, remote)
        if remote == "running" and (before is None or before[1] != remote):
            self.host.served(feature)
        if before is not None and (before[1] == remote or remote not in ("pending", "stopped")):
            return
        if feature in self.wanted:
            self._act(feature)

    def _act(self, feature):
        wanted = self.wanted[feature]
        owner, remote = self.seen[feature]
        if not self.host.active(feature):
            # This undoes a stop that somebody meant.
            if (wanted, owner, remote) == ("kube", "none", "stopped"):
                self.host.restart(feature)
            return
        self.host.label(feature, wanted == "kube")
        # Whoever comes up local again, and meets the next `pending`, is restarted again: without end.
        if owner != "local" if wanted == "local" else (owner != "none" and remote == "pending"):
            self.host.restart(feature)


class Redis:
    """One connection; commands take and return strings."""

    def __init__(self, path=SOCKET):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(path)
        self._rest = b""

    def command(self, *words):
        self.send(*words)
        while True:
            reply, done = self._parse(0)
            if done:
                self._rest = self._rest[done:]
                return reply
            self._receive()

    def send(self, *words):
        coded = [str(word).encode() for word in words]
        self.link.sendall(b"*%d\r\n" % len(coded) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in coded))

    def row(self, database, key):
        self.command("SELECT", database)
        flat = self.command("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def keys(self, database, pattern):
        self.command("SELECT", database)
        return self.command("KEYS", pattern)

    def write(self, key, fields):
        self.command("SELECT", STATE_DB)
        self.command("HSET", key, *(word for item in fields.items() for word in item))

    def messages(self):
        """What has been published; waits for the first byte."""
        self._receive()
        found = []
        while True:
            reply, done = self._parse(0)
            if not done:
                return found
            self._rest = self._rest[done:]
            if reply[0] == "pmessage":
                found.append(reply[2])

    def _receive(self):
        data = self.link.recv(65536)
        if not data:
            raise ConnectionError("Redis closed the connection")
        self._rest += data

    def _parse(self, at):
        """(the reply that begins at a byte, the byte behind it), or (None, 0) when it is not all there."""
        end = self._rest.find(b"\r\n", at)
        if end < 0:
            return None, 0
        kind, rest, after = self._rest[at : at + 1], self._rest[at + 1 : end], end + 2
        if kind in b"+:":
            return rest.decode(), after
        if kind == b"-":
            raise ConnectionError(rest.decode())
        if kind == b"$":
            if int(rest) < 0:
                return None, after
            end = after + int(rest)
            return (self._rest[after:end].decode(), end + 2) if len(self._rest) >= end + 2 else (None, 0)
        found = []
        for _ in range(int(rest)):
            item, after = self._parse(after)
            if not after:
                return None, 0
            found.append(item)
        return found, after


class Api:
    """This switch's node in the API server, with what the kubeconfig embeds."""

    def __init__(self, path=KUBECONFIG):
        with open(path) as file:
            config = json.load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._address = cluster["server"].removeprefix("https://")
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("client-certificate", "client-key"):
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(base64.b64decode(user[f"{name}-data"]))
            self._context.load_cert_chain(f"{folder}/client-certificate", f"{folder}/client-key")
        self._node = "/api/v1/nodes/" + socket.gethostname().lower()

    def write(self, labels):
        """Set these labels, none of which is ever removed: dropped means `false`. Raises OSError, HTTPException."""
        has = json.loads(self._ask("GET"))["metadata"].get("labels") or {}
        if changed := {k: v for k, v in labels.items() if has.get(k) != v}:
            self._ask("PATCH", json.dumps({"metadata": {"labels": changed}}))
            say(f"labels {changed}")

    def _ask(self, method, body=None):
        connection = http.client.HTTPSConnection(self._address, timeout=5, context=self._context)
        try:
            kind = {"Content-Type": "application/merge-patch+json"} if body else {}
            connection.request(method, self._node, body, kind)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise OSError(f"the API server answered {answer.status}")
        return text


class Host:
    """The switch, and the loop. One thing at a time: while it restarts a unit or sends a label, it is deaf."""

    def __init__(self, removes_local):
        self.removes_local = removes_local
        self.redis = Redis()
        self.told = Redis()
        self.transitions = Transitions(self)
        self.labels = {}
        self.joined = False
        self.retrying = False
        self.timers = []

    def active(self, feature):
        return subprocess.run(["systemctl", "is-active", "--quiet", feature]).returncode == 0

    def restart(self, feature):
        say(f"restart {feature}")
        subprocess.run(["systemctl", "restart", feature])

    def label(self, feature, wanted):
        self.redis.write(LABELS, {f"{feature}_enabled": "true" if wanted else "false"})

    def served(self, feature):
        if self.removes_local:
            self.timers.append((time.monotonic() + REMOVAL, lambda: self._remove(feature)))

    def run(self):
        patterns = [f"__keyspace@{STATE_DB}__:{LABELS}", f"__keyspace@{CONFIG_DB}__:{SERVER}"]
        patterns += [f"__keyspace@{number}__:FEATURE|*" for number in (CONFIG_DB, STATE_DB)]
        for pattern in patterns:
            self.told.command("PSUBSCRIBE", pattern)
        self._server()
        for number in (CONFIG_DB, STATE_DB):
            for key in self.redis.keys(number, "FEATURE|*"):
                self._row(number, key)
        self._row(STATE_DB, LABELS)
        while True:
            due = min((moment for moment, _ in self.timers), default=None)
            patience = None if due is None else max(0, due - time.monotonic())
            if select.select([self.told.link], [], [], patience)[0]:
                for channel in self.told.messages():
                    number, _, key = channel.removeprefix("__keyspace@").partition("__:")
                    self._row(int(number), key)
            now = time.monotonic()
            over, self.timers = [t for t in self.timers if t[0] <= now], [t for t in self.timers if t[0] > now]
            for _, action in over:
                action()

    def _row(self, number, key):
        """A row has changed: it is read as it is now, however old the message."""
        if key == SERVER:
            self._server()
        elif key == LABELS:
            self.labels = self.redis.row(STATE_DB, LABELS)
            if self.joined and not self.retrying:
                self._send()
        elif (feature := key.removeprefix("FEATURE|")) != NO_FEATURE:
            take = self.transitions.config if number == CONFIG_DB else self.transitions.state
            take(feature, self.redis.row(number, key))

    def _server(self):
        row = self.redis.row(CONFIG_DB, SERVER)
        joined = bool(row.get("ip")) and row.get("disable", "false").lower() == "false" and os.path.exists(KUBECONFIG)
        if joined and not self.joined:
            self.joined = True
            self.redis.write(LABELS, {"hwsku": "sandbox"})
        self.joined = joined

    def _send(self):
        self.retrying = False
        try:
            Api().write(self.labels)
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            say(f"labels later: {error}")
            self.retrying = True
            self.timers.append((time.monotonic() + LABEL_RETRY, self._send))

    def _remove(self, feature):
        """Only one that does not run."""
        with contextlib.suppress(OSError):
            done = subprocess.run(["docker", "rm", feature], capture_output=True)
            say(f"local container {feature} " + ("removed" if done.returncode == 0 else "stays"))


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    Host("--removes-local" in sys.argv[1:]).run()
