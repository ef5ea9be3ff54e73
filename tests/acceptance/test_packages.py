"""The package on a switch at work: upgraded while features run, and taken away without a trace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sandbox import features, images, wheel
from sandbox.engine import CLIENT
from sandbox.poller import PATIENT, Poller
from sandbox.processes import run
from sandbox.switch import KUBECONFIG, NAME
from tests.acceptance.console import Console
from tests.acceptance.fleet import V1, Fleet
from tests.support.switch import STATE_DB, wait_until

CONTAINER, CHECKER = "/usr/local/bin/container", "/usr/bin/container_checker"
UNINSTALL = f"{images.PIP} uninstall --yes --break-system-packages --root-user-action=ignore sonic-system-service"
NEWER = "0.1.1"
# Not the file system's; what systemd and monit keep; what the sandbox mounts or writes there itself; what others left
# in people's homes.
_ELSEWHERE = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/lib/systemd", "/var/lib/monit", CLIENT)
_ELSEWHERE += ("/wheels", KUBECONFIG, "/root", "/home")
# pip takes folders away that hold files of ours alone, and not those above them.
_EMPTY = {f"/usr/local/share/{name} d 755 root root" for name in ("bash-completion", "zsh")}
LIST = ["find", "/", "-xdev", "(", *" -o ".join(f"-path {path}" for path in _ELSEWHERE).split(), ")", "-prune"]
LIST += ["-o", "-printf", r"%p %y %m %u %g\n"]


class Packages:
    """What an operator does with our package on the switch of `fleet`."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.console: Console = fleet.console
        self._folder = folder

    def install(self, wheels: Path) -> None:
        """As README says, from a folder of wheels; also for an upgrade."""
        self.console.type(["rm", "-rf", "/tmp/wheels"])
        self.console.switch.docker("cp", str(wheels), f"{NAME}:/tmp/wheels")
        self.console.type(f"{images.INSTALL} /tmp/wheels --force-reinstall --no-deps sonic-system-service")
        self.console.type("system host install")

    def newer(self) -> Path:
        """A wheel of the next version. Its modules do not go together with those of a wait that runs."""

        def change(source: Path) -> None:
            setup = source / "setup.cfg"
            setup.write_text(re.sub(r"(?m)^version = .*", f"version = {NEWER}", setup.read_text()))
            link = source / "system_service/waiting/reconnecting.py"
            assert "def say(" in link.read_text()
            said = link.read_text().replace("say(", "speak(").replace('f"{sentence}', f'f"{NEWER}: {{sentence}}')
            assert said.count(NEWER) == 1
            link.write_text(said)
            users = [path for path in source.rglob("*.py") if "waiting.reconnecting import say" in path.read_text()]
            assert len(users) > 2
            for path in users:
                path.write_text(
                    path.read_text().replace(
                        "waiting.reconnecting import say", "waiting.reconnecting import speak as say"
                    )
                )

        return wheel.build(self._folder, change)

    def version(self) -> str:
        return next(
            line.removeprefix("Version: ")
            for line in self.console.type("pip show sonic-system-service").splitlines()
            if line.startswith("Version: ")
        )

    def lives(self) -> dict[str, object]:
        """What neither an upgrade nor a removal may change: each unit's life, its wait, and its container's life."""
        facts = ("ActiveState", "ActiveEnterTimestampMonotonic", "NRestarts", "MainPID")
        return {name: (self.console.unit(name, *facts), self.console.life(name)) for name in features.UNITS}

    def main_process(self, name: str) -> str:
        (pid,) = self.console.unit(name, "MainPID")
        return self.console.type(["cat", f"/proc/{pid}/cmdline"]).replace("\0", " ")

    def said(self, name: str) -> str:
        return self.console.type(f"journalctl -u {name} -o cat -n 30")

    def files(self) -> set[str]:
        return self._listed(self.console.type(LIST))

    def bare_files(self) -> set[str]:
        """Those of the switch before anything of ours was installed."""
        argv = [CLIENT, "run", "--rm", "--net", "none", images.BARE, *LIST]
        return self._listed(run(argv, timeout=60, env=self.console.switch.engine.environment()).stdout)

    def _listed(self, lines: str) -> set[str]:
        # What Python compiled of the host's own modules is nobody's.
        return {line for line in lines.splitlines() if "__pycache__" not in line}


@pytest.fixture
def packages(fleet: Fleet, tmp_path: Path) -> Iterator[Packages]:
    """At the end the package is there again as the sandbox brought it, and all units are in its hands."""
    made = Packages(fleet, tmp_path)
    yield made
    console = made.console
    made.install(console.switch.base / "wheels")
    console.type("system host install --kubernetes")
    console.type(["rm", "-rf", "/tmp/wheels"])
    strange = [name for name in features.UNITS if "waiter.py" not in made.main_process(name)]
    for names in (strange, [name for name in ("snmp", "lldp") if name not in strange]):
        if names:
            console.type(["systemctl", "reset-failed", *names])
            console.type(["systemctl", "restart", *names])
    console.answers()


def texts(console: Console, paths: Sequence[str]) -> list[str]:
    return [console.type(["cat", path]) for path in paths]


def test_upgraded_under_features_that_run_then_removed_without_a_trace(packages: Packages) -> None:
    fleet, console = packages.fleet, packages.console
    hosts = [(images.HOST / path[1:]).read_text() for path in (CONTAINER, CHECKER)]
    assert texts(console, [f"{CONTAINER}.host", f"{CHECKER}.host"]) == hosts
    for verb in ("install", "uninstall"):
        assert "needs root" in console.type(f"system host {verb}", expect=8, user="admin")
    newer = packages.newer()

    # The upgrade: nobody notices, and the wait of before goes on.
    lives = packages.lives()
    with Poller(console.switch.engine, PATIENT) as client:
        packages.install(newer)
        assert client.asked() > 0
        assert client.lost() == 0
    assert packages.version() == NEWER
    assert packages.lives() == lives
    assert console.ask("system host install")["changed"] is False

    # It hands over, and brings home: with what it was started with.
    fleet.deploy("snmp", V1)
    console.ask("config feature mode snmp kubernetes --timeout 240")
    fleet.seen("snmp", "kube", V1)
    assert console.unit("snmp", "MainPID") == [lives["snmp"][0][3]]  # type: ignore[index]
    refused = console.ask("system host uninstall", expect=5)["error"]
    assert (refused["kind"], refused["message"]) == ("refused", "there are features in kubernetes mode: snmp")
    console.type(refused["resolution"])
    fleet.seen("snmp", "local")
    assert packages.lives()["snmp"][0] == lives["snmp"][0]  # type: ignore[index]
    assert NEWER not in packages.said("snmp")

    # A stop is answered by the old one, and the next start is the new code's.
    console.type("systemctl stop snmp")
    assert (console.status("snmp"), console.state("snmp")["system_state"]) == ("stopped", "down")
    console.type("systemctl start snmp")
    console.answers()
    wait_until("its new wait", lambda: f"{NEWER}: snmp: waiting for the end" in packages.said("snmp"))

    # The removal: every feature goes on.
    wait_until("the end of its pod", lambda: not fleet.pods("snmp"), 40)
    lives = packages.lives()
    bare = packages.bare_files()
    assert packages.files() - bare > {f"{path}.host f 755 root root" for path in (CONTAINER, CHECKER)}
    planned = console.ask("system host uninstall --dry-run")
    done = console.ask("system host uninstall")
    assert (done["steps"], done["changed"]) == (planned["steps"], True)
    assert console.type("system host uninstall").splitlines() == [
        "nothing to do",
        "the rest goes with: pip uninstall sonic-system-service",
    ]
    console.type(UNINSTALL)
    assert packages.lives() == lives
    assert "failed" not in console.type("systemctl --failed --plain --no-legend")
    assert texts(console, [CONTAINER, CHECKER]) == hosts
    assert console.witness.row(STATE_DB, "SYSTEM_SERVICE|snmp") == {}
    console.type("ls /run/sonic-system-service", expect=2)
    assert "sonic-system-service" not in console.type("systemctl list-units --all --plain --no-legend")
    assert packages.files() ^ bare <= _EMPTY

    # From the next start on it is the host's own again; a wait of ours ends with its container's life.
    for name in ("snmp", "lldp"):
        console.type(f"systemctl restart {name}")
        assert packages.main_process(name).strip() == f"docker wait {name}"
    console.answers()
    assert "feature" in console.type("show feature")
