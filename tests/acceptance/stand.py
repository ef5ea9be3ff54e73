"""Light features with units, gates and DaemonSets: nothing in them that makes a handover slow by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from sandbox import features, images
from sandbox.processes import SandboxError
from tests.acceptance.fleet import V1, Fleet
from tests.support.switch import CONFIG_DB, STATE_DB

UNIT = """[Unit]
After=database.service
[Service]
ExecStartPre=/usr/local/bin/{name}.sh start
ExecStart=/usr/local/bin/{name}.sh wait
ExecStop=/usr/local/bin/{name}.sh stop
"""
# The gate, and then a critical process that sleeps: nothing that makes a handover slow by itself.
IMAGE = """FROM sonic-root:latest
COPY gate/container_startup.py /usr/bin/
RUN mkdir -p /etc/supervisor && echo program:sleep > /etc/supervisor/critical_processes
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


@contextlib.contextmanager
def standing(fleet: Fleet, names: Sequence[str]) -> Iterator[None]:
    """Features of these names, in legacy mode; at the end they are gone."""
    try:
        add(fleet, names)
        yield
    finally:
        drop(fleet, names)


def add(fleet: Fleet, names: Sequence[str]) -> None:
    console, switch = fleet.console, fleet.switch
    build(fleet, images.VERSION, "docker-stand:latest")
    build(fleet, V1, "stand:published")
    reference = fleet.cluster.registry.push("stand:published", f"docker-stand:{V1}")
    template = (images.HOST / "feature.sh").read_text()
    for name in names:
        script = template.replace("@NAME@", name).replace("@IMAGE@", "docker-stand:latest")
        switch.write_file(f"/usr/local/bin/{name}.sh", script.replace("@OPTIONS@", f"--env FEATURE={name}"), "755")
        switch.write_file(f"/run/systemd/system/{name}.service", UNIT.format(name=name), "644")
        console.witness.write(CONFIG_DB, f"FEATURE|{name}", features.config_db()["FEATURE"]["snmp"])
    console.type("systemctl daemon-reload")
    console.type(["systemctl", "start", *names])
    for name in names:
        fleet.deploy(name, image=reference)


def drop(fleet: Fleet, names: Sequence[str]) -> None:
    console, switch = fleet.console, fleet.switch
    switch.exec(["config", "feature", "mode", *names, "legacy", "--timeout", "240"], timeout=300)
    switch.exec(["sh", "-c", DROP, "sh", *names], timeout=300)
    console.type("systemctl daemon-reload")
    fleet.cluster.label(**{f"{name}_enabled": None for name in names})
    for name in names:
        fleet.cluster.delete(name)
        console.witness.write(CONFIG_DB, f"FEATURE|{name}", {})
        for table in ("FEATURE", "SYSTEM_SERVICE"):
            console.witness.write(STATE_DB, f"{table}|{name}", {})
    for tag in ("docker-stand:latest", "stand:published"):
        with contextlib.suppress(SandboxError):
            switch.engine.docker("rmi", "--force", tag)
