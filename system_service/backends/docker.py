"""What is asked of Docker, and told it: the one client, of commands and of those who stay.

What Docker says is taken tolerantly: it is another program's word. The waiter lives on this for weeks: no typing, and
docker_json.py, which makes records of what commands look at, is imported where they do.
"""

from __future__ import annotations

import json
import os
import select

from system_service.backends.docker_api import TIMEOUT, Api, sentence
from system_service.errors import Failed, TimedOut, UnknownFeature, UnknownImage, Unreachable
from system_service.wire import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from system_service.backends.docker_api import Request
    from system_service.model.snapshot import Container

_DEFAULT_HOST = "unix:///var/run/docker.sock"
# Seconds for a start: a cold disk makes it slow, and giving up early leaves it half known.
_SLOW = 60.0
# Seconds on top of the time a container has to stop: after it Docker kills, reaps and unmounts.
_AFTER_STOP = 10.0
_SHORT = 12  # letters of an id, as Docker shows it


class Docker(Api):
    """Docker's containers and images. A `ref` is a container's exact name or its full id. Raises as Api does."""

    @classmethod
    def from_env(cls, timeout: float = TIMEOUT) -> Docker:
        """The one that $DOCKER_HOST names, else the host's. Raises Unreachable if that is no unix socket.

        `timeout`: seconds for an answer.
        """
        host = os.environ.get("DOCKER_HOST") or _DEFAULT_HOST
        address = host.removeprefix("unix://")
        if address == host or not address.startswith("/"):
            raise Unreachable(f"DOCKER_HOST is {host}, and only unix:///PATH is spoken here", "unset DOCKER_HOST")
        return cls(address, timeout)

    def client_argv(self, *words: str) -> list[str]:
        """The command line of the host's docker client for this Docker, to be exec'ed."""
        return ["docker", "-H", f"unix://{self.address}", *words]

    def containers(self) -> tuple[Container, ...]:
        """All containers, the stopped ones too, in one call, newest first. Rows that are none are left out."""
        from system_service.backends.docker_json import from_row

        return tuple(found for row in self._list("all=1") if (found := from_row(row)))

    def find(self, name: str) -> Container | None:
        """The container of exactly this name, or None. Its `status` is "": only the list has Docker's text."""
        from system_service.backends.docker_json import from_inspect

        found = self.inspect(name)
        return from_inspect(found, name) if found is not None and found.get("Name") == f"/{name}" else None

    def running(self, labels: Sequence[str]) -> list[str]:
        """Full ids of the containers with all these labels that run, paused ones too, oldest first."""
        filters = json.dumps({"label": list(labels), "status": ["running", "paused", "restarting"]})
        # Docker lists the newest first, by moments of which it tells whole seconds.
        rows = [row for row in reversed(self._list(f"filters={http.quote(filters)}")) if _has(row, labels)]
        return [row["Id"] for row in sorted(rows, key=_created)]

    def inspect(self, ref: str) -> dict[str, Any] | None:
        """The container as Docker describes it, with a State; None when there is none.

        `ref`: its name or id; here alone the first 12 letters of the id will do.
        """
        response = self._about("GET", ref, "/json")
        # Where no container has this name, and several have ids that begin so, Docker calls it a failure of its own.
        if response is None or "multiple ids found" in sentence(response).lower():
            return None
        found = self._parsed(response)
        if not isinstance(found, dict) or not isinstance(found.get("State"), dict):
            raise self.nonsense("a container that is none")
        id, name = str(found.get("Id")), found.get("Name")
        # Docker takes the beginning of an id for a name, however short.
        return found if name == f"/{ref}" or id == ref or (len(ref) >= _SHORT and id.startswith(ref)) else None

    def image(self, ref: str) -> dict[str, Any]:
        """What Docker knows of an image, as it says it. Raises UnknownImage when there is none."""
        response = self._call("GET", f"/images/{http.quote(ref)}/json")
        message = sentence(response)
        if response.status == 404 and "no such image" in message.lower():
            raise UnknownImage(f"Docker: {message}", "docker images")
        found = self._parsed(response)
        if not isinstance(found, dict):
            raise self.nonsense("an image that is none")
        return found

    def has_image(self, ref: str) -> bool:
        """Whether this image is here."""
        try:
            self.image(ref)
        except UnknownImage:
            return False
        return True

    def top(self, ref: str, columns: str) -> list[list[str]] | None:
        """The processes in a container, a row each: what the host's ps says for these columns (`pid,args`).

        The last column, however long, has the process's environment after its own text. None when the container does
        not run (any more).
        """
        response = self._about("GET", ref, f"/top?ps_args={http.quote(f'-eo {columns} eww')}")
        if response is None or _rests(response):
            return None
        found = self._parsed(response)
        rows = found.get("Processes", "") if isinstance(found, dict) else ""
        if rows is None:  # the last one has just ended
            rows = []
        if not isinstance(rows, list):
            raise self.nonsense("processes that are none")
        width = columns.count(",") + 1
        return [[str(word) for word in row] for row in rows if isinstance(row, list) and len(row) == width]

    def archive(self, ref: str, path: str) -> bytes | None:
        """A file or folder of a container, running or not, as a tar archive; None when there is none of that path.

        Raises UnknownFeature when there is no such container.
        """
        response = self._about("GET", ref, f"/archive?path={http.quote(path)}")
        if response is None:
            raise no_container(ref)
        if "could not find the file" in sentence(response).lower():
            return None
        return self._good(response)

    def read(self, ref: str, path: str) -> bytes | None:
        """A file of a container; None when it has none of that path, or is gone."""
        try:
            archive = self.archive(ref, path)
        except UnknownFeature:
            return None
        return None if archive is None else _first_file(archive)

    def logs(self, ref: str, tail: int) -> bytes:
        """The last so many lines that it wrote, stdout and stderr as they came.

        Raises UnknownFeature when there is no such container.
        """
        from system_service.backends.docker_json import as_object, unframed

        described = self.inspect(ref)
        response = described and self._about("GET", ref, f"/logs?stdout=1&stderr=1&tail={tail}")
        if not described or not response:
            raise no_container(ref)
        log = self._good(response)
        text = log if as_object(described.get("Config")).get("Tty") is True else unframed(log)
        if text is None:
            raise self.nonsense("a log that is none")
        return text

    def start(self, ref: str) -> bool:
        """Whether it was started; False if it ran already.

        Raises Failed for a paused one, UnknownFeature for one that is not there.
        """
        return self._done(ref, self._about("POST", self._exact(ref), "/start", _SLOW))

    def stop(self, ref: str, grace: int) -> bool | None:
        """Ask it to end, kill it after `grace` seconds, and see it stopped; a paused one too.

        False if it did not run, None when there is no such container.
        """
        response = self._about("POST", self._exact(ref), f"/stop?t={grace}", grace + _AFTER_STOP)
        if response is None:
            return None
        stopped = self._done(ref, response)
        try:
            found = self.inspect(ref)
        except (Unreachable, TimedOut):  # one that goes down itself: its word has to do
            return stopped
        if found is not None and found["State"].get("Running"):
            raise Failed(f"container {ref[:_SHORT]} still runs after it was stopped", "docker ps; journalctl -u docker")
        return stopped

    def kill(self, ref: str) -> bool | None:
        """End it at once. False if it did not run, None when there is no such container."""
        response = self._about("POST", self._exact(ref), "/kill")
        if response is None:
            return None
        return False if _rests(response) else self._done(ref, response)

    def unpause(self, ref: str) -> None:
        """Let a paused one run on. Raises UnknownFeature when there is no such container."""
        self._done(ref, self._about("POST", self._exact(ref), "/unpause"))

    def restart(self, ref: str, grace: int, between: Callable[[], None] | None = None) -> None:
        """Stop and start it in one go: the same container, so that who else watches it does not notice.

        A stopped one is started. Raises UnknownFeature for one that is not there.

        `between` is called once its old processes are dead, while Docker starts it anew; not where it did not run, or
        did not end.
        """
        request = http.request if between is None else _request_between(between, grace + _AFTER_STOP)
        self._done(ref, self._about("POST", self._exact(ref), f"/restart?t={grace}", grace + _SLOW, request))

    def _list(self, query: str) -> list[Any]:
        found = self._parsed(self._call("GET", f"/containers/json?{query}"))
        if not isinstance(found, list):
            raise self.nonsense("a list of containers that is none")
        return found

    def _exact(self, ref: str) -> str:
        """`ref` for an action: Docker takes `abc` for the beginning of an id, and would stop a stranger. "": none."""
        if len(ref) < 64 and not ref.strip("0123456789abcdef"):
            found = self.inspect(ref)
            return str(found.get("Id")) if found is not None and found.get("Name") == f"/{ref}" else ""
        return ref

    def _about(
        self, method: str, ref: str, tail: str, timeout: float | None = None, request: Request = http.request
    ) -> http.Response | None:
        """What Docker answers about a container; None when there is no such container."""
        if not _possible(ref):
            return None
        response = self._call(method, f"/containers/{ref}{tail}", timeout, request)
        gone = response.status == 404 and "no such container" in sentence(response).lower()
        return None if gone else response

    def _done(self, ref: str, response: http.Response | None) -> bool:
        """Whether an action has changed anything; raises what Docker says instead."""
        if response is None:
            raise no_container(ref)
        if response.status not in (204, 304):  # 200 is what anything else that speaks HTTP would say
            raise self._refusal(response)
        return response.status == 204


def no_container(ref: str) -> UnknownFeature:
    """The error of asking for a container that there is not."""
    return UnknownFeature(f"no container {ref if _possible(ref) else repr(ref)}", "docker ps -a")


def _possible(ref: str) -> bool:
    """Whether Docker can have named a container so. Nothing else is asked for: `..` would be another path."""
    return ref.isascii() and ref[:1].isalnum() and ref.replace("_", "").replace(".", "").replace("-", "").isalnum()


def _rests(response: http.Response) -> bool:
    """Whether Docker refuses because the container does not run."""
    message = sentence(response).lower()
    return "is not running" in message or "is restarting" in message


def _request_between(between: Callable[[], None], seconds: float) -> Request:
    """A request for a restart, which calls this between the end, if that comes within these seconds, and the start."""

    def request(address: str, method: str, path: str, *, timeout: float) -> http.Response:
        container = path.rpartition("/restart")[0]
        with http.Exchange(address, method, f"{container}/wait?condition=next-exit", timeout=timeout) as end:
            # Docker answers that far when it has begun to wait: no end is missed from here on.
            heard = end.begin().status == 200
            with http.Exchange(address, method, path, timeout=timeout) as restart:
                if heard and _first(end, restart, seconds) and _ended(end):
                    between()
                return restart.finish()

    return request


def _first(end: http.Exchange, other: http.Exchange, seconds: float) -> bool:
    """Whether `end` is answered before the other, and within this time."""
    poller = select.poll()
    for exchange in (end, other):
        poller.register(exchange, select.POLLIN)
    return any(fd == end.fileno() for fd, _ in poller.poll(seconds * 1000))


def _ended(end: http.Exchange) -> bool:
    """Whether that is what was answered; a daemon that hangs up says nothing of any process."""
    try:
        answer = json.loads(end.finish().body)
    except (OSError, http.HTTPError, ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and isinstance(answer.get("StatusCode"), int) and not answer.get("Error")


def _has(row: Any, expected: Sequence[str]) -> bool:
    """Whether this row of a list has exactly these labels: one that does not know the filter lists everything."""
    labels = row.get("Labels") if isinstance(row, dict) and isinstance(row.get("Id"), str) else None
    pairs = {f"{name}={value}" for name, value in labels.items()} if isinstance(labels, dict) else set()
    return pairs.issuperset(expected)


def _created(row: dict[str, Any]) -> float:
    created = row.get("Created")
    return created if isinstance(created, (int, float)) else 0


def _first_file(archive: bytes) -> bytes | None:
    """The content of the first plain file of a tar archive (POSIX ustar); None when there is none."""
    at = 0
    while at + 512 <= len(archive):
        kind = archive[at + 156 : at + 157]
        try:
            size = int(archive[at + 124 : at + 136].strip(b" \0") or b"0", 8)
        except ValueError:
            return None
        if size < 0:
            return None
        if kind in (b"0", b"\0") and archive[at : at + 1] != b"\0":
            return archive[at + 512 : at + 512 + size]
        at += 512 + (size + 511) // 512 * 512
    return None
