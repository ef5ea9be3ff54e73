"""The feature's rows as its wait sees them: told when they change, and rewritten when Redis comes back empty."""

from __future__ import annotations

import errno

import hiredis

from system_service.backends import ctrmgrd
from system_service.backends.dbconfig import ASK_DATABASE, find_configs
from system_service.backends.switchdb import Edit, SwitchDB
from system_service.errors import Failed, NotPermitted, Unreachable
from system_service.handover.rows import Rows
from system_service.model.feature_row import wants_kubernetes
from system_service.model.naming import feature_of_container
from system_service.model.state_row import emptied, host_time, local_up
from system_service.waiting.reconnecting import Reconnecting
from system_service.wire.resp import Connection, ReplyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from system_service.backends.dbconfig import Config
    from system_service.wire.resp import Address

TIMEOUT = 2.0


class FeatureRows(Reconnecting):
    """FEATURE|<feature> in CONFIG_DB and STATE_DB. Methods may raise Unreachable or NotPermitted.

    `kube`: the row wants kubernetes, as of the last look that found one. `known`: the last look found one. `rows`: for
    the reconciler, once connected.
    """

    def __init__(self, container: str) -> None:
        super().__init__("the switch database", most=5.0)
        self.kube = False
        self.known = False
        self.feature = ""
        self._container = container
        self._key = ""
        self._namespace = ""
        self._db: SwitchDB | None = None
        self._subscribed: list[Connection] = []
        self._recorded = False  # container_stable_version, once for each wait

    def open(self) -> None:
        """Subscribe to both rows, from then on nothing is missed."""
        self.close()
        try:
            # Read each time: the feature that starts Redis writes this file, and waits before it is there.
            configs = find_configs()
        except NotPermitted as error:
            # The sockets decide whether this user may wait; without the file there is still Docker.
            raise Unreachable(str(error), error.resolution) from error
        self.feature, self._namespace = feature_of_container(self._container, configs)
        self._key = f"FEATURE|{self.feature}"
        self._db = SwitchDB(configs, TIMEOUT)
        for address, channels in self._channels(configs[self._namespace]).items():
            self._subscribed.append(_subscribe(address, channels))
        self.connected()

    def read(self) -> bool:
        """Whether something was said about the rows, without waiting."""
        try:
            return any(connection.read() for connection in self._subscribed)
        except (OSError, EOFError, hiredis.ProtocolError) as error:
            raise Unreachable("the switch database hung up", ASK_DATABASE) from error

    def look(self, version: str | None) -> None:
        """Read the rows; where owners are known, make STATE_DB's say that the local container runs, if it says nothing.

        `version` is the running image's ("" if it names none), None when nothing runs: then nothing is written.
        """
        if self._db is None:
            return
        try:
            (row,) = self._db.rows(("CONFIG_DB", self._key), namespace=self._namespace)
            self.known = bool(row)
            if row:  # an absent row says nothing: a reload empties the tables for a moment
                # Per-ASIC instances cannot move.
                self.kube = wants_kubernetes(row) and not self._namespace
            owned = "set_owner" in row or (bool(row) and ctrmgrd.present())
            if owned and version is not None:
                self._write(version)
            self.settled()
        except Failed as error:
            # Connected, and yet it cannot be written: somebody put something else there.
            self.complain(error)
        finally:
            self._db.close()

    def rows(self) -> Rows:
        """Its rows for a reconciler. The connection is the one that looks."""
        if self._db is None:
            raise Unreachable("the switch database cannot be reached", ASK_DATABASE)
        return Rows(self._db, self.feature, self._container)

    def down(self, found: Iterable[str]) -> None:
        """Close the gate, on a connection of its own: this is called in the middle of anything.

        `found`: the marks of those who may have read a `ready`.
        """
        db = SwitchDB(find_configs(), TIMEOUT)
        Rows(db, self.feature, self._container).down(found)
        db.close()

    def filenos(self) -> list[int]:
        return [connection.fileno() for connection in self._subscribed]

    def close(self) -> None:
        for connection in self._subscribed:
            connection.close()
        self._subscribed = []
        self._db = None
        self.known = False

    def _write(self, version: str) -> None:
        def decide(row: Mapping[str, str]) -> Edit:
            fields = local_up(self._container, host_time()) if emptied(row) else {}
            if version and (fields or not self._recorded):
                fields["container_stable_version"] = version
            return Edit(fields)

        if self._db is not None:
            self._db.update("STATE_DB", self._key, decide, namespace=self._namespace)
            self._recorded = True

    def _channels(self, config: Config) -> dict[Address, list[str]]:
        """Keyspace channels of both rows, by the Redis instance that has them."""
        channels: dict[Address, list[str]] = {}
        for database in ("STATE_DB", "CONFIG_DB"):
            address, number = config.place(database)
            channels.setdefault(address, []).append(f"__keyspace@{number}__:{self._key}")
        return channels


def _subscribe(address: Address, channels: list[str]) -> Connection:
    where = f"the switch database at {address if isinstance(address, str) else '{}:{}'.format(*address)}"
    try:
        connection = Connection(address, TIMEOUT)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise NotPermitted(
                f"{where} may not be opened", "run it as root (sudo), or as a member of the redis group"
            ) from error
        raise Unreachable(f"{where} cannot be reached ({error.strerror or error})", ASK_DATABASE) from error
    try:
        connection.subscribe(*channels)
        connection.read()  # what came with the confirmation is older than the look that follows
    except (OSError, EOFError, hiredis.ProtocolError, ReplyError) as error:
        connection.close()
        raise Unreachable(f"{where} does not tell of changes ({error})", ASK_DATABASE) from error
    return connection
