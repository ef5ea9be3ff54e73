"""A switch without Kubernetes pays nothing for it: no package, no socket but its own two, not a letter of output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import closing

import pytest

from tests.support.fakes import PROGRAMS, FakeSwitch

# Kubernetes' name resolves to nothing (an absent package), or to a package that must not be touched.
RUN = """
import json, sys
seen = []
def watch(event, args):
    if event == "socket.connect" and not isinstance(args[1], (str, bytes)):
        seen.append(repr(args[1]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen.append(repr(args[0]))
    elif event == "import" and args[0].partition(".")[0] in ("kubernetes", "urllib3", "ssl"):
        seen.append(args[0])
sys.addaudithook(watch)
if {absent}:
    sys.modules["kubernetes"] = None
from {module}.cli import main
sys.argv = sys.argv[1:]
try:
    main()
finally:
    with open({report!r}, "w") as file:
        json.dump(seen, file)
"""
LOOKS = (
    "show feature mode",
    "show feature mode snmp --json",
    "show feature status",
    "show feature config",
    "show feature autorestart",
    "show kubernetes server config",
    "show kubernetes server status",
    "system service list",
    "system service list --json",
    "system service status",
    "system service check",
    "system service explain snmp",
    "system container id snmp",
)
CHANGES = (
    "config feature mode snmp lldp legacy --json",
    "config feature mode --all legacy",
    "system service stop snmp --json",
    "system service start snmp --json",
    "system service restart lldp",
    "system service sync",
    "system container stop snmp",
    "system container start snmp",
)


def ran(fakes: FakeSwitch, line: str, absent: bool) -> tuple[int, str, str]:
    program, *words = line.split()
    report = os.path.join(fakes.folder, "seen.json")
    code = RUN.format(absent=absent, module=PROGRAMS[program], report=report)
    done = subprocess.run(
        [sys.executable, "-c", code, program, *words],
        env=fakes.environment | {"KUBECONFIG": os.path.join(fakes.folder, "kube.conf")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    with open(report) as file:
        assert json.load(file) == [], line
    return done.returncode, done.stdout, done.stderr


def masked(absent: bool) -> list[tuple[int, str, str]]:
    """CHANGES on a new switch; its random identifiers and the times blotted out."""
    with tempfile.TemporaryDirectory(prefix="fakes") as folder, closing(FakeSwitch(folder)) as fakes:
        switch(fakes)
        done = [ran(fakes, line, absent) for line in CHANGES]
    return [(code, re.sub(r"\d{4}-\d\d-\d\d[T ][0-9:]+|\b[0-9a-f]{12}\b", "X", out), err) for code, out, err in done]


def switch(fakes: FakeSwitch) -> FakeSwitch:
    for name in ("snmp", "lldp", "bgp"):
        fakes.feature(name)
    return fakes


@pytest.mark.parametrize("line", LOOKS)
def test_looking_is_the_same_whether_the_client_is_installed(fakes, line):
    switch(fakes)
    with_client = ran(fakes, line, absent=False)
    assert with_client == ran(fakes, line, absent=True)
    assert (with_client[0], with_client[2]) == (0, "")


def test_changes_are_the_same_whether_the_client_is_installed():
    first = masked(absent=False)
    assert [code for code, *_ in first] == [0] * len(CHANGES)
    assert first == masked(absent=True)


def test_the_watch_sees_what_it_is_for(fakes, pki):
    """With a server set, the very same command does reach for the client."""
    switch(fakes).put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "127.0.0.1", "port": "1", "disable": "False"})
    with open(os.path.join(fakes.folder, "kube.conf"), "w") as file:
        file.write(pki.kubeconfig("admin", "https://127.0.0.1:1"))
    with pytest.raises(AssertionError, match="config feature mode snmp kubernetes"):
        ran(fakes, "config feature mode snmp kubernetes --timeout 1", absent=False)
