"""The switch's databases (Redis): which there are, rows out, changes in. Knows no features.

The one place that speaks to Redis on behalf of the commands and turns its failures into errors of ours. No dataclasses:
a command that looks pays for every import.
"""

from __future__ import annotations

import errno

import hiredis

from system_service.backends.dbconfig import ASK_DATABASE, Config, find_configs, told_by
from system_service.errors import Failed, NotPermitted, Unreachable
from system_service.wire.resp import Connection, ReplyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, NoReturn

    from system_service.wire.resp import Address, Command

    Row = dict[str, str]

TIMEOUT = 2.0
TRIES = 10

# Where the host keeps a row that has no field: Redis has no empty hashes.
_NO_FIELD = {"NULL": "NULL"}


class Edit:
    """What to change in a row: fields to set, and names of fields to delete. Fields not named stay as they are."""

    def __init__(self, set: Mapping[str, str] | None = None, delete: Iterable[str] = ()) -> None:
        self.set: Mapping[str, str] = set or {}
        self.delete = tuple(delete)


class SwitchDB:
    """The databases of the host and of its ASIC namespaces. Connects when first asked; one thread at a time.

    Every method may raise Unreachable (down, too slow, refusing, nonsense) or NotPermitted; both name the address or
    the file. `namespaces` are the ASICs, () on a single-ASIC switch; the namespace "" is always the host.
    """

    def __init__(self, configs: Mapping[str, Config], timeout: float = TIMEOUT) -> None:
        """`configs`: one for each namespace. `timeout` in seconds, per connect and per round trip."""
        self.namespaces = tuple(name for name in configs if name)
        self._configs = configs
        self._timeout = timeout
        self._connections: dict[Address, Connection] = {}

    @classmethod
    def from_config(cls, path: str | None = None, timeout: float = TIMEOUT) -> SwitchDB:
        """The databases that `path` names (default: $SYSTEM_SERVICE_DB_CONFIG, else the host's file)."""
        return cls(find_configs(path), timeout)

    def tables(self, *places: tuple[str, str], namespace: str = "") -> list[dict[str, Row]]:
        """Whole tables, [("CONFIG_DB", "FEATURE"), ...], each as name -> row.

        Two round trips per Redis instance, however many tables. What is not a hash is left out, and so is a row that
        vanished in between. A row without fields is {"NULL": "NULL"}, as the host stores it.
        """
        keys: list[list[bytes]] = [[] for _ in places]
        prefixes: list[str] = []
        listing: list[tuple[int, str, str, list[Command]]] = []
        for index, (database, table) in enumerate(places):
            prefixes.append(table + self._config(namespace).separator(database))
            listing.append((index, database, namespace, [("KEYS", prefixes[index] + "*")]))
        for index, address, (names,) in self._ask(listing, decode=False):
            if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
                _nonsense(address)
            keys[index] = names
        found: list[dict[str, Row]] = [{} for _ in places]
        reading: list[tuple[int, str, str, list[Command]]] = [
            (index, database, namespace, [("HGETALL", key) for key in keys[index]])
            for index, (database, _) in enumerate(places)
            if keys[index]
        ]
        for index, address, replies in self._ask(reading):
            start = len(prefixes[index].encode())
            for key, reply in zip(keys[index], replies, strict=True):
                if row := _row(reply, address):
                    found[index][key[start:].decode("utf-8", "backslashreplace")] = row
        return found

    def rows(self, *keys: tuple[str, str], namespace: str = "") -> list[Row]:
        """Single rows, [("CONFIG_DB", "FEATURE|snmp"), ...]; {} where there is none, or no hash.

        One round trip per Redis instance.
        """
        found: list[Row] = [{} for _ in keys]
        asked: list[tuple[int, str, str, list[Command]]] = [
            (index, database, namespace, [("HGETALL", key)]) for index, (database, key) in enumerate(keys)
        ]
        for index, address, (reply,) in self._ask(asked):
            found[index] = _row(reply, address)
        return found

    def update(self, database: str, key: str, decide: Callable[[Row], Edit | None], *, namespace: str = "") -> bool:
        """Let `decide` see the row ({} when absent) and write what it answers, unless the row changed meanwhile.

        Then it is asked again, ten times at most, so it must have no effects of its own. True when something was
        written: an edit that changes nothing writes nothing. A row that loses its last field stays, as a row without
        fields. Raises Failed when the row never holds still, or is no hash.
        """
        for _ in range(TRIES):
            address, reply = self._watch(database, key, namespace)
            if isinstance(reply, ReplyError):
                _not_a_hash(database, key)
            row = _row(reply, address)
            edit = decide(dict(row))
            if edit is None:
                return False
            changed = {field: value for field, value in edit.set.items() if row.get(field) != value}
            gone = [field for field in edit.delete if field in row]
            if not changed and not gone:
                return False
            if gone and not changed and len(gone) == len(row):
                changed = _NO_FIELD
            if self._commit(address, database, key, changed, gone):
                return True
        raise Failed(f"{key} in {database} changed {TRIES} times while it was being written", "run the command again")

    def write(
        self, database: str, key: str, set: Mapping[str, str], delete: Sequence[str] = (), *, namespace: str = ""
    ) -> None:
        """Set and delete fields of a row whatever it holds, all at once. Raises Failed when the key is no hash."""
        if set or delete:
            # The database is selected and seen selected first: a SELECT that failed within the same pipeline would let
            # the write land in another database.
            address, _ = self._watch(database, "", namespace)
            self._commit(address, database, key, set, delete)

    def remove(self, database: str, key: str, *, namespace: str = "") -> bool:
        """Remove a key, whatever it holds; False when there was none."""
        address, _ = self._watch(database, "", namespace)
        (reply,) = self._exchange(address, [("DEL", key)], reconnect=False)
        if isinstance(reply, ReplyError):
            _refused(address, reply)
        if not isinstance(reply, int):
            _nonsense(address)
        return reply > 0

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _watch(self, database: str, key: str, namespace: str) -> tuple[Address, Any]:
        """Select the database, watch the key (none: "") and read it. Returns the reply: a list or WRONGTYPE."""
        # UNWATCH first: an earlier decide() that wrote nothing, or raised, has left its own behind.
        commands: list[Command] = [("UNWATCH",)]
        if key:
            commands += [("WATCH", key), ("HGETALL", key)]
        ((_, address, replies),) = self._ask([(0, database, namespace, commands)])
        return address, replies[-1]

    def _commit(self, address: Address, database: str, key: str, set: Mapping[str, str], delete: Sequence[str]) -> bool:
        """Write in one transaction on the connection that _watch left; False when the watched key had changed."""
        commands: list[Command] = [("MULTI",)]
        if set:
            commands.append(("HSET", key, *(word for item in set.items() for word in item)))
        if delete:
            commands.append(("HDEL", key, *delete))
        # A connection that died here is not replaced: a new one is in database 0 and watches nothing.
        replies = self._exchange(address, [*commands, ("EXEC",)], reconnect=False)
        done = replies[-1]
        for reply in [*replies, *(done if isinstance(done, list) else [])]:
            if isinstance(reply, ReplyError):
                if str(reply).startswith("WRONGTYPE"):
                    _not_a_hash(database, key)
                _refused(address, reply)
        if done is None:
            return False
        if not isinstance(done, list) or len(done) != len(commands) - 1:
            _nonsense(address)
        return True

    def _ask(
        self, questions: Sequence[tuple[int, str, str, list[Command]]], decode: bool = True
    ) -> list[tuple[int, Address, list[Any]]]:
        """Answers to (index, database, namespace, commands), in one round trip per Redis instance.

        The only error reply among them is WRONGTYPE, which speaks of one key; any other is raised.
        """
        batches: dict[Address, list[Command]] = {}
        spans: list[tuple[int, Address, int, int]] = []
        for index, database, namespace, commands in questions:
            address, number = self._config(namespace).place(database)
            batch = batches.setdefault(address, [])
            spans.append((index, address, len(batch) + 1, len(commands)))
            batch += [("SELECT", number), *commands]
        replies = {a: self._exchange(a, batch, reconnect=True, decode=decode) for a, batch in batches.items()}
        for address, answered in replies.items():
            for reply in answered:
                if isinstance(reply, ReplyError) and not str(reply).startswith("WRONGTYPE"):
                    _refused(address, reply)
        return [(index, address, replies[address][at : at + count]) for index, address, at, count in spans]

    def _exchange(
        self, address: Address, commands: Sequence[Command], *, reconnect: bool, decode: bool = True
    ) -> list[Any]:
        """One pipeline. With `reconnect`, a kept connection that has died since (a restarted database) is replaced."""
        kept = address in self._connections
        try:
            if not kept:
                self._connections[address] = Connection(address, self._timeout)
            return self._connections[address].pipeline(commands, decode=decode)
        except (OSError, EOFError, UnicodeError, hiredis.ProtocolError) as error:
            # Never again this connection: a late answer would be taken for the next question's.
            if broken := self._connections.pop(address, None):
                broken.close()
            if not (kept and reconnect and isinstance(error, (ConnectionError, EOFError))):
                _unreachable(address, error)
        return self._exchange(address, commands, reconnect=False, decode=decode)

    def _config(self, namespace: str) -> Config:
        if namespace not in self._configs:
            raise Failed(f"this switch has no namespace {namespace}", ASK_DATABASE)
        return self._configs[namespace]


def _row(reply: Any, address: Address) -> Row:
    """HGETALL's reply as a row; {} for a key that is no hash."""
    if isinstance(reply, ReplyError):
        return {}
    if not isinstance(reply, list) or len(reply) % 2 or not {*map(type, reply)} <= {str}:
        _nonsense(address)
    return dict(zip(reply[::2], reply[1::2], strict=True))


def _where(address: Address) -> str:
    place = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
    return f"the switch database at {place}"


def _unreachable(address: Address, error: Exception) -> NoReturn:
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        raise NotPermitted(
            f"{_where(address)} may not be opened", "run it as root (sudo), or as a member of the redis group"
        ) from error
    if isinstance(error, hiredis.ProtocolError):
        message = "what answers there is not Redis"
    elif isinstance(error, EOFError):
        message = str(error)
    elif isinstance(error, TimeoutError):
        message = str(error) if "no answer" in str(error) else "no connection in time"
    else:
        message = told_by(error)
    raise Unreachable(f"{_where(address)} cannot be reached ({message})", ASK_DATABASE) from error


def _refused(address: Address, reply: ReplyError) -> NoReturn:
    code = str(reply).split(" ", 1)[0]
    if code == "LOADING":
        step = "it is still starting: try again in a moment"
    elif code in ("NOAUTH", "NOPERM", "WRONGPASS"):
        step = "the switch's databases are used without a password: remove it from the database's configuration"
    elif code == "MISCONF":
        step = "Redis cannot save to its disk: `df -h`, then `systemctl status database`"
    else:
        step = ASK_DATABASE
    raise Unreachable(f"{_where(address)} refuses ({reply})", step)


def _nonsense(address: Address) -> NoReturn:
    raise Unreachable(f"{_where(address)} answered something that was not asked for", ASK_DATABASE)


def _not_a_hash(database: str, key: str) -> NoReturn:
    raise Failed(f"{key} in {database} is not a row: it holds another type", f"look at it: `redis-cli TYPE '{key}'`")
