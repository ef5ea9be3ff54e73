"""`system container wait` as a unit calls it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from system_service.container.wait import waiter_argv
from tests.waiter.daemon import Daemon, described
from tests.waiter.process import until

WAIT = [sys.executable, "-m", "system_service", "container", "wait"]


@pytest.mark.parametrize("name", ["../x", "a b", "a\nb", "x" * 300, "-", "snmp|lldp", b"\xff\xfe"])
def test_a_name_that_is_none_ends_with_4(name):
    done = subprocess.run([*WAIT, "--", name], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 4
    assert done.stdout == ""
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["Error", "Try"]


def test_without_a_name_it_is_a_usage_error():
    assert subprocess.run(WAIT, capture_output=True, timeout=20, check=False).returncode == 2


def test_it_becomes_the_waiter_itself():
    # systemd's main process, as the unit's start-up made it: no parent that stays for it.
    with (
        tempfile.TemporaryDirectory(prefix="wait-", dir="/tmp") as folder,
        Daemon(f"{folder}/docker.sock", described()) as daemon,
    ):
        settings = {"DOCKER_HOST": f"unix://{folder}/docker.sock", "SYSTEM_SERVICE_DB_CONFIG": f"{folder}/none"}
        with subprocess.Popen([*WAIT, "snmp"], env={**os.environ, **settings}, stderr=subprocess.PIPE) as process:
            until(lambda: daemon.streams)
            with open(f"/proc/{process.pid}/cmdline", encoding="utf-8") as file:
                assert file.read().split("\0")[:-1] == waiter_argv("snmp")
            process.terminate()  # as systemd does after ExecStop
            assert process.wait(10) == -15
            assert b"Traceback" not in process.stderr.read()
