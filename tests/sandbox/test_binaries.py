"""Where Kubernetes' programs lie: nobody takes them from under a sandbox that runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.kube import binaries
from sandbox.processes import SandboxError

HOLDER = """
import sys
from pathlib import Path
from sandbox.kube import binaries
binaries.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_programs_that_somebody_runs_stay_until_he_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "kube-old"
    folder.mkdir()
    (folder / "kubebox").write_text("x")
    argv = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        binaries.remove(folder)
        assert (folder / "kubebox").exists()
        holder.communicate("")
    binaries.remove(folder)
    assert not folder.exists()


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of Go: what it runs."""
    program = tmp_path / "go"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(binaries, "SAY_SECONDS", 0)
    return program


def test_a_build_says_how_far_it_is(go: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go.write_text("#!/bin/sh\necho internal/a >&2; echo internal/b >&2\n")
    go.chmod(0o700)
    binaries._build("kubenode", tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("sandbox: building Kubernetes ")
    assert said[1:] == ["sandbox: kubenode: 1 packages", "sandbox: kubenode: 2 packages"]


def test_a_build_that_fails_says_why(go: Path, tmp_path: Path) -> None:
    go.write_text("#!/bin/sh\necho no room >&2; exit 3\n")
    go.chmod(0o700)
    with pytest.raises(SandboxError, match="kubenode could not be built: exit 3\nno room"):
        binaries._build("kubenode", tmp_path)
