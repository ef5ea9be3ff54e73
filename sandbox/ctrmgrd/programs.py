"""The host's programs, and what the daemon says."""

import subprocess


def run(*argv):
    """A program that has ended: returncode, stdout, stderr (text). One that is not there counts as failed."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(argv, 127, "", f"{error}\n")


def succeeds(*argv):
    return run(*argv).returncode == 0


def say(line):
    print(line, flush=True)
