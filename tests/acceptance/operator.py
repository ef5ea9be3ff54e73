"""The operator's machine: ansible-playbook and ssh, which reach the switch through its sshd, as any other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.processes import run
from sandbox.switch import Switch
from tests.acceptance.documented import judge
from tests.docs.lines import ROOT, Line
from tests.support.switch import wait_until

EXAMPLES = ROOT / "docs" / "examples"
USER = "admin"
HOSTS = "leaf1 leaf2"
"""The inventory's switches: two names of one."""
_FOLDER = "/run/sshd-test"
_SSHD = f"""\
ListenAddress 127.0.0.1
HostKey {_FOLDER}/host
AuthorizedKeysFile {_FOLDER}/authorized
PidFile {_FOLDER}/pid
AllowUsers {USER}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
"""
_SSH = """\
Host {hosts}
  HostName 127.0.0.1
  HostKeyAlias switch
  User {user}
  IdentityFile {base}/key
  IdentitiesOnly yes
  UserKnownHostsFile {base}/known_hosts
  StrictHostKeyChecking yes
  ControlMaster no
  LogLevel ERROR
"""


class Operator:
    """Types command lines in the folder of the examples, on a machine from which the switch is reached."""

    def __init__(self, switch: Switch, base: Path) -> None:
        self._switch = switch
        self._base = base

    def type(self, line: str, timeout: float = 180) -> tuple[int, str]:
        """Exit code, and all that was said."""
        options = f"-F {self._base}/ssh_config"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self._base),
            "ANSIBLE_HOME": str(self._base / "ansible"),
            "ANSIBLE_SSH_ARGS": options,
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
        }
        script = f'exec 2>&1; cd {EXAMPLES}; ssh() {{ command ssh {options} "$@"; }}\n{line}'
        done = subprocess.run(
            self._switch.engine.room.argv(["bash", "-c", script]),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout + done.stderr

    def run(self, line: Line) -> str:
        """What is not as documented, or ""."""
        return judge(line, *self.type(line.typed))


@contextmanager
def reaching(switch: Switch, base: Path) -> Iterator[Operator]:
    """An operator with a key, and a switch whose sshd knows it. `base`: an empty folder. Nothing is left."""
    for name in ("key", "host"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(base / name)])
    public, host = ((base / f"{name}.pub").read_text() for name in ("key", "host"))
    (base / "known_hosts").write_text(f"switch {host}")
    (base / "ssh_config").write_text(_SSH.format(hosts=HOSTS, user=USER, base=base))
    switch.exec(["mkdir", "-p", "/run/sshd", _FOLDER])
    switch.write_file(f"{_FOLDER}/host", (base / "host").read_text())
    switch.write_file(f"{_FOLDER}/authorized", public, "644")
    switch.write_file(f"{_FOLDER}/config", _SSHD)
    started = switch.exec(["/usr/sbin/sshd", "-f", f"{_FOLDER}/config"])
    assert started.returncode == 0, started.stderr
    try:
        wait_until("sshd", lambda: switch.exec(["test", "-s", f"{_FOLDER}/pid"]).returncode == 0)
        yield Operator(switch, base)
    finally:
        switch.exec(["sh", "-c", f"kill $(cat {_FOLDER}/pid)"])
        switch.exec(["rm", "-rf", _FOLDER, "/run/sshd", f"/home/{USER}/.ansible"])
