"""The host's programs, and what the daemon says."""

from __future__ import annotations

import subprocess


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """A program that has ended: returncode, stdout, stderr (text). One that is not there counts as failed."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(argv, 127, "", f"{error}\n")


def succeeds(*argv: str) -> bool:
    return run(*argv).returncode == 0


def say(line: str) -> None:
    print(line, flush=True)
