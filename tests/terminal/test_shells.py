"""Tab in a real bash and a real zsh, at a terminal, with what pip installed from the wheel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.host import Host, built_wheel, host
from tests.terminal.console import Terminal, seen

__all__ = ["built_wheel", "host"]  # fixtures
PROMPT = "ready> "


class Shell:
    """An interactive shell that knows what the wheel brought; `offered` tells its list of words from the screen."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        terminal.settle(PROMPT.strip())

    def completes(self, line: str, to: str) -> None:
        """Tab after `line` makes it `to`."""
        self._type(line)
        self.terminal.type("\t")
        self.terminal.until(lambda: self.terminal.text == f"{PROMPT}{to}".rstrip(), to)

    def offers(self, line: str, *words: str) -> None:
        """Tab after `line` lists exactly these words."""
        self._type(line)
        self.terminal.type("\t")
        self.terminal.until(lambda: self.listed() == {*words}, f"the list {words}")

    def nothing(self, line: str) -> float:
        """Tab after `line` neither changes nor says anything; the seconds it took."""
        self._type(line)
        begun = time.monotonic()
        self.terminal.type("\t#")  # the mark is read when the Tab is done
        self.terminal.settle("#")
        assert self.terminal.text == f"{PROMPT}{line}#"
        return time.monotonic() - begun

    def _type(self, line: str) -> None:
        self.terminal.type("\x15")  # away with what is there
        self.terminal.type("\x0c")  # ... and with what was said before
        self.terminal.until(lambda: self.terminal.text == PROMPT.strip(), "an empty prompt")
        self.terminal.type(line)
        self.terminal.until(lambda: self.terminal.text == f"{PROMPT}{line}".rstrip(), line)

    def listed(self) -> set[str]:
        raise NotImplementedError


class Bash(Shell):
    rc = """
    PS1='ready> '
    . /usr/share/bash-completion/bash_completion
    bind 'set show-all-if-ambiguous on'
    """

    def listed(self) -> set[str]:
        """What is between the line and the same line below the list."""
        first, *lines = self.terminal.lines
        return {word for line in lines[:-1] for word in line.split()} if lines and lines[-1] == first else set()


class Zsh(Shell):
    rc = """
    PS1='ready> '
    unsetopt prompt_sp beep list_beep
    fpath=({share}/zsh/site-functions $fpath)
    autoload -Uz compinit
    compinit -u -D
    """

    def listed(self) -> set[str]:
        """What is below the line; a command has its description beside it."""
        lines = self.terminal.lines[1:]
        return {word for line in lines for word in line.partition(" -- ")[0].split()}


def open_shell(kind: str, host: Host, environment: dict[str, str], home: Path, *, first: str = "") -> Shell:
    """`first`: a folder that is in front of PATH."""
    share = host.bin.parent / "share"
    there = seen(environment, HOME=str(home), PATH=f"{first}:{host.bin}:{environment['PATH']}")
    if kind == "bash":
        (home / "rc").write_text(Bash.rc)
        argv = ["bash", "--noprofile", "--rcfile", str(home / "rc"), "-i"]
        # As where pip's prefix is /usr/local.
        there["XDG_DATA_DIRS"] = f"{share}:/usr/local/share:/usr/share"
        return Bash(Terminal(argv, there, columns=200).__enter__())
    (home / ".zshrc").write_text(Zsh.rc.format(share=share))
    return Zsh(Terminal(["zsh", "-i"], {**there, "ZDOTDIR": str(home)}, columns=200).__enter__())


@pytest.fixture(params=["bash", "zsh"])
def shell(request, host, fakes, tmp_path) -> Iterator[Shell]:
    for name in ("snmp", "lldp10", "lldp2", "pmon"):
        fakes.put("CONFIG_DB", f"FEATURE|{name}", {"state": "enabled"})
    opened = open_shell(request.param, host, fakes.environment, tmp_path)
    with opened.terminal:
        yield opened


def test_tab(shell, fakes, tmp_path):
    # words, the same after unique beginnings of others
    shell.offers("system service st", "start", "status", "stop")
    shell.offers("system serv sta", "start", "status")
    shell.completes("system ser expl", "system ser explain")
    shell.completes("show-kube fe", "show-kube feature")
    # options and their values, joined or not
    shell.completes("system service stop --no", "system service stop --no-wait")
    shell.completes("system service wait snmp --for st", "system service wait snmp --for stopped")
    shell.completes("system service wait snmp --for=st", "system service wait snmp --for=stopped")
    # features: the first, another one, in all three programs
    shell.completes("system service stop s", "system service stop snmp")
    shell.completes("system service stop snmp p", "system service stop snmp pmon")
    shell.offers("system service stop lldp", "lldp2", "lldp10")
    shell.completes("system service stop lldp2 l", "system service stop lldp2 lldp10")
    shell.completes("system container id p", "system container id pmon")
    shell.completes("show-kube feature mode s", "show-kube feature mode snmp")
    shell.offers("config-kube feature mode snmp l", "lldp2", "lldp10", "legacy")
    shell.completes("config-kube feature mode snmp k", "config-kube feature mode snmp kubernetes")
    # files
    (tmp_path / "discovery.conf").touch()
    line = f"config-kube kubernetes join --discovery-file {tmp_path}/disc"
    shell.completes(line, f"{line}overy.conf")
    # nothing to offer
    shell.nothing("system service stop x")
    # Redis does not answer; then it is not there
    fakes.redis.failure = "hang"
    assert shell.nothing("system service stop s") < 5
    fakes.redis.stop()
    assert shell.nothing("system service stop s") < 5
    shell.completes("config-kube feature mode snmp k", "config-kube feature mode snmp kubernetes")


@pytest.mark.parametrize("kind", ["bash", "zsh"])
def test_a_shell_starts_without_the_programs_and_completes_the_files_they_ask_for(kind, host, fakes, tmp_path):
    """The program is a stand-in here: it notes that it was called, complains, and asks for a file."""
    called = tmp_path / "called"
    answer = {"bash": "file,", "zsh": "file\\n_\\n_"}[kind]
    stand_in = tmp_path / "bin" / "config-kube"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\nenv | grep COMP >> {called}\necho broken >&2\nprintf "{answer}\\n"\n')
    stand_in.chmod(0o700)
    (tmp_path / "discovery-file.conf").touch()
    shell = open_shell(kind, host, fakes.environment, tmp_path, first=str(stand_in.parent))
    with shell.terminal:
        line = f"config-kube kubernetes join --discovery-file {tmp_path}/disc"
        assert not called.exists()
        shell.completes(line, f"{line}overy-file.conf")
    assert f"_CONFIG_KUBE_COMPLETE={kind}_complete" in called.read_text().splitlines()
    assert called.read_text().count("_COMPLETE=") == 1


@pytest.mark.parametrize("program", ["system", "show-kube", "config-kube"])
def test_man_finds_the_pages(host, program):
    pages = host.bin.parent / "share/man"
    found = subprocess.run(["man", "-M", str(pages), "-w", program], capture_output=True, text=True, timeout=60)
    assert (found.stdout, found.returncode) == (f"{pages}/man1/{program}.1\n", 0)
