"""What a waiter costs: its own memory, and the context switches of an idle minute."""

from __future__ import annotations

import time

from tests.waiter.process import Waiter


def wait_idle(name: str, folder: str, environment: dict[str, str], seconds: float = 60.0) -> tuple[float, int]:
    """Start the waiter for a container that runs; (MiB private dirty, context switches in `seconds` of idleness).

    `environment` names the parts: DOCKER_HOST and SYSTEM_SERVICE_DB_CONFIG; `folder` takes what the waiter says.
    """
    with Waiter(name, folder, environment) as waiter:
        waiter.idle()
        before = waiter.switches()
        time.sleep(seconds)
        return waiter.private_dirty(), waiter.switches() - before
