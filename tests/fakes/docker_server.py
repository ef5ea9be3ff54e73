"""A small Docker: containers with a life (docker_life.py) behind HTTP on a unix socket, with failures on request."""

from __future__ import annotations

import http.server
import json
import os
import re
import socketserver
import threading
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass

from tests.fakes.docker_life import (
    RUNNING,
    FakeContainer,
    Life,
    Refusal,
    chosen,
    described,
    packed,
    passes,
    processes,
    row,
)


@dataclass
class Failure:
    """What an injected failure answers: `kind` is hang, slow, raw. `raw` bytes are sent as they are, then closed."""

    pattern: re.Pattern[str]
    kind: str
    raw: bytes = b""
    seconds: float = 0.0
    times: int | None = None


class DockerServer(Life):
    """Serves from creation to stop(); a context manager. `calls` counts (method, path without version and query)."""

    def __init__(self, address: str, api: str = "1.41", min_api: str = "1.12") -> None:
        super().__init__()
        self.address, self.api, self.min_api = address, api, min_api
        self.calls: Counter[tuple[str, str]] = Counter()
        self.failures: list[Failure] = []
        self.slow = 0.0  # seconds by which each answer is late
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
            self._server.over = True
            self.changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = None

    def __enter__(self) -> DockerServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def inject(self, pattern: str, kind: str, raw: bytes = b"", seconds: float = 0.0, times: int | None = None) -> None:
        """From now on answer calls whose `METHOD /path` matches with a failure, `times` times or always."""
        self.failures.append(Failure(re.compile(pattern), kind, raw, seconds, times))

    def refuse(self, pattern: str, message: str, status: int = 500, times: int | None = None) -> None:
        """From now on such calls are refused with Docker's own kind of answer, and nothing is done."""
        body = json.dumps({"message": message}).encode()
        head = f"HTTP/1.0 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.inject(pattern, "raw", raw=head.encode() + body, times=times)

    def heal(self) -> None:
        """No call fails any more, and none is late."""
        self.failures.clear()
        self.slow = 0.0

    def failure_for(self, call: str) -> Failure | None:
        with self.changed:
            for failure in self.failures:
                if failure.pattern.search(call) and failure.times != 0:
                    if failure.times is not None:
                        failure.times -= 1
                    return failure
        return None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    # Every thread is waited for at the end: a request that hangs is let go by then, also one that comes to it later.
    daemon_threads = False
    over = False
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
        if docker.slow:
            self._dawdle(docker.slow)
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
        if failure.kind in ("hang", "slow"):
            self._dawdle(None if failure.kind == "hang" else failure.seconds)
            return failure.kind == "hang"
        self.wfile.write(failure.raw)
        return True

    def _dawdle(self, seconds: float | None) -> None:
        """Do nothing for so long (None: for ever), or until the server ends."""
        docker = self.server.docker
        with docker.changed:
            generation = docker.generation
            docker.changed.wait_for(lambda: self._let_go(generation), seconds)

    def _let_go(self, generation: int) -> bool:
        """Whether nothing is to be waited for any more, by a request of this generation."""
        return self.server.over or self.server.docker.generation != generation

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
                filters = json.loads(asked.get("filters") or "{}")
                wanted = wanted or "status" in filters
                shown = [c for c in docker.containers.values() if wanted or c.state in RUNNING]
                # The newest first, as Docker lists them.
                rows = [row(c) for c in reversed(shown) if chosen(c, filters)]
            self._json(200, rows)
        elif self.command == "GET" and parts[0] == "images" and parts[-1] == "json":
            with docker.changed:
                id = docker.image("/".join(parts[1:-1]))
            self._json(200, {"Id": id, "Config": {"Env": ["PATH=/bin"], "Labels": {}}})
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
            self._json(200, described(container))
        elif self.command == "GET" and word == "top":
            if container.state not in RUNNING:
                raise Refusal(409, f"Container {container.id} is not running")
            words = asked.get("ps_args", "").split() or ["-eo", "pid,args"]
            columns, more = words[1].split(","), words[2:]
            told = processes(container, columns, any("e" in word for word in more))
            self._json(200, {"Titles": [column.upper() for column in columns], "Processes": told})
        elif self.command == "GET" and word == "archive":
            path = asked.get("path", "")
            if not any(name == path or name.startswith(f"{path}/") for name in container.files):
                raise Refusal(404, f"Could not find the file {path} in container {container.name}")
            archive = packed(path, container.files)
            self._head(200, "application/x-tar", len(archive))
            self.wfile.write(archive)
        elif self.command == "GET" and word == "logs":
            self._logs(container, asked.get("tail", "all"))
        elif self.command == "POST" and word == "wait":
            self._wait(container, asked.get("condition", "not-running"))
        elif self.command == "POST":
            self._head(docker.act(container, word, asked))
        else:
            raise Refusal(404, "page not found")

    def _wait(self, container: FakeContainer, condition: str) -> None:
        docker = self.server.docker
        self._head(200, "application/json")
        self.wfile.flush()
        generation, ends = docker.generation, container.ends

        def over() -> bool:
            return container.ends > ends or (condition == "not-running" and container.state not in RUNNING)

        docker.changed.wait_for(lambda: over() or self._let_go(generation))
        if not self._let_go(generation):
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
                if passes(event, filters):
                    self.wfile.write(json.dumps(event).encode() + b"\n")
            with docker.changed:
                while docker.told == seen and not self._let_go(generation):
                    if not docker.changed.wait(None if until is None else max(0.0, until - time.time())):
                        return
                if self._let_go(generation):
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
