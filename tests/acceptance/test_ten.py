"""Ten features handed over by one command: one patch of the node, and hardly longer than for one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from sandbox import features, images
from sandbox.processes import SandboxError
from tests.acceptance.fleet import V1, Fleet
from tests.support.switch import CONFIG_DB, STATE_DB, wait_until

NAMES = [f"stand{number}" for number in range(1, 11)]
UNIT = """[Unit]
After=database.service
[Service]
ExecStartPre=/usr/local/bin/{name}.sh start
ExecStart=/usr/local/bin/{name}.sh wait
ExecStop=/usr/local/bin/{name}.sh stop
"""
# The gate, and then a process that sleeps: nothing that makes a handover slow by itself.
IMAGE = """FROM sonic-root:latest
COPY gate/container_startup.py /usr/bin/
LABEL sonic.startup-gate=true
ENV LC_ALL=C.UTF-8 IMAGE_VERSION={version}
ENTRYPOINT ["/bin/sh", "-c", "trap 'exit 0' TERM; \\
  /usr/bin/container_startup.py -f $FEATURE -o ${{RUNTIME_OWNER:-kube}} -v $IMAGE_VERSION & wait $!; \\
  sleep infinity & wait $!"]
"""
DROP = """
systemctl stop "$@"
for n in "$@"; do rm -f /run/systemd/system/$n.service /usr/local/bin/$n.sh; docker rm -f $n; done
"""


def build(fleet: Fleet, version: str, tag: str) -> None:
    folder = fleet.switch.base / "stand"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(IMAGE.format(version=version))
    file = str(folder / "Dockerfile")
    fleet.switch.engine.docker("build", "--quiet", "--network", "none", "-f", file, "-t", tag, str(images.FOLDER))


@pytest.fixture
def ten(fleet: Fleet) -> Iterator[Fleet]:
    """Ten features with units, gates and DaemonSets, in legacy mode."""
    try:
        add(fleet)
        yield fleet
    finally:
        drop(fleet)


def add(fleet: Fleet) -> None:
    console, switch = fleet.console, fleet.switch
    build(fleet, images.VERSION, "docker-stand:latest")
    build(fleet, V1, "stand:published")
    reference = fleet.cluster.registry.push("stand:published", f"docker-stand:{V1}")
    template = (images.HOST / "feature.sh").read_text()
    for name in NAMES:
        script = template.replace("@NAME@", name).replace("@IMAGE@", "docker-stand:latest")
        switch.write_file(f"/usr/local/bin/{name}.sh", script.replace("@OPTIONS@", f"--env FEATURE={name}"), "755")
        switch.write_file(f"/run/systemd/system/{name}.service", UNIT.format(name=name), "644")
        console.witness.write(CONFIG_DB, f"FEATURE|{name}", features.config_db()["FEATURE"]["snmp"])
    console.type("systemctl daemon-reload")
    console.type(["systemctl", "start", *NAMES])
    for name in NAMES:
        fleet.deploy(name, image=reference)


def drop(fleet: Fleet) -> None:
    console, switch = fleet.console, fleet.switch
    switch.exec(["config", "feature", "mode", *NAMES, "legacy", "--timeout", "60"], timeout=90)
    switch.exec(["sh", "-c", DROP, "sh", *NAMES], timeout=120)
    console.type("systemctl daemon-reload")
    fleet.cluster.label(**{f"{name}_enabled": None for name in NAMES})
    for name in NAMES:
        fleet.cluster.delete(name)
        console.witness.write(CONFIG_DB, f"FEATURE|{name}", {})
        for table in ("FEATURE", "SYSTEM_SERVICE"):
            console.witness.write(STATE_DB, f"{table}|{name}", {})
    for tag in ("docker-stand:latest", "stand:published"):
        with contextlib.suppress(SandboxError):
            switch.engine.docker("rmi", "--force", tag)


def patches(fleet: Fleet) -> int:
    """How often the API server was asked to patch a node itself (and not its status, as the kubelet does)."""
    found = 0
    for line in fleet.cluster.get("/metrics")["text"].splitlines():
        words = ('resource="nodes"', 'subresource=""', 'verb="PATCH"')
        if line.startswith("apiserver_request_total{") and all(word in line for word in words):
            found += int(float(line.split()[-1]))
    return found


def test_ten_features_are_one_patch_and_move_side_by_side(ten: Fleet) -> None:
    console = ten.console

    def took(*names: str, mode: str = "kubernetes") -> float:
        begun = time.monotonic()
        told = console.ask(f"config feature mode {' '.join(names)} {mode} --timeout 80")
        assert [(f["changed"], f["owner"]) for f in told["features"]] == [
            (True, "kube" if mode == "kubernetes" else "local")
        ] * len(names)
        return time.monotonic() - begun

    took("stand1")  # the image comes
    took("stand1", mode="legacy")
    wait_until("the end of its pod", lambda: not ten.pods("stand1"), 40)
    one = took("stand1")
    took("stand1", mode="legacy")
    wait_until("the end of its pod", lambda: not ten.pods("stand1"), 40)
    before = patches(ten)
    every = took(*NAMES)
    assert patches(ten) - before == 1
    assert every <= 1.5 * one + 5, (one, every)
    before = patches(ten)
    took(*NAMES, mode="legacy")
    assert patches(ten) - before == 1
