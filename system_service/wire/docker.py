"""The few requests to Docker that those who stay small make: look at a container, start, stop, restart it.

Paths carry no API version: what is asked for here reads the same in all of them, and nothing is to be negotiated.
"""

from __future__ import annotations

import errno
import json
import os
import select

from system_service.errors import Failed, NotPermitted, SwitchError, Unreachable
from system_service.model.critical import COLUMNS
from system_service.wire import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

DEFAULT_HOST = "unix:///var/run/docker.sock"
# Seconds. An inspect waits while the daemon starts or stops this very container.
TIMEOUT = 15.0
STATUS = "systemctl status docker"
"""The next step where dockerd does not answer."""
_END = "/containers/{}/wait?condition=next-exit"
# Seconds for a start; and on top of the time a container has to stop: after it Docker kills, reaps and unmounts.
SLOW, AFTER_STOP = 60.0, 10.0


class Docker:
    """The engine at $DOCKER_HOST. Every method may raise Unreachable or NotPermitted (both name the address), and those
    that change something Failed, with Docker's own sentence."""

    def __init__(self) -> None:
        host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self.address = host.removeprefix("unix://")
        if self.address == host or not self.address.startswith("/"):
            raise Unreachable(f"DOCKER_HOST is {host}, and only unix:///PATH is spoken here", "unset DOCKER_HOST")

    def inspect(self, ref: str) -> dict[str, Any] | None:
        """The container of exactly this name or full id as Docker describes it; None when there is none."""
        found = self._get(f"/containers/{ref}/json")
        if found is None:
            return None
        if not isinstance(found, dict) or not isinstance(found.get("State"), dict):
            self.fail(http.HTTPError("it described no container"))
        # Docker takes the beginning of an id for a name.
        return found if ref in (found.get("Id"), str(found.get("Name")).removeprefix("/")) else None

    def running(self, labels: Sequence[str]) -> list[str]:
        """Full ids of the containers with all these labels that run, paused ones too, oldest first."""
        filters = json.dumps({"label": list(labels), "status": ["running", "paused", "restarting"]})
        found = self._get(f"/containers/json?filters={http.quote(filters)}")
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            self.fail(http.HTTPError("it listed no containers"))
        rows = [row for row in found if isinstance(row.get("Id"), str) and _has(row.get("Labels"), labels)]
        return [row["Id"] for row in sorted(rows, key=_created)]

    def top(self, ref: str) -> list[list[str]] | None:
        """Its processes, a row each with the columns of model/critical.py; None when it does not run (any more)."""
        asked = http.quote(f"-eo {COLUMNS} eww")
        try:
            found = self._get(f"/containers/{ref}/top?ps_args={asked}", missing=(404, 409))
        except Failed:  # Docker's word for "not running" in some versions
            return None
        if found is None:
            return None
        rows = found.get("Processes") if isinstance(found, dict) else None
        width = COLUMNS.count(",") + 1
        shown = [row for row in rows if isinstance(row, list) and len(row) == width] if isinstance(rows, list) else []
        return [[str(word) for word in row] for row in shown]

    def read(self, ref: str, path: str) -> bytes | None:
        """A file of a container; None when it has none of that path."""
        try:
            answer = http.request(
                self.address, "GET", f"/containers/{ref}/archive?path={http.quote(path)}", timeout=TIMEOUT
            )
        except (OSError, http.HTTPError) as error:
            self.fail(error)
        return _first_file(answer.body) if answer.status == 200 else None

    def has_image(self, name: str) -> bool:
        """Whether an image of this name is here."""
        return self._get(f"/images/{http.quote(name)}/json") is not None

    def start(self, ref: str) -> None:
        """Start it; nothing when it runs."""
        self._post(f"/containers/{ref}/start", SLOW)

    def stop(self, ref: str, grace: int) -> None:
        """Stop it and see it stopped; killed after `grace` seconds. Nothing when it does not run, or is gone."""
        self._post(f"/containers/{ref}/stop?t={grace}", grace + AFTER_STOP, gone=True)
        found = self.inspect(ref)
        if found is not None and found["State"].get("Running"):
            raise Failed(f"container {ref[:12]} still runs after it was stopped", "docker ps; journalctl -u docker")

    def restart(self, ref: str, grace: int, between: Callable[[], None] | None = None) -> None:
        """Stop and start it in one go: the same container, so that who else watches it does not notice.

        `between` is called once its old processes are dead, while the daemon starts it anew; not where it did not run,
        or did not end.
        """
        path = f"/containers/{ref}/restart?t={grace}"
        if between is None:
            self._post(path, grace + SLOW)
            return
        try:
            with http.Exchange(self.address, "POST", _END.format(ref), timeout=grace + SLOW) as end:
                # The daemon answers that far when it has begun to wait: no end is missed from here on.
                heard = end.begin().status == 200
                with http.Exchange(self.address, "POST", path, timeout=grace + SLOW) as restart:
                    if heard and _first(end, restart, grace + AFTER_STOP):
                        between()
                    self._accept(restart.finish())
        except (OSError, http.HTTPError) as error:
            self.fail(error)

    def _get(self, path: str, missing: tuple[int, ...] = (404,)) -> Any:
        try:
            answer = http.request(self.address, "GET", path, timeout=TIMEOUT)
            if answer.status in missing:
                return None
            if answer.status != 200:
                raise _refusal(answer)
            return json.loads(answer.body)
        except (OSError, http.HTTPError, ValueError, RecursionError) as error:
            self.fail(error)

    def _post(self, path: str, timeout: float, gone: bool = False) -> None:
        try:
            answer = http.request(self.address, "POST", path, timeout=timeout)
        except (OSError, http.HTTPError) as error:
            self.fail(error)
        if not (gone and answer.status == 404):
            self._accept(answer)

    def _accept(self, answer: http.Response) -> None:
        """Raises what the answer to a change says, where it is no success."""
        if answer.status in (204, 304):
            return
        refusal = _refusal(answer)
        if isinstance(refusal, Failed):
            raise refusal
        self.fail(refusal)

    def fail(self, error: Exception) -> NoReturn:
        """Raise what an operator can read instead of `error`."""
        found: SwitchError
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
            found = NotPermitted(
                f"dockerd at {self.address} may not be asked",
                "run it as root (sudo), or as a member of the docker group",
            )
        else:
            told = (error.strerror if isinstance(error, OSError) else "") or error or type(error).__name__
            found = Unreachable(f"dockerd at {self.address} cannot be reached ({told})", STATUS)
        raise found from error


def _first(end: http.Exchange, other: http.Exchange, seconds: float) -> bool:
    """Whether `end` is answered before the other, and within this time."""
    poller = select.poll()
    for exchange in (end, other):
        poller.register(exchange, select.POLLIN)
    return any(fd == end.fileno() for fd, _ in poller.poll(seconds * 1000))


def _has(labels: Any, wanted: Sequence[str]) -> bool:
    """Exactly these: an engine that does not know the filter lists everything."""
    pairs = {f"{name}={value}" for name, value in labels.items()} if isinstance(labels, dict) else set()
    return pairs.issuperset(wanted)


def _created(row: dict[str, Any]) -> float:
    created = row.get("Created")
    return created if isinstance(created, (int, float)) else 0


def _refusal(answer: http.Response) -> Exception:
    """Docker's own sentence, if it is Docker that refuses; else nonsense."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    message = told.get("message") if isinstance(told, dict) else None
    if answer.status < 400 or not isinstance(message, str) or not message.strip():
        return http.HTTPError(f"it answered {answer.status}")
    text = "".join(letter if letter.isprintable() else " " for letter in message)[:300]
    return Failed(f"Docker: {text}", "journalctl -u docker")


def _first_file(archive: bytes) -> bytes | None:
    """The content of the first plain file of a tar archive (POSIX ustar); None when there is none."""
    at = 0
    while at + 512 <= len(archive):
        kind = archive[at + 156 : at + 157]
        try:
            size = int(archive[at + 124 : at + 136].strip(b" \0") or b"0", 8)
        except ValueError:
            return None
        if size < 0:  # the next one would be where this one is, for ever
            return None
        if kind in (b"0", b"\0") and archive[at : at + 1] != b"\0":
            return archive[at + 512 : at + 512 + size]
        at += 512 + (size + 511) // 512 * 512
    return None
