"""Containers with a life: what the fake Docker holds, without any HTTP. Same order of events as Docker 20 to 28.

No processes run: crash() and the container's own settings say how one ends. The contract tests prove it.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import signal
import tarfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RUNNING = ("running", "paused", "restarting")


@dataclass
class FakeContainer:
    """`on_term` is its exit code after SIGTERM, or None when it ignores it; `lingers`: seconds that it takes to end.

    `log` is (1 stdout | 2 stderr, bytes). `files`: path -> content. `ended`: when it ended last.
    `processes`: [pid, command line] or [pid, command line, environment as ps shows it]; the first is the container's
    own, and the others' parent.
    """

    id: str
    name: str
    image: str = "tiny:1"
    labels: dict[str, str] = field(default_factory=dict)
    state: str = "created"
    exit_code: int = 0
    on_term: int | None = 0
    lingers: float = 0.0
    tty: bool = False
    health: str = ""
    log: list[tuple[int, bytes]] = field(default_factory=list)
    processes: list[list[str]] = field(default_factory=list)
    boot: list[list[str]] = field(default_factory=list)
    starts: int = 0
    ends: int = 0
    env: list[str] = field(default_factory=list)
    created: float = field(default_factory=time.time)
    started: float = 0.0
    shift: float = 0.0  # by how much the clock was wrong when it started
    ended: float = 0.0
    files: dict[str, bytes] = field(default_factory=dict)


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Life:
    """All containers and events; `changed` is held while either is looked at or changed."""

    def __init__(self) -> None:
        self.containers: dict[str, FakeContainer] = {}
        self.changed = threading.Condition(threading.RLock())
        self.history: deque[dict[str, Any]] = deque(maxlen=1000)
        self.told = 0  # how many events there ever were
        self.start_takes = 0.0  # seconds, in which what else is asked is answered
        self.shift = 0.0  # seconds by which the host's clock is wrong: Docker's times are that clock's
        self.images: set[str] = set()  # the names that images have; a container's image is here until it is taken out

    def create(self, name: str, *, id: str = "", start: bool = False, **settings: Any) -> FakeContainer:
        """A container, as `docker create`; `settings` are FakeContainer's fields."""
        with self.changed:
            if any(c.name == name for c in self.containers.values()):
                raise Refusal(409, f'Conflict. The container name "/{name}" is already in use')
            made = FakeContainer(id or secrets.token_hex(32), name, created=self.now(), **settings)
            self.containers[made.id] = made
            self.images.add(made.image)
            self.emit("create", made)
            if start:
                self.run(made)
            return made

    def now(self) -> float:
        """Unix time by the host's clock."""
        return time.time() + self.shift

    def crash(self, name: str, code: int = 1) -> None:
        """The container's process ends by itself."""
        with self.changed:
            self.end(self.get(name), code)

    def announce_end(self, name: str, grace: float = 30.0) -> None:
        """What a kubelet does to a container that is to go: SIGTERM, and SIGKILL after `grace` seconds.

        Returns when it has ended; its events are kill (signal 15), die, stop. One that is deaf (`on_term` None) is
        ended meanwhile by `crash`, from another thread.
        """
        with self.changed:
            self.stop_container(self.get(name), grace)

    def image(self, ref: str) -> str:
        """The id of an image, by a name that it has, or by its id as long as a container uses it or it has a name."""
        ids = {image_id(name): name for name in (*self.images, *(c.image for c in self.containers.values()))}
        name = ref if ":" in ref.rpartition("/")[2] else f"{ref}:latest"
        if name not in self.images and ref not in ids:
            raise Refusal(404, f"No such image: {ref}")
        return ref if ref in ids else image_id(name)

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
            now = int(self.now() * 1e9)
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
            self.changed.wait_for(lambda: False, self.start_takes)
            container.state, container.exit_code = "running", 0
            container.starts += 1
            container.processes = container.boot or container.processes
            container.started, container.shift = self.now(), self.shift
            self.emit("start", container)

    def end(self, container: FakeContainer, code: int) -> None:
        container.state, container.exit_code = "exited", code
        container.ends += 1
        container.ended = self.now()
        self.emit("die", container, exitCode=str(code))

    def stop_container(self, container: FakeContainer, seconds: float) -> None:
        self.emit("kill", container, signal="15")
        if container.state == "paused" and container.on_term is not None:
            container.state = "running"
            self.emit("unpause", container)
        ends = container.ends
        deaf = container.on_term is None or container.lingers > seconds
        # Nobody can end this wait early but a crash, as in Docker.
        self.changed.wait_for(lambda: container.ends > ends, seconds if deaf else container.lingers)
        if container.ends == ends:
            if deaf:
                self.emit("kill", container, signal="9")
            self.end(container, 137 if deaf else container.on_term or 0)
        self.emit("stop", container)

    def signal(self, container: FakeContainer, number: int) -> None:
        """`docker kill`: nothing is waited for."""
        self.emit("kill", container, signal=str(number))
        if number == signal.SIGKILL:
            self.end(container, 137)
        elif number == signal.SIGTERM and container.on_term is not None:
            self.end(container, container.on_term)

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
            self.signal(container, _number_of(query.get("signal", "KILL")))
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


def row(container: FakeContainer) -> dict[str, object]:
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
        "Created": int(container.created),
    }


def image_id(name: str) -> str:
    """The id of the image that has this name, or once had: its containers know it by that."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def described(container: FakeContainer) -> dict[str, Any]:
    state: dict[str, object] = {
        "Status": container.state,
        "Running": container.state in RUNNING,
        "Paused": container.state == "paused",
        "Restarting": container.state == "restarting",
        "Dead": container.state == "dead",
        "ExitCode": container.exit_code,
        "StartedAt": _rfc3339(container.started) if container.started else "0001-01-01T00:00:00Z",
        "FinishedAt": _rfc3339(container.ended) if container.ended else "0001-01-01T00:00:00Z",
    }
    if container.health:
        state["Health"] = {"Status": container.health}
    return {
        "Id": container.id,
        "Name": f"/{container.name}",
        "Image": image_id(container.image),
        "State": state,
        "Config": {
            "Image": container.image,
            "Labels": container.labels,
            "Tty": container.tty,
            "Env": [*container.env],
        },
    }


def processes(container: FakeContainer, columns: Sequence[str], environment: bool = False) -> list[list[str]]:
    """What ps says of its processes; `environment`: with it behind the command line, as its option `e` has it."""
    rows = []
    for index, (pid, args, *rest) in enumerate(container.processes):
        said = {
            "pid": pid,
            "ppid": container.processes[0][0] if index else "1",
            "pgid": pid,
            "s": "Z" if "<defunct>" in args else "S",
            "etimes": f"{time.time() - container.started + container.shift:.0f}" if container.started else "3600",
            "args": " ".join([args, *rest] if environment else [args]),
        }
        if unknown := [column for column in columns if column not in said]:
            raise Refusal(500, f"ps: exit status 1: error: unknown user-defined format specifier {unknown[0]!r}")
        rows.append([said[column] for column in columns])
    return rows


def packed(path: str, files: dict[str, bytes]) -> bytes:
    """A tar archive of the file at `path`, or of what is below that folder; names begin with the last of `path`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            if name == path or name.startswith(f"{path}/"):
                member = tarfile.TarInfo(name.removeprefix(path.rpartition("/")[0] + "/"))
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def _number_of(word: str) -> int:
    """A signal's number from `15`, `TERM` or `SIGTERM`."""
    try:
        return int(word) if word.isdigit() else signal.Signals[f"SIG{word.removeprefix('SIG')}"].value
    except KeyError:
        raise Refusal(400, f"invalid signal: {word}") from None


def _rfc3339(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e9):09d}Z"


def chosen(container: FakeContainer, filters: dict[str, list[str]]) -> bool:
    """Whether the list's filters let a container through: any of the states, all of the labels."""
    labels = {f"{name}={value}" for name, value in container.labels.items()}
    return container.state in filters.get("status", (container.state,)) and labels.issuperset(filters.get("label", ()))


def passes(event: Mapping[str, Any], filters: Mapping[str, Iterable[str]]) -> bool:
    actor = event["Actor"]
    name, id = actor["Attributes"]["name"], event["id"]
    tests: dict[str, Callable[[str], bool]] = {
        # As Docker does: the beginning of the id or of the name will do.
        "container": lambda word: name.startswith(word) or id.startswith(word),
        "type": lambda word: event["Type"] == word,
        "event": lambda word: event["Action"] == word,
        "label": lambda word: actor["Attributes"].get(word.partition("=")[0]) == word.partition("=")[2],
    }
    # One of the words will do, but of labels every one is asked for.
    return all(
        (all if kind == "label" else any)(tests[kind](word) for word in words)
        for kind, words in filters.items()
        if kind in tests
    )
