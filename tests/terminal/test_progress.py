"""What a person sees of a command while it changes something: a line a stage, with the seconds since its start."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

import pytest

from system_service.domain.change.operate import Ask
from system_service.domain.change.plan import Request, Verb
from system_service.domain.kube_only.install import install
from system_service.domain.result import Result
from system_service.model.feature import Mode
from system_service.terminal.progress import progress
from tests.support.systemd import Spec
from tests.terminal.console import seen, shown, typed

SERVER = {"ip": "10.0.0.1", "port": "6443", "disable": "False", "insecure": "False"}
HINT = "Run `config save` to keep this over a reboot."
_STAGE = re.compile(r" *\d+\.\d s  (.*)")


def see(fakes, line: str, **environment: str) -> tuple[list[str], list[str], int]:
    """The stages, the other lines, the exit code."""
    terminal, code = shown(typed(line), seen(fakes.environment, **environment), columns=120)
    stages = [match[1] for line in terminal.lines if (match := _STAGE.fullmatch(line))]
    return stages, [line for line in terminal.lines if not _STAGE.fullmatch(line)], code


def test_start_stop_and_the_rest(fakes):
    fakes.feature("snmp")
    stop = ["snmp: stop container snmp", "snmp: wait until container snmp has stopped"]
    start = ["snmp: start container snmp", "snmp: wait until container snmp is running"]
    assert see(fakes, "system service stop snmp") == (stop, ["snmp: stopped"], 0)
    assert see(fakes, "system service stop snmp") == ([], ["snmp: stopped (unchanged)"], 0)
    assert see(fakes, "system service start snmp") == (start, ["snmp: running"], 0)
    stages, told, code = see(fakes, "system service restart snmp")
    assert stages[0] == "snmp: restart container snmp"
    assert (told, code) == (["snmp: running"], 0)
    write = "snmp: write state={} to CONFIG_DB FEATURE|snmp"
    off = see(fakes, "system service disable snmp")
    assert off == ([write.format("disabled"), *stop], ["snmp: disabled", HINT], 0)
    on = see(fakes, "system service enable snmp")
    assert on == ([write.format("enabled"), *start], ["snmp: running", HINT], 0)


def test_nothing_of_it_where_stderr_is_no_terminal(fakes, tmp_path):
    fakes.feature("snmp")
    with (tmp_path / "err").open("wb") as err:
        terminal, code = shown(typed("system service disable snmp"), seen(fakes.environment), stderr=err)
    assert (terminal.lines, code, (tmp_path / "err").read_text()) == (["snmp: disabled"], 0, "")


@pytest.fixture
def joined(fakes, api, pki, tmp_path):
    """Two features, a cluster that answers, and no systemd: the command itself hands over."""
    for name in ("snmp", "lldp"):
        fakes.feature(name)
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", SERVER)
    (tmp_path / "kubeconfig").write_text(pki.kubeconfig("admin", api.url))
    fakes.environment |= {"KUBECONFIG": str(tmp_path / "kubeconfig"), "SYSTEM_SERVICE_NODE_NAME": "sonic"}
    return fakes


def test_a_change_of_mode_of_two_features(joined):
    stages, told, code = see(joined, "config feature mode snmp lldp kubernetes --timeout 8")
    assert stages == [
        "snmp: write set_owner=kube to CONFIG_DB FEATURE|snmp",
        "lldp: write set_owner=kube to CONFIG_DB FEATURE|lldp",
        "snmp, lldp: set snmp_enabled=true, lldp_enabled=true on this switch's node",
        "snmp: hand snmp over",
        "lldp: hand lldp over",
        "snmp: there is no DaemonSet for snmp in namespace sonic",
        "lldp: there is no DaemonSet for lldp in namespace sonic",
        # Nobody else would go on with them.
        "snmp: write set_owner=local to CONFIG_DB FEATURE|snmp",
        "lldp: write set_owner=local to CONFIG_DB FEATURE|lldp",
    ]
    assert code == 6
    assert [line.partition(" yet")[0] for line in told if line.startswith("Error: ")] == [
        "Error: lldp is not run by a pod",
        "Error: snmp is not run by a pod",
    ]
    assert told.count("Try: system service status") == 2
    assert told.count(HINT) == 1


def test_a_change_of_mode_of_one_that_comes_about(joined):
    """Wanted there and still here: with the word home it is seen to be at home."""
    joined.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    joined.docker.crash("snmp", 0)
    stages, told, code = see(joined, "config feature mode snmp legacy")
    assert stages == [
        "snmp: write set_owner=local to CONFIG_DB FEATURE|snmp",
        "snmp: hand snmp over",
        "snmp: start the local container: legacy is wanted",
        "snmp: the local container runs it",
    ]
    assert (told, code) == (["snmp: running", HINT], 0)


def test_labels_that_are_sent_later(joined, api):
    joined.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    joined.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "true", "label": "false"})
    sent = see(joined, "system service sync")
    assert sent == (["set snmp_enabled=true on this switch's node"], ["snmp_enabled: true"], 0)
    assert see(joined, "system service sync") == ([], ["nothing to send"], 0)


def test_a_wait_says_what_it_sees(fakes):
    fakes.feature("snmp", "exited")
    stages, told, code = see(fakes, "system service wait snmp --for running --timeout 1")
    assert (stages, code) == (["snmp is stopped"], 6)
    assert told == [
        "snmp: stopped",
        "Error: not running in time: snmp is stopped",
        "Try: system service explain snmp",
    ]


def test_a_wait_for_featured_says_what_it_sees(fakes):
    fakes.feature("snmp")
    fakes.put("STATE_DB", "FEATURE|snmp", {"state": "enabled"})
    stages, told, code = see(fakes, "config feature state snmp disabled --block --timeout 0.5")
    assert (stages, code) == (["snmp: STATE_DB says enabled"], 6)
    assert told[:2] == [HINT, "Error: snmp was not disabled within 0.5 s (STATE_DB says enabled)"]
    assert see(fakes, "config feature state snmp enabled --block") == ([], [HINT], 0)


def said(monkeypatch, act: Callable[[], object]) -> list[str]:
    """The stages that `act` shows in this process, whose stderr is a terminal meanwhile."""
    ours, theirs = os.openpty()
    with monkeypatch.context() as patch, os.fdopen(theirs, "w") as stream:
        patch.setattr("sys.stderr", stream)
        patch.setenv("TERM", "dumb")
        act()
        stream.flush()
        os.set_blocking(ours, False)
        lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    return [match[1] if (match := _STAGE.fullmatch(line)) else f"?{line}" for line in lines]


def test_an_installation(fakes, monkeypatch):
    fakes.systemd(snmp=Spec())
    fakes.feature("snmp")
    for name in ("PATH", "SYSTEM_SERVICE_RUN_DIR", "SYSTEM_SERVICE_UNIT_DIR"):
        monkeypatch.setenv(name, fakes.environment[name])

    def act():
        ask = Ask("config feature install", ("probe",), Request(Verb.MODE, Mode.KUBERNETES), 20, tell=progress())
        assert install(fakes.switch(), ask).error is None

    stages = said(monkeypatch, act)
    assert stages[:2] == ["probe: write the unit probe.service", "probe: have systemd read the unit probe.service anew"]
    assert stages[-1] == "probe: start probe.service"


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_what_is_done_for_the_package_itself(fakes, monkeypatch, verb):
    """What they would do here is not for a test: the domain stands in."""
    module = import_module(f"system_service.host.{verb}")

    def domain(*words: object, tell: Callable[[str], None], **options: object) -> Result:
        tell("place it")
        return Result("system host", steps=("place it",))

    for name, value in fakes.environment.items():
        monkeypatch.setenv(name, value)
    fakes.program("system", ["true"])
    monkeypatch.setattr(module, verb, domain)
    assert said(monkeypatch, lambda: module.command.main([], standalone_mode=False)) == ["place it"]


def test_what_is_told_of_elsewhere_cannot_drive_the_terminal(monkeypatch):
    assert said(monkeypatch, lambda: progress()("snmp: \x1b[2Jno\r\npod")) == ["snmp: \\x1b[2Jno\\r\\npod"]


def test_a_terminal_that_has_hung_up_stops_nothing(monkeypatch):
    ours, theirs = os.openpty()
    with io.TextIOWrapper(open(theirs, "wb", buffering=0), write_through=True) as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        tell = progress()
        os.close(ours)
        for sentence in ("one", "two"):
            tell(sentence)
        assert not tell.shown
        monkeypatch.undo()


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_with_its_outputs_closed_a_command_does_what_it_should(fakes, closed):
    fakes.feature("snmp")

    def run(line: str) -> int:
        command = f"exec {sys.executable} -m {line} {closed}"
        return subprocess.run(["sh", "-c", command], env=fakes.environment, timeout=60).returncode

    assert run("system_service service stop snmp") == 0
    assert [found.state for found in fakes.docker.containers.values()] == ["exited"]
    assert run("system_service service status snmp") == 3
    assert run("system_service service status nosuch") == 4
