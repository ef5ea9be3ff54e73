"""An image registry in an engine's room, on its loopback; what it stores outlives it in a folder."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.engine import Engine
from sandbox.kube.process import Process

ADDRESS = "127.0.0.1:5000"


class Registry:
    """Debian's docker-registry over the folder `storage`."""

    def __init__(self, engine: Engine, storage: Path) -> None:
        self._engine = engine
        configuration = engine.base / "registry.yml"
        files = {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}}
        configuration.write_text(json.dumps({"version": 0.1, "storage": files, "http": {"addr": ADDRESS}}))
        command = ["/usr/bin/docker-registry", "serve", str(configuration)]
        self.process = Process(engine.room, command, engine.base / "log/registry")

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.process.start()
        self.process.await_(self._listens, 20)

    def _listens(self) -> bool:
        try:
            self._engine.room.connect(int(ADDRESS.rpartition(":")[2])).close()
        except OSError:
            return False
        return True

    def push(self, image: str, name: str) -> str:
        """Push a local image as NAME:TAG; the reference that a pod pulls. The engine keeps no name of it."""
        reference = f"{ADDRESS}/{name}"
        self._engine.docker("tag", image, reference)
        self._engine.docker("push", "--quiet", reference, timeout=300)
        self._engine.docker("rmi", reference)
        return reference
