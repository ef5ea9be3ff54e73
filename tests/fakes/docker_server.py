"""A small Docker: containers with a life, on a unix socket, over HTTP. Same order of events as Docker 20 to 28.

No processes run in it: crash() and the container's own settings say how one ends. The contract tests prove it.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import secrets
import socketserver
import threading
import time
import urllib.parse
from collections import Counter, deque
from dataclasses import dataclass, field

RUNNING = ("running", "paused", "restarting")


@dataclass
class FakeContainer:
    """`on_term` is its exit code after SIGTERM, or None when it ignores it. `log` is (1 stdout | 2 stderr, bytes)."""

    id: str
    name: str
    image: str = "tiny:1"
    labels: dict[str, str] = field(default_factory=dict)
    state: str = "created"
    exit_code: int = 0
    on_term: int | None = 0
    tty: bool = False
    health: str = ""
    log: list[tuple[int, bytes]] = field(default_factory=list)
    processes: list[list[str]] = field(default_factory=list)
    starts: int = 0


@dataclass
class Failure:
    """What an injected failure answers: `kind` is hang, slow, raw. `raw` bytes are sent as they are, then closed."""

    pattern: re.Pattern[str]
    kind: str
    raw: bytes = b""
    seconds: float = 0.0
    times: int | None = None


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class DockerServer:
    """Serves from creation to stop(); a context manager. `calls` counts (method, path without version and query)."""

    def __init__(self, address: str, api: str = "1.41", min_api: str = "1.12") -> None:
        self.address, self.api, self.min_api = address, api, min_api
        self.calls: Counter[tuple[str, str]] = Counter()
        self.containers: dict[str, FakeContainer] = {}
        self.failures: list[Failure] = []
        self.changed = threading.Condition(threading.RLock())
        self.history: deque[dict[str, object]] = deque(maxlen=1000)
        self.told = 0  # how many events there ever were
        self.generation = 0  # a new one ends every stream
        self._server: _Server | None = None
        self.start()

    def start(self) -> None:
        """Listen (again): containers are still there, as with live-restore."""
        if os.path.exists(self.address):
            os.unlink(self.address)
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Go away: the socket's file stays and refuses, the streams end."""
        if self._server is None:
            return
        with self.changed:
            self.generation += 1
            self.changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = None

    def __enter__(self) -> DockerServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create(self, name: str, *, id: str = "", start: bool = False, **settings: object) -> FakeContainer:
        """A container, as `docker create`; `settings` are FakeContainer's fields."""
        with self.changed:
            if any(c.name == name for c in self.containers.values()):
                raise Refusal(409, f'Conflict. The container name "/{name}" is already in use')
            made = FakeContainer(id or secrets.token_hex(32), name, **settings)
            self.containers[made.id] = made
            self.emit("create", made)
            if start:
                self.run(made)
            return made

    def crash(self, name: str, code: int = 1) -> None:
        """The container's process ends by itself."""
        with self.changed:
            self.end(self.get(name), code)

    def inject(self, pattern: str, kind: str, raw: bytes = b"", seconds: float = 0.0, times: int | None = None) -> None:
        """From now on answer calls whose `METHOD /path` matches with a failure, `times` times or always."""
        self.failures.append(Failure(re.compile(pattern), kind, raw, seconds, times))

    def failure_for(self, call: str) -> Failure | None:
        with self.changed:
            for failure in self.failures:
                if failure.pattern.search(call) and failure.times != 0:
                    if failure.times is not None:
                        failure.times -= 1
                    return failure
        return None

    def get(self, ref: str) -> FakeContainer:
        """By full id, name, or the beginning of an id, in Docker's order."""
        if ref in self.containers:
            return self.containers[ref]
        for container in self.containers.values():
            if container.name == ref:
                return container
        found = [c for c in self.containers.values() if c.id.startswith(ref)]
        if len(found) > 1:
            raise Refusal(500, f"Multiple IDs found with provided prefix: {ref}")
        if not found:
            raise Refusal(404, f"No such container: {ref}")
        return found[0]

    def emit(self, action: str, container: FakeContainer, **attributes: str) -> None:
        with self.changed:
            now = time.time_ns()
            self.history.append(
                {
                    "status": action,
                    "id": container.id,
                    "from": container.image,
                    "Type": "container",
                    "Action": action,
                    "Actor": {
                        "ID": container.id,
                        "Attributes": {
                            **container.labels,
                            "image": container.image,
                            "name": container.name,
                            **attributes,
                        },
                    },
                    "scope": "local",
                    "time": now // 10**9,
                    "timeNano": now,
                }
            )
            self.told += 1
            self.changed.notify_all()

    def run(self, container: FakeContainer) -> None:
        with self.changed:
            container.state, container.exit_code = "running", 0
            container.starts += 1
            self.emit("start", container)

    def end(self, container: FakeContainer, code: int) -> None:
        container.state, container.exit_code = "exited", code
        self.emit("die", container, exitCode=str(code))

    def stop_container(self, container: FakeContainer, seconds: float) -> None:
        self.emit("kill", container, signal="15")
        if container.on_term is None:
            # Nobody can end this wait early but a crash, as in Docker.
            self.changed.wait_for(lambda: container.state not in RUNNING, seconds)
            if container.state in RUNNING:
                self.emit("kill", container, signal="9")
                self.end(container, 137)
        else:
            if container.state == "paused":
                self.emit("unpause", container)
            self.end(container, container.on_term)
        self.emit("stop", container)

    def act(self, container: FakeContainer, verb: str, query: dict[str, str]) -> int:
        """Carry out a POST; the status it is answered with."""
        runs = container.state in RUNNING
        if verb == "start":
            if container.state == "paused":
                raise Refusal(409, "cannot start a paused container, try unpause instead")
            if not runs:
                self.run(container)
            return 304 if runs else 204
        if verb == "stop":
            if runs:
                self.stop_container(container, float(query.get("t", "10")))
            return 204 if runs else 304
        if verb == "restart":
            if runs:
                self.stop_container(container, float(query.get("t", "10")))
            self.run(container)
            self.emit("restart", container)
            return 204
        if verb == "kill":
            if not runs:
                raise Refusal(409, f"Cannot kill container: {container.name}: Container {container.id} is not running")
            self.emit("kill", container, signal="9")
            self.end(container, 137)
            return 204
        if verb in ("pause", "unpause"):
            if verb == "unpause" and container.state != "paused":
                raise Refusal(500, f"Container {container.id} is not paused")
            if verb == "pause" and container.state == "paused":
                raise Refusal(409, f"Container {container.id} is already paused")
            if not runs:
                raise Refusal(409, f"Container {container.id} is not running")
            container.state = "paused" if verb == "pause" else "running"
            self.emit(verb, container)
            return 204
        raise Refusal(404, "page not found")

    def remove(self, container: FakeContainer, force: bool) -> None:
        if container.state in RUNNING:
            if not force:
                raise Refusal(
                    409,
                    f"You cannot remove a running container {container.id}. "
                    "Stop the container before attempting removal or force remove",
                )
            self.emit("kill", container, signal="9")
            self.end(container, 137)
        del self.containers[container.id]
        container.state = "gone"
        self.emit("destroy", container)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    # Every thread is waited for at the end: a request that hangs is let go by the new generation.
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, docker: DockerServer) -> None:
        self.docker = docker
        super().__init__(docker.address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    # Seconds: a client that connects and says nothing does not keep the server from ending.
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at `calls`."""

    def version_string(self) -> str:
        return "Docker/fake (linux)"

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def _answer(self) -> None:
        docker = self.server.docker
        address, _, query = self.path.partition("?")
        asked = {k: v[-1] for k, v in urllib.parse.parse_qs(query).items()}
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        versioned = re.fullmatch(r"/v(\d+\.\d+)(/.*)", address)
        path = urllib.parse.unquote(versioned[2] if versioned else address)
        with docker.changed:
            docker.calls[self.command, path] += 1
        failure = docker.failure_for(f"{self.command} {path}")
        if failure and self._fail(failure):
            return
        if versioned and (message := self._version_refused(versioned[1])):
            self._json(400, {"message": message})
            return
        try:
            self._route(path.strip("/").split("/"), asked)
        except Refusal as error:
            self._json(error.status, {"message": str(error)})

    def _fail(self, failure: Failure) -> bool:
        """True when this was the answer."""
        docker = self.server.docker
        if failure.kind in ("hang", "slow"):
            with docker.changed:
                generation = docker.generation
                limit = None if failure.kind == "hang" else failure.seconds
                docker.changed.wait_for(lambda: docker.generation != generation, limit)
            return failure.kind == "hang"
        self.wfile.write(failure.raw)
        return True

    def _version_refused(self, version: str) -> str:
        docker = self.server.docker
        if _number(version) > _number(docker.api):
            return f"client version {version} is too new. Maximum supported API version is {docker.api}"
        if _number(version) < _number(docker.min_api):
            return (
                f"client version {version} is too old. Minimum supported API version is {docker.min_api}, "
                "please upgrade your client to a newer version"
            )
        return ""

    def _route(self, parts: list[str], asked: dict[str, str]) -> None:
        docker = self.server.docker
        if parts in (["_ping"], ["version"]):
            told = {"Version": "20.10.0", "ApiVersion": docker.api, "MinAPIVersion": docker.min_api}
            self._json(200, told)
        elif parts == ["events"]:
            self._events(asked)
        elif self.command == "GET" and parts == ["containers", "json"]:
            with docker.changed:
                wanted = asked.get("all") in ("1", "true", "True")
                rows = [_row(c) for c in docker.containers.values() if wanted or c.state in RUNNING]
            self._json(200, rows)
        elif len(parts) in (2, 3) and parts[0] == "containers":
            with docker.changed:
                container = docker.get(parts[1])
                self._container(container, parts[2] if len(parts) == 3 else "", asked)
        else:
            raise Refusal(404, "page not found")

    def _container(self, container: FakeContainer, word: str, asked: dict[str, str]) -> None:
        docker = self.server.docker
        if self.command == "DELETE" and not word:
            docker.remove(container, asked.get("force") in ("1", "true", "True"))
            self._head(204)
        elif self.command == "GET" and word == "json":
            self._json(200, _described(container))
        elif self.command == "GET" and word == "top":
            self._json(200, {"Titles": ["PID", "CMD"], "Processes": container.processes})
        elif self.command == "GET" and word == "logs":
            self._logs(container, asked.get("tail", "all"))
        elif self.command == "POST" and word == "wait":
            self._wait(container)
        elif self.command == "POST":
            self._head(docker.act(container, word, asked))
        else:
            raise Refusal(404, "page not found")

    def _wait(self, container: FakeContainer) -> None:
        docker = self.server.docker
        self._head(200, "application/json")
        generation = docker.generation
        docker.changed.wait_for(lambda: container.state not in RUNNING or docker.generation != generation)
        if docker.generation == generation:
            self.wfile.write(json.dumps({"Error": None, "StatusCode": container.exit_code}).encode() + b"\n")

    def _logs(self, container: FakeContainer, tail: str) -> None:
        lines = container.log if tail == "all" else container.log[-int(tail) or len(container.log) :]
        self._head(200, "application/octet-stream")
        for stream, text in lines:
            frame = bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big")
            self.wfile.write(text if container.tty else frame + text)

    def _events(self, asked: dict[str, str]) -> None:
        docker = self.server.docker
        filters = json.loads(asked.get("filters") or "{}")
        until = float(asked["until"]) if "until" in asked else None
        with docker.changed:
            generation, seen = docker.generation, docker.told
            past = [e for e in docker.history if "since" in asked and e["timeNano"] >= float(asked["since"]) * 1e9]
        self._head(200, "application/json")
        new = past
        while True:
            for event in new:
                if _passes(event, filters):
                    self.wfile.write(json.dumps(event).encode() + b"\n")
            with docker.changed:
                while docker.told == seen and docker.generation == generation:
                    if not docker.changed.wait(None if until is None else max(0.0, until - time.time())):
                        return
                if docker.generation != generation:
                    return
                new = list(docker.history)[seen - docker.told :]
                seen = docker.told

    def _head(self, status: int, kind: str = "", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Api-Version", self.server.docker.api)
        if kind:
            self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _json(self, status: int, told: object) -> None:
        body = json.dumps(told).encode() + b"\n"
        self._head(status, "application/json", len(body))
        self.wfile.write(body)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _row(container: FakeContainer) -> dict[str, object]:
    health = f" ({container.health.replace('starting', 'health: starting')})" if container.health else ""
    status = {
        "created": "Created",
        "running": f"Up 5 minutes{health}",
        "paused": "Up 5 minutes (Paused)",
        "restarting": f"Restarting ({container.exit_code}) 5 seconds ago",
        "exited": f"Exited ({container.exit_code}) 5 minutes ago",
        "dead": "Dead",
        "removing": "Removal In Progress",
    }[container.state]
    return {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": container.image,
        "State": container.state,
        "Status": status,
        "Labels": container.labels,
    }


def _described(container: FakeContainer) -> dict[str, object]:
    state: dict[str, object] = {
        "Status": container.state,
        "Running": container.state in RUNNING,
        "Paused": container.state == "paused",
        "Restarting": container.state == "restarting",
        "Dead": container.state == "dead",
        "ExitCode": container.exit_code,
    }
    if container.health:
        state["Health"] = {"Status": container.health}
    return {
        "Id": container.id,
        "Name": f"/{container.name}",
        "State": state,
        "Config": {"Image": container.image, "Labels": container.labels, "Tty": container.tty},
    }


def _passes(event: dict[str, object], filters: dict[str, object]) -> bool:
    actor = event["Actor"]
    name, id = actor["Attributes"]["name"], event["id"]
    tests = {
        # As Docker does: the beginning of the id or of the name will do.
        "container": lambda word: name.startswith(word) or id.startswith(word),
        "type": lambda word: event["Type"] == word,
        "event": lambda word: event["Action"] == word,
    }
    return all(any(tests[kind](word) for word in words) for kind, words in filters.items() if kind in tests)
