"""What the sandbox switch does at the start of its database: CONFIG_DB is filled as on a switch, and once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
import redis

from sandbox import features, images
from tests.support.redis import NUMBERS, RedisServer

PROGRAM = images.HOST / "usr/local/bin/database-started"


@pytest.fixture
def database() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="db") as folder, RedisServer(folder) as server:
        yield server


@pytest.fixture
def program(database: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader = SourceFileLoader("database_started", str(PROGRAM))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    rows = tmp_path / "config_db.json"
    rows.write_text(json.dumps(features.config_db()))
    monkeypatch.setattr(module, "SOCKET", database.address)
    monkeypatch.setattr(module, "CONFIGURATION", str(rows))
    return module


def test_config_db_is_filled_and_says_so_at_the_end(program: ModuleType, database: RedisServer) -> None:
    assert program.main() == 0
    with redis.Redis(unix_socket_path=database.address, db=NUMBERS["CONFIG_DB"], decode_responses=True) as client:
        # The host's own clients wait for this key, without end.
        assert client.get("CONFIG_DB_INITIALIZED") == "1"
        assert client.hgetall("FEATURE|snmp") == features.config_db()["FEATURE"]["snmp"]
        client.hset("FEATURE|snmp", "set_owner", "kube")
        assert program.main() == 0
        assert client.hget("FEATURE|snmp", "set_owner") == "kube"
