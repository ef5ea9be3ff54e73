"""The fake systemctl with units that do what a switch's units do: start, stop and watch a container.

`python unit_scripts.py STATE DOCKER ARGUMENT...`: what systemctl is asked is done by tests/fakes/systemctl.py. Where
that makes a unit active or inactive, its container (of `swss@0.service`: swss0) is started or stopped in Docker.
"""

from __future__ import annotations

import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tests.fakes import systemctl as fake
else:
    # Run with -I: the folder of this file is not in the path by itself, and `tests` is not either.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import systemctl as fake


def container(address: str, unit: str, verb: str) -> None:
    name = unit.removesuffix(".service").replace("@", "")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        connection.sendall(f"POST /v1.41/containers/{name}/{verb} HTTP/1.0\r\n\r\n".encode())
        while connection.recv(4096):
            pass


def main(state_path: str, docker: str, arguments: list[str]) -> int:
    def active() -> dict[str, bool]:
        with fake.opened(state_path) as state:
            return {name: unit["active"] == "active" for name, unit in state["units"].items()}

    before = active()
    try:
        code = fake.main(state_path, arguments)
    except fake.Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        code = refusal.code
    after = active()
    restarted = "restart" in arguments and code == 0
    for name, runs in after.items():
        again = restarted and name == arguments[-1]
        if before.get(name) and (not runs or again):
            container(docker, name, "stop")
        if runs and (not before.get(name) or again):
            container(docker, name, "start")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
