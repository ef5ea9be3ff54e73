"""Where Kubernetes' programs lie: nobody takes them from under a sandbox that runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.kube import binaries

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
