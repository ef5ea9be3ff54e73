"""What the waiter may cost: its imports, its memory, and nothing at all while nothing happens."""

from __future__ import annotations

import compileall
import os
import subprocess
import tempfile

import system_service
from system_service.container.wait import waiter_argv
from tests.support.redis import RedisServer
from tests.waiter.daemon import Daemon, described
from tests.waiter.process import Waiter

OURS = {
    "system_service",
    *(f"system_service.{name}" for name in ("backends", "errors", "handover", "model", "waiting", "wire")),
    *(
        f"system_service.backends.{name}"
        for name in (
            "ctrmgrd",
            "dbconfig",
            "docker",
            "docker_api",
            "files",
            "flock",
            "switchdb",
            "trigger",
            "unit_script",
            "unitfiles",
        )
    ),
    *(
        f"system_service.handover.{name}"
        for name in ("action_lock", "decide", "reconciler", "own_row", "pace", "pods", "rows", "steps", "view")
    ),
    *(
        f"system_service.model.{name}"
        for name in ("boot", "critical", "feature_row", "naming", "handover_reasons", "pods", "state_row")
    ),
    *(
        f"system_service.waiting.{name}"
        for name in ("events", "feature_rows", "kubernetes_wait", "reconnecting", "unit_life")
    ),
    *(f"system_service.wire.{name}" for name in ("http", "resp")),
}
HEAVY = {
    "asyncio",
    "argparse",
    "click",
    "dataclasses",
    "docker",
    "http.client",
    "redis",
    "selectors",
    "site",
    "socket",
    "subprocess",
    "typing",
}


def test_it_imports_these_modules_of_ours_and_nothing_heavy():
    argv = waiter_argv("snmp")
    program = "import sys; sys.path += sys.argv[1:]; import system_service.waiting.unit_life; print(*sys.modules)"
    done = subprocess.run([*argv[:3], "-c", program, *argv[5:]], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("system_service")} == OURS
    assert loaded & HEAVY == set()
    assert "hiredis" in loaded


def test_at_most_5_mb_are_its_own_and_idle_means_idle():
    # As an installer leaves it: a first run that compiles keeps the compiler's memory.
    compileall.compile_dir(os.path.dirname(system_service.__file__), quiet=2)
    with (
        tempfile.TemporaryDirectory(prefix="wait-", dir="/tmp") as folder,
        RedisServer(f"{folder}/redis") as server,
        Daemon(f"{folder}/docker.sock", described()) as daemon,
        Waiter(
            "snmp",
            folder,
            {"DOCKER_HOST": f"unix://{folder}/docker.sock", "SYSTEM_SERVICE_DB_CONFIG": server.config},
        ) as waiter,
    ):
        waiter.idle()
        assert waiter.private_dirty() <= 5.0
        before = waiter.switches(), daemon.asked[:]
        # Another feature's life, in the same Redis, is over when the client has ended.
        for key in ("FEATURE|lldp", "FEATURE|snmp2", "PORT|Ethernet0"):
            for number in ("4", "6"):
                subprocess.run(
                    ["redis-cli", "-s", server.address, "-n", number, "HSET", key, "state", "enabled"],
                    check=True,
                    capture_output=True,
                )
        assert (waiter.switches(), daemon.asked) == before
        assert waiter.blocks_on() == (2, True)
