"""The life of one container under its unit: begins when it is seen running, ends when Docker says it no longer runs."""

from __future__ import annotations

import math
import select
import time

from system_service.errors import SwitchError
from system_service.waiting.board import Board
from system_service.waiting.docker import Docker
from system_service.waiting.link import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Seconds between a container's death and the start that makes it a restart.
RESTART_GRACE = 1.0


class Life:
    """Waits for the end of a container. Docker alone decides; Redis, there or not, never ends it."""

    def __init__(self, container: str) -> None:
        self._name = container
        self._docker = Docker(container)
        self._board = Board(container)
        self._over = False
        self._id = ""  # of the container whose life this is; "" until it was seen running
        self._version: str | None = None
        self._look_at: float | None = None  # monotonic seconds: its death may be over by then
        self._pending_said = False

    def wait(self) -> None:
        """Returns when the life has ended. Raises NotPermitted when a socket was never open to this user."""
        while not self._over:
            self._reconnect()
            if self._over:
                break
            poller = select.poll()
            for fd in [*self._docker.filenos(), *self._board.filenos()]:
                poller.register(fd, select.POLLIN)
            # The one place where it blocks: for ever, as long as both are connected and nobody has died.
            ready = {fd for fd, _ in poller.poll(self._patience())}
            if ready.intersection(self._docker.filenos()):
                self._try(self._docker, self._hear_docker)
            if ready.intersection(self._board.filenos()):
                self._try(self._board, self._hear_board)

    def _reconnect(self) -> None:
        """Do whatever is due by now."""
        now = time.monotonic()
        if self._docker.due is not None and self._docker.due <= now:
            self._try(self._docker, self._begin)
        if self._look_at is not None and self._look_at <= now and self._docker.due is None:
            self._try(self._docker, self._look)
        if not self._over and self._known and self._board.due is not None and self._board.due <= now:
            self._try(self._board, self._read_board)

    @property
    def _known(self) -> bool:
        """Docker has told what there is; before that, nothing is written anywhere."""
        return bool(self._id) or self._board.pending

    def _patience(self) -> int | None:
        """Milliseconds until something is due; None: nothing is."""
        dues = [self._docker.due, self._look_at if self._docker.due is None else None]
        if self._known:
            dues.append(self._board.due)
        times = [due for due in dues if due is not None]
        return max(0, math.ceil((min(times) - time.monotonic()) * 1000)) if times else None

    def _try(self, link: Docker | Board, action: Callable[[], None]) -> None:
        try:
            action()
        except SwitchError as error:
            link.lost(error)

    def _begin(self) -> None:
        # The stream first, then the look: what happens in between is in the stream.
        self._docker.open()
        self._look()
        if not self._over:
            self._hear_docker()

    def _hear_docker(self) -> None:
        for action in self._docker.read():
            if action in ("die", "stop"):
                self._look_at = time.monotonic() + RESTART_GRACE
            elif not self._over:
                self._look()

    def _hear_board(self) -> None:
        if self._board.read():
            self._look_at_rows()

    def _read_board(self) -> None:
        self._board.open()
        self._look_at_rows()

    def _look_at_rows(self) -> None:
        waited = self._board.pending and not self._id
        self._board.look(self._version if self._id else None)
        if waited and not self._board.pending:
            # Nothing runs and nothing is to be waited for: the unit's next start decides.
            self._end("kubernetes is no longer wanted without a fallback")

    def _look(self) -> None:
        """Ask Docker whether it runs, and remember which one it is."""
        self._look_at = None
        found = self._docker.inspect()
        self._docker.settled()
        if found is not None and found["State"].get("Running"):
            if self._id and found.get("Id") != self._id:
                self._end("another container has taken its name")
            elif not self._id:
                self._id = str(found.get("Id"))
                self._version = _version(found)
                say(f"{self._name}: waiting for the end of container {self._id[:12]}")
                # It was pending, and connected: the rows are to be told.
                if self._board.due is None:
                    self._try(self._board, self._look_at_rows)
        elif self._id:
            self._end(
                "the container was removed"
                if found is None
                else f"the container ended with exit code {found['State'].get('ExitCode')}"
            )
        elif self._is_pending():
            if not self._pending_said:
                say(f"{self._name}: pending deployment: kubernetes is wanted without a fallback")
                self._pending_said = True
        else:
            self._end("there is no such container" if found is None else "the container is not running")

    def _is_pending(self) -> bool:
        if self._board.due is not None:
            self._try(self._board, self._read_board)
        return self._board.pending

    def _end(self, why: str) -> None:
        if not self._over:
            say(f"{self._name}: {why}")
        self._over = True


def _version(container: dict[str, Any]) -> str:
    """IMAGE_VERSION of its environment; "" when it has none."""
    config = container.get("Config")
    for variable in (config.get("Env") if isinstance(config, dict) else None) or []:
        name, _, value = str(variable).partition("=")
        if name == "IMAGE_VERSION":
            return value
    return ""
