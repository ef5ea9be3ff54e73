"""What the recordings do not say of the start-up gate: it sleeps by the clock, and what its start script makes of it.

Its rules are held to the recordings in tests/recordings, where the test is the clock.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import redis

from sandbox.images import FOLDER
from tests.support.redis import RedisServer
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

GATE = FOLDER / "gate" / "container_startup.py"
ROW = "FEATURE|snmp"


def test_the_first_look_comes_two_seconds_after_the_announcement() -> None:
    with tempfile.TemporaryDirectory(prefix="gate-", dir="/tmp") as folder, RedisServer(folder) as server:
        databases = [
            redis.Redis(unix_socket_path=server.address, db=number, decode_responses=True)
            for number in (CONFIG_DB, STATE_DB)
        ]
        config, state = databases
        config.hset(ROW, "set_owner", "kube")
        state.hset(ROW, "system_state", "up")
        begun = time.monotonic()
        gate = subprocess.Popen(
            [sys.executable, str(GATE), "-f", "snmp", "-o", "kube", "-v", "2"],
            env={"DATABASE_CONFIG": server.config},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until("pending", lambda: state.hget(ROW, "remote_state") == "pending", 20)
            state.hset(ROW, "remote_state", "ready")
            assert gate.communicate(timeout=20)[0] == "open\n"
        finally:
            gate.kill()
            gate.communicate()
            for database in databases:
                database.close()
        assert gate.returncode == 0
        assert time.monotonic() - begun >= 2


def test_the_start_script_goes_on_whatever_the_gate_says() -> None:
    """No `set -e` and no test of the exit code: the processes start ungated."""
    lines: list[str] = (FOLDER / "gate" / "start.sh").read_text().splitlines()
    gate = next(number for number, line in enumerate(lines) if "container_startup.py" in line)
    assert not any(line.startswith("set ") for line in lines)
    assert not lines[gate].rstrip().endswith(("||", "&&", "\\", "; then"))


def test_without_a_version_the_gate_ends_at_once() -> None:
    """An image without IMAGE_VERSION gives -v no value, and the gate its usage: the processes start ungated."""
    call = next(line for line in (FOLDER / "gate" / "start.sh").read_text().splitlines() if "startup.py" in line)
    shown = subprocess.run(
        ["sh", "-c", call.replace("/usr/bin/container_startup.py", f"{sys.executable} {GATE}")],
        env={"FEATURE": "snmp"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 2
    assert "expected one argument" in shown.stderr
