"""One switch for all of the operator's days; each test leaves it as it found it, or fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import redis

from sandbox import features
from sandbox.kube.cluster import Cluster
from sandbox.switch import NAME, Switch
from tests.acceptance.console import Console
from tests.acceptance.fleet import Fleet
from tests.support.owners import Owners
from tests.support.switch import CONFIG_DB, STATE_DB, Witness, wait_until

LOCKS = "/run/sonic-system-service"


@pytest.fixture
def console(switch: Switch, witness: Witness) -> Iterator[Console]:
    """A prompt on the switch. What a test leaves behind is repaired, and the test fails for it."""
    made = Console(switch, witness)
    # Each test has the whole of the units' start limit.
    switch.exec(["systemctl", "reset-failed", *features.UNITS])
    yield made
    if mess := differences(made):
        repair(made)
        wait_until("the repair of the switch", lambda: not differences(made), 40)
        pytest.fail(f"the test left the switch in a mess: {mess}")


@pytest.fixture
def fleet(console: Console, cluster: Cluster) -> Iterator[Fleet]:
    """The joined switch; never do two containers run one feature. Everything is put back at the end."""
    with Owners(console.switch.base.name) as owners:
        made = Fleet(console, cluster, owners)
        try:
            yield made
        finally:
            made.put_back()
    sys.stdout.write(f"owners: {owners}\n")  # shown with a test that fails
    assert owners.twice == []
    # It looked where they are: at the end, at the latest, the local container runs it.
    assert {name for name, _ in owners.seen} >= set(features.PUBLISHED)


def differences(console: Console) -> list[str]:
    """What is not as the sandbox brought it up."""
    found = []
    wanted = "--property=Id,ActiveState,SubState,UnitFileState,DropInPaths"
    shown = console.switch.exec(["systemctl", "show", wanted, *features.UNITS]).stdout
    for name, block in zip(features.UNITS, shown.strip().split("\n\n"), strict=True):
        unit = dict(line.split("=", 1) for line in block.splitlines())
        seen = (unit["ActiveState"], unit["SubState"], unit["UnitFileState"])
        if seen != ("active", "running", "enabled" if name in features.BOOTED else "static"):
            found.append(f"unit {name}: {seen}")
        found += [f"drop-in {path}" for path in unit["DropInPaths"].split() if not path.endswith("/sandbox.conf")]
    listed = console.switch.docker("ps", "--all", "--format", "{{.Names}} {{.Status}}").splitlines()
    containers = dict(line.split(" ", 1) for line in listed)
    for name in {*features.IMAGES, NAME, *containers}:
        status = containers.get(name, "absent")
        if not status.startswith("Up ") or "(" in status or name not in {*features.IMAGES, NAME}:
            found.append(f"container {name}: {status}")
    with redis.Redis(unix_socket_path=str(console.switch.redis_socket), db=CONFIG_DB, decode_responses=True) as client:
        rows = {key: client.hgetall(key) for key in client.keys("*|*")}
    wanted_rows = {f"{table}|{key}": row for table, keys in features.config_db().items() for key, row in keys.items()}
    found += [f"CONFIG_DB {key}" for key in {*rows, *wanted_rows} if rows.get(key) != wanted_rows.get(key)]
    for name in features.UNITS:
        row = console.state(name)
        if (row.get("system_state"), row.get("current_owner"), row.get("container_id")) != ("up", "local", name):
            found.append(f"STATE_DB {name}: {row}")
    return found


def repair(console: Console) -> None:
    """Bring back what a failed test lost, by the plainest means."""
    switch = console.switch
    for name in features.UNITS:
        switch.exec(["rm", "-rf", f"/run/systemd/system/{name}.service.d"])
    switch.exec(["rm", "-f", "/run/hold", "/run/ending", "/run/failing"])
    switch.exec(["systemctl", "unmask", *features.UNITS])
    switch.exec(["systemctl", "daemon-reload"])
    switch.exec(["systemctl", "enable", *features.BOOTED])
    for line in switch.docker("ps", "--all", "--format", "{{.Names}} {{.Status}}").splitlines():
        name, status = line.split(" ", 1)
        if name not in {*features.IMAGES, NAME}:
            switch.docker("rm", "-f", name)
            continue
        if "Paused" in status:
            switch.docker("unpause", name)
        if status.startswith("Up "):
            console.strike("CONT", name)
    with redis.Redis(unix_socket_path=str(switch.redis_socket), db=CONFIG_DB, decode_responses=True) as client:
        client.flushdb()
        for table, keys in features.config_db().items():
            for key, row in keys.items():
                client.hset(f"{table}|{key}", mapping=row)
    with redis.Redis(unix_socket_path=str(switch.redis_socket), db=STATE_DB) as client:
        client.flushdb()
    switch.docker("start", features.WITHOUT_UNIT)
    switch.exec(["systemctl", "reset-failed"])
    switch.exec(["systemctl", "stop", *reversed(features.UNITS[1:])])
    switch.exec(["systemctl", "restart", features.UNITS[0]])
    switch.exec(["systemctl", "start", *features.UNITS])
