"""A Docker whose answers come late: a socket on the switch in front of dockerd's, for the unit's processes alone."""

from __future__ import annotations

import subprocess

from sandbox.processes import SandboxError
from sandbox.switch import NAME, Switch

_SOCKET = "/run/slow-docker.sock"
_DROP_IN = "/run/systemd/system/snmp.service.d/slow.conf"
# Passes everything on; each connection's first answer, of which ours asks one a call, comes so much later.
_SCRIPT = r"""
import os, socket, sys, threading, time
path, seconds = sys.argv[1], float(sys.argv[2])
def pump(source, target, late):
    try:
        while data := source.recv(1 << 20):
            if late:
                time.sleep(late)
                late = 0
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            one.close()
def serve(client):
    backend = socket.socket(socket.AF_UNIX)
    backend.connect("/var/run/docker.sock")
    threading.Thread(target=pump, args=(client, backend, 0), daemon=True).start()
    pump(backend, client, seconds)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(64)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class SlowDocker:
    """snmp's unit has such a Docker from creation to `close`; a context manager. `seconds`: how late each answer is."""

    def __init__(self, switch: Switch, seconds: float) -> None:
        self._switch = switch
        pid = switch.docker("inspect", "--format", "{{.State.Pid}}", NAME)
        inside = ["nsenter", "--all", "--target", pid, "python3", "-c", _SCRIPT, _SOCKET, str(seconds)]
        self._process = subprocess.Popen(
            switch.engine.room.argv(inside), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise SandboxError("no slow Docker")
        self._unit(f"mkdir -p $(dirname {_DROP_IN}) && cat > {_DROP_IN}")

    def _unit(self, command: str) -> None:
        line = f"{command} && systemctl daemon-reload && systemctl reset-failed snmp && systemctl restart snmp"
        text = f"[Service]\nEnvironment=DOCKER_HOST=unix://{_SOCKET}\n"
        done = self._switch.exec(["sh", "-c", line], stdin=text, timeout=120)
        if done.returncode:
            raise SandboxError(done.stderr)

    def close(self) -> None:
        self._unit(f"rm -f {_DROP_IN} {_SOCKET}")
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> SlowDocker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
