"""A real redis-server under a recorded case: filled as the case says, changed by its events, and overheard."""

from __future__ import annotations

import os
import re
import signal
import socket
from typing import Any, NamedTuple

import redis

from tests.recordings.replay import Unplayable
from tests.support.redis import NUMBERS, RedisServer

NAMES = {number: name for name, number in NUMBERS.items()}
Rows = dict[str, dict[str, str]]


class Command(NamedTuple):
    """One command that Redis was given; `words` as sent, the command's own name in capitals."""

    database: str
    words: list[str]


class Database(RedisServer):
    """`overheard` gives the commands since it was asked last, its own and those of the rows here excepted."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.paused = False
        self._listen()

    def put(self, database: dict[str, Rows]) -> None:
        """Exactly these rows, in all databases."""
        with self._client(0) as client:
            client.flushall()
        for name, rows in database.items():
            with self._client(self.number(name)) as client:
                for key, fields in rows.items():
                    client.hset(key, mapping=fields)
        self.overheard()

    def rows(self, name: str) -> Rows:
        """Every hash of a database."""
        with self._client(self.number(name)) as client:
            found = {key: client.hgetall(key) for key in sorted(client.keys("*"))}
        self.overheard()
        return found  # type: ignore[return-value]

    def do(self, step: dict[str, Any]) -> None:
        """One step of an event. Unplayable: no such step."""
        what = step["what"]
        if what in ("hset", "hdel", "del", "flushdb"):
            with self._client(self.number(step["database"])) as client:
                if what == "hset":
                    client.hset(step["key"], mapping=step["fields"])
                elif what == "hdel":
                    client.hdel(step["key"], *step["fields"])
                elif what == "del":
                    client.delete(step["key"])
                else:
                    client.flushdb()
        elif what == "flushall":
            with self._client(0) as client:
                client.flushall()
        elif what == "redis_stop":
            self.stop()
        elif what == "redis_restart_empty":
            self.stop()
            self.revive()
        elif what in ("redis_pause", "redis_continue"):
            self.paused = what == "redis_pause"
            os.kill(self.process.pid, signal.SIGSTOP if self.paused else signal.SIGCONT)
            return
        else:
            raise Unplayable(f"no such step of an event: {what}")
        if self.answers():
            self.overheard()

    def answers(self) -> bool:
        """Whether it runs, and has not been told to be silent."""
        return self.process.poll() is None and not self.paused

    def revive(self) -> None:
        """Whole again, be it stopped or paused; what it had is gone if it was stopped."""
        if self.paused:
            self.do({"what": "redis_continue"})
        if self.process.poll() is not None:
            self._ear.close()
            self.start()
            self._listen()

    def overheard(self) -> list[Command]:
        """Every command since the last call, in the order in which Redis did them."""
        mark = f"mark-{os.urandom(8).hex()}"
        with self._client(0) as client:
            client.echo(mark)
        found = []
        while mark not in (line := self._line()):
            if (command := _parsed(line)) is not None:
                found.append(command)
        return found

    def stop(self) -> None:
        if self.paused:
            self.do({"what": "redis_continue"})
        super().stop()

    def __exit__(self, *about: object) -> None:
        self._ear.close()
        super().__exit__(*about)

    def number(self, name: str) -> int:
        """Unplayable: no such database."""
        if name not in NUMBERS:
            raise Unplayable(f"no such database: {name}")
        return NUMBERS[name]

    def _client(self, number: int) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.address, db=number, decode_responses=True, socket_timeout=60)

    def _listen(self) -> None:
        self._ear = socket.socket(socket.AF_UNIX)
        self._ear.settimeout(60)
        self._ear.connect(self.address)
        self._ear.sendall(b"MONITOR\r\n")
        self._lines = self._ear.makefile("rb")
        if (answer := self._line()) != "+OK":
            raise RuntimeError(f"MONITOR: {answer}")

    def _line(self) -> str:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("Redis is gone")
        return line.decode().rstrip("\r\n")


_COMMAND = re.compile(r'\+[\d.]+ \[(\d+) [^\]]*\] (".*")')
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|(.))")
_OF_A_CONNECTION = ("SELECT", "ECHO", "CLIENT", "HELLO", "PING", "AUTH", "MONITOR")


def _parsed(line: str) -> Command | None:
    found = _COMMAND.fullmatch(line)
    if found is None:
        raise RuntimeError(f"MONITOR: {line}")
    verb, *words = (_ESCAPED.sub(_unescaped, word) for word in _WORD.findall(found[2]))
    number = int(found[1])
    if verb.upper() in _OF_A_CONNECTION:
        return None
    return Command(NAMES.get(number, str(number)), [verb.upper(), *words])


def _unescaped(at: re.Match[str]) -> str:
    return chr(int(at[1], 16)) if at[1] else at[2]


def written(command: Command) -> dict[str, Any] | None:
    """The write of a hash that a command is, as recordings have it: database, key, set; None where it is none."""
    verb, *words = command.words
    if verb not in ("HSET", "HMSET"):
        return None
    fields = dict(zip(words[1::2], words[2::2], strict=True))
    return {"database": command.database, "key": words[0], "set": fields}
