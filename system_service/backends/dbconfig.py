"""Where the switch's databases are: database_config.json, and database_global.json beside it. Opens no connection.

Written by the host, so read tolerantly: only what is asked for must be right.
"""

from __future__ import annotations

import json
import os

from system_service.errors import NotPermitted, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from system_service.wire.resp import Address

DEFAULT_PATH = "/var/run/redis/sonic-db/database_config.json"
ASK_DATABASE = "systemctl status database"


class Config:
    """One database_config.json, read when first asked. Raises Unreachable or NotPermitted; both name the file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._content: dict[str, Any] | None = None

    def place(self, database: str) -> tuple[Address, int]:
        """Where a database is: its instance's address (the unix socket before TCP), and its number there."""
        try:
            entry = self.content()["DATABASES"][database]
            number, instance = int(entry["id"]), self.content()["INSTANCES"][entry["instance"]]
            if socket_path := instance.get("unix_socket_path"):
                if "\0" in socket_path:
                    raise ValueError("a NUL in unix_socket_path")
                return str(socket_path), number
            host, port = str(instance["hostname"]), int(instance["port"])
            if not 0 < port < 65536:
                raise ValueError(f"port {port}")
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise Unreachable(
                f"{self.path} does not say where {database} is ({told_by(error)})", ASK_DATABASE
            ) from error
        return (host, port), number

    def separator(self, database: str) -> str:
        """What stands between table and name in the keys of a database."""
        entry = self.content()["DATABASES"].get(database)
        return str(entry.get("separator") or "|") if isinstance(entry, dict) else "|"

    def content(self) -> dict[str, Any]:
        if self._content is None:
            content = _load(self.path)
            if not isinstance(content.get("INSTANCES"), dict) or not isinstance(content.get("DATABASES"), dict):
                raise Unreachable(f"{self.path} names no INSTANCES and DATABASES", ASK_DATABASE)
            self._content = content
        return self._content


def find_configs(path: str | None = None) -> dict[str, Config]:
    """namespace -> its Config; the host's is "", and it has been read.

    `path` defaults to $SYSTEM_SERVICE_DB_CONFIG, else the host's file. `database_global.json` beside it makes the
    switch a multi-ASIC one. Where that file is, it must be usable: to take such a switch for a single-ASIC one would
    silently write half of every change.
    """
    path = path or os.environ.get("SYSTEM_SERVICE_DB_CONFIG") or DEFAULT_PATH
    configs = {"": Config(path)}
    folder = os.path.dirname(path)
    global_path = os.path.join(folder, "database_global.json")
    if os.path.lexists(global_path):
        try:
            for entry in _load(global_path).get("INCLUDES", []):
                # An entry without a namespace is the host's own, or a DPU's (container_name), which is no ASIC.
                if namespace := entry.get("namespace"):
                    configs[str(namespace)] = Config(os.path.realpath(os.path.join(folder, entry["include"])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreachable(f"{global_path} is not understood ({told_by(error)})", ASK_DATABASE) from error
    configs[""].content()
    return configs


def told_by(error: Exception) -> str:
    """A foreign exception in a few words."""
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _load(path: str) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except PermissionError as error:
        raise NotPermitted(f"{path} may not be read", "run it as root (sudo)") from error
    except (OSError, ValueError, RecursionError) as error:
        raise Unreachable(f"{path} cannot be read ({told_by(error)})", ASK_DATABASE) from error
    if not isinstance(content, dict):
        raise Unreachable(f"{path} cannot be read (it holds no JSON object)", ASK_DATABASE)
    return content
