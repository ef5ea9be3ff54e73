"""What `make fuzz` goes by: which properties there are, and what a fuzzed process may not do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fuzz.__main__ import properties

TRIES = {
    "a file elsewhere": "open('/etc/fuzzed', 'w')",
    "a file removed": "os.remove('/etc/fuzzed')",
    "a program": "subprocess.run(['true'])",
    "a stranger": "socket.create_connection(('127.0.0.1', 2))",
    "a socket elsewhere": "socket.socket(socket.AF_UNIX).connect('/run/fuzzed')",
}
ALLOWED = {
    "a file of its own": "tempfile.TemporaryFile().write(b'x')",
    "a folder of its own": "tempfile.TemporaryDirectory().cleanup()",
    "what is only read": "open('/etc/passwd').close()",
}
SCRIPT = """
import os, socket, subprocess, sys, tempfile
from tests.fuzz.watch import Watch
watch = Watch()
try:
    {act}
except PermissionError:
    pass
print(len(watch.found))
"""


def found(act: str) -> str:
    script = SCRIPT.format(act=act)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("act", TRIES.values(), ids=list(TRIES))
def test_what_is_not_asked_for_is_seen(act: str) -> None:
    assert found(act) == "1"


@pytest.mark.parametrize("act", ALLOWED.values(), ids=list(ALLOWED))
def test_what_an_input_may_do_is_none_of_it(act: str) -> None:
    assert found(act) == "0"


def test_every_property_is_found_and_takes_bytes() -> None:
    found = properties()
    assert {"answers.redis", "texts.systemd", "any_input.our_own_row_is_bounded_whatever_it_holds"} <= set(found)
    for check in found.values():
        check(bytes(64))
