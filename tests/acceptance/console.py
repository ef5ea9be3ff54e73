"""What an operator has: a prompt on the switch, an SNMP client beside it, and eyes that are not the product's."""

from __future__ import annotations

import json
import queue
import shlex
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.engine import CLIENT
from sandbox.switch import NAME, Switch
from tests.support.switch import CONFIG_DB, STATE_DB, Witness, wait_until

# What makes a command kill itself (-9) by the very write that says certain words: nobody who reads along could be sure
# to be in time. Python reads this file at its start.
_FATAL = """
import io, os, sys
class Fatal(io.TextIOWrapper):
    def write(self, text):
        written = super().write(text)
        if os.environ["FATAL"] in text:
            self.flush()
            os.kill(os.getpid(), 9)
        return written
sys.stderr = Fatal(sys.stderr.buffer, sys.stderr.encoding, sys.stderr.errors, line_buffering=True)
"""

# Runs a command as from a terminal: its stderr is one, so that it shows its progress. Prints the command's process id,
# then what it says; ends with its exit code as a shell gives it. The first two arguments are the words at which it
# kills itself, if any, and the text above.
_TERMINAL = """
import os, pty, subprocess, sys, tempfile
ours, theirs = pty.openpty()
words, text, *command = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    with open(folder + "/sitecustomize.py", "w") as file:
        file.write(text)
    fatal = {"PYTHONPATH": folder, "FATAL": words} if words else {}
    terminal = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
    child = subprocess.Popen(command, env={**os.environ, **fatal}, **terminal)
    os.close(theirs)
    print("pid", child.pid, flush=True)
    try:
        while said := os.read(ours, 65536):
            os.write(1, said)
    except OSError:
        pass
    code = child.wait()
sys.exit(code if code >= 0 else 128 - code)
"""


class Typed:
    """A command that is still at work on the switch, typed at a terminal."""

    def __init__(self, switch: Switch, line: str, fatal: str = "") -> None:
        """`fatal`: the command is killed as it says these words, with no action in between."""
        self.line = line
        self.said: list[str] = []
        self._switch = switch
        self._lines: queue.Queue[str] = queue.Queue()
        self._client = subprocess.Popen(
            [CLIENT, "exec", "-i", NAME, "python3", "-c", _TERMINAL, fatal, _FATAL, *shlex.split(line)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=switch.engine.environment(),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.pid = self.read_until("pid ").split()[1]

    def _read(self) -> None:
        assert self._client.stdout is not None
        for line in self._client.stdout:
            self._lines.put(line.rstrip())

    def read_until(self, words: str, timeout: float = 90) -> str:
        """The next line with these words in it; the test fails when there is none in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"{self.line}: no {words!r} within {timeout:g} s, but {self.said}")
            self.said.append(line)
            if words in line:
                return line

    def signal(self, name: str) -> None:
        """Send the command itself a signal."""
        self._switch.exec(["kill", f"-{name}", self.pid])

    def alive(self) -> bool:
        return self._client.poll() is None

    def end(self, expect: int, timeout: float = 300) -> str:
        """All it said; the test fails when it does not end with this exit code in `timeout` seconds."""
        try:
            code = self._client.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.signal("KILL")
            self._client.wait(timeout=timeout)
            pytest.fail(f"{self.line}: not at its end after {timeout:g} s: {self.said}")
        self._reader.join(timeout=10)
        while not self._lines.empty():
            self.said.append(self._lines.get())
        said = "\n".join(self.said)
        assert code == expect, f"{self.line}: exit {code}: {said}"
        assert "Traceback" not in said
        return said


class Console:
    """Types commands on the switch, and reads back what became of them."""

    def __init__(self, switch: Switch, witness: Witness) -> None:
        self.switch = switch
        self.witness = witness

    def type(self, line: str | Sequence[str], expect: int = 0, user: str | None = None) -> str:
        """Run a command line; all it said. The test fails on another exit code, and on a traceback."""
        words = shlex.split(line) if isinstance(line, str) else line
        done = self.switch.exec(words, user=user, timeout=300)
        said = done.stdout + done.stderr
        assert done.returncode == expect, f"{line}: exit {done.returncode}, not {expect}: {said}"
        assert "Traceback" not in said, said
        return said

    def ask(self, line: str, expect: int = 0, user: str | None = None) -> dict[str, Any]:
        """The one JSON object of a command with `--json`. The test fails as in `type`, and on anything beside it."""
        done = self.switch.exec([*shlex.split(line), "--json"], user=user, timeout=300)
        assert done.returncode == expect, f"{line}: exit {done.returncode}, not {expect}: {done.stdout}{done.stderr}"
        assert done.stderr == ""
        answer: dict[str, Any] = json.loads(done.stdout)
        assert set(answer) >= {"command", "changed", "dry_run", "features", "error"}
        assert (answer["error"] or {"exit_code": 0})["exit_code"] == expect
        return answer

    def begin(self, line: str) -> Typed:
        """Type a command and do not wait for its end."""
        return Typed(self.switch, line)

    def kill_at(self, line: str, stage: str) -> None:
        """Type a command that is killed (-9) the moment it says what it is about to do."""
        assert stage in Typed(self.switch, line, fatal=stage).end(137)

    def status(self, name: str) -> str:
        """What the product calls the feature's state, whatever its exit code."""
        shown = json.loads(self.switch.exec(["system", "service", "status", name, "--json"]).stdout)
        return str(shown["features"][0]["status"])

    def unit(self, name: str, *properties: str) -> list[str]:
        """These properties of a unit, as systemd shows them."""
        wanted = f"--property={','.join(properties)}"
        shown = self.switch.exec(["systemctl", "show", wanted, f"{name}.service"]).stdout
        values = dict(line.split("=", 1) for line in shown.splitlines())
        return [values[name] for name in properties]

    def active(self, name: str) -> str:
        """The unit's ActiveState."""
        return self.unit(name, "ActiveState")[0]

    def life(self, name: str) -> tuple[str, str] | None:
        """Which container it is and since when it runs; None when it does not run."""
        found = self.witness.container(name)
        return (found["Id"], found["State"]["StartedAt"]) if found and found["State"]["Running"] else None

    def intent(self, name: str) -> dict[str, str]:
        """The feature's CONFIG_DB row."""
        return self.witness.row(CONFIG_DB, f"FEATURE|{name}")

    def state(self, name: str) -> dict[str, str]:
        """The feature's STATE_DB row."""
        return self.witness.row(STATE_DB, f"FEATURE|{name}")

    def answers(self, timeout: float = 20) -> None:
        """The SNMP client gets its answer, within `timeout` seconds."""
        assert wait_until("an answer of snmpd", lambda: self.switch.snmp_get(), timeout) == '"sonic"'

    def silent(self) -> None:
        """The SNMP client gets none, however patient."""
        assert self.switch.snmp_get(timeout=0.5) is None

    def first_process(self, name: str) -> str:
        """Process id of the container's first process, in the room."""
        return self.switch.docker("container", "inspect", "--format", "{{.State.Pid}}", name)

    def heeds(self, name: str) -> None:
        """Wait until all processes of the container heed SIGTERM: before that a stop takes its whole timeout.

        A child that supervisord has forked, and that is not yet the program it is to become, swallows the signal.
        """

        def settled() -> bool:
            processes = self.switch.docker("top", name, "-eo", "pid,args").splitlines()[1:]
            return len(processes) >= 3 and sum("supervisord" in line for line in processes) == 1

        wait_until(f"{name}'s processes", settled)

    def strike(self, number: str, name: str) -> None:
        """Send a signal to the container's first process from outside, as the kernel would, past Docker."""
        self.switch.engine.room.run(["kill", f"-{number}", self.first_process(name)])

    def drop_in(self, unit: str, text: str) -> None:
        """Add to a unit's file, until the test ends; an empty text takes it away."""
        folder = f"/run/systemd/system/{unit}.service.d"
        if text:
            self.type(["mkdir", "-p", folder])
            self.switch.exec(["tee", f"{folder}/test.conf"], stdin=text)
        else:
            self.type(["rm", "-r", folder])
        self.type("systemctl daemon-reload")
