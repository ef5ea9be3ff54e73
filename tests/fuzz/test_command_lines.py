"""Words typed after the programs' names, on a switch where nobody answers: an exit code of the documented ones."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from config_kube.cli import cli as config
from show_kube.cli import cli as show
from system_service.cli import cli as system
from system_service.terminal.program import _exit_code
from tests.fuzz.inputs import FEW, TEXT

CODES = {0, 2, 3, 4, 5, 6, 7, 8, 9}
"""Not 1: nothing fails where nobody is asked; nor a signal's."""
GROUPS = {"system": system, "show": show, "config": config}
# Not `host`, whose very purpose is to write where the host's programs are.
WORDS = st.one_of(
    st.sampled_from(
        [
            *("service", "container", "feature", "kubernetes", "status", "list", "explain", "check", "start", "stop"),
            *("restart", "enable", "disable", "logs", "wait", "id", "state", "mode", "fallback", "owner", "install"),
            *("uninstall", "server", "ip", "port", "insecure", "join", "reset", "manifest", "snmp", "lldp", "legacy"),
            *("on", "off", "up", "down", "--all", "--json", "--timeout", "--no-wait", "--dry-run", "--fallback"),
            *("--processes", "--help", "--version", "--for", "--image", "--", "-", "0", "1", "1e9", "-1", "nan"),
        ]
    ),
    # What a program is given as an argument: bytes but the zero, whatever their encoding; never half a character.
    TEXT.map(lambda text: os.fsdecode(text.encode("utf-8", "surrogatepass").replace(b"\0", b""))),
)


@cache
def alone() -> str:
    """An empty folder, where everything is that these programs look for."""
    return tempfile.mkdtemp(prefix="fuzz-")


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    folder = alone()
    setting = {
        "PATH": folder,
        "DOCKER_HOST": f"unix://{folder}/docker",
        "SYSTEM_SERVICE_DB_CONFIG": f"{folder}/database_config.json",
        "SYSTEM_SERVICE_RUN_DIR": f"{folder}/run",
        "SYSTEM_SERVICE_UNIT_DIR": f"{folder}/units",
        "SYSTEM_SERVICE_SCRIPT_DIR": f"{folder}/scripts",
        "SYSTEMD_UNIT_PATH": f"{folder}/units",
        "KUBECONFIG": f"{folder}/kubeconfig",
    }
    before = {name: os.environ.get(name) for name in setting}
    os.environ.update(setting)
    try:
        # `container wait` becomes the waiter, `logs` the docker client: another program, and the end of this one.
        with mock.patch("os.execv", side_effect=SystemExit(0)), mock.patch("os.execvp", side_effect=SystemExit(0)):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@FEW
@given(program=st.sampled_from(sorted(GROUPS)), words=st.lists(WORDS, max_size=7))
def test_a_command_line(program: str, words: list[str]) -> None:
    # As Python has them: what stderr cannot say it escapes, what stdout cannot say is an error.
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    with nobody(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(program, words)
    err.seek(0)
    said = err.read()
    assert code in CODES, (code, said)
    assert "Traceback" not in said


def run(program: str, words: list[str]) -> int:
    """As the console script runs it."""
    group, main = GROUPS[program], GROUPS[program].main
    group.main = lambda **given: main(args=words, **given)  # type: ignore[method-assign]
    try:
        return _exit_code(group, program)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        group.main = main  # type: ignore[method-assign]
