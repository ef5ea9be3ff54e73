"""What of a tar archive from Docker is believed: a container's own files say what they like."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile

import pytest

from system_service.backends.docker import _first_file


def archive(size: bytes = b"") -> bytes:
    """Of one file; `size`: what its header has in the place of the size."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("etc")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        member = tarfile.TarInfo("critical_processes")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"text"))
    content = bytearray(made.getvalue())
    if size:
        content[124:136] = size.ljust(12, b"\0")  # the folder's
    return bytes(content)


def test_the_first_plain_file_is_the_one():
    assert _first_file(archive()) == b"text"


@pytest.mark.parametrize("size", [b"-1000", b"-1", b"-777777777", b"x", b"77777777777"])
def test_a_size_that_is_none_is_no_file_and_no_endless_loop(size):
    code = "import sys; from system_service.backends.docker import _first_file as f; print(f(sys.stdin.buffer.read()))"
    ended = subprocess.run(
        [sys.executable, "-c", code], input=archive(size), capture_output=True, timeout=30, check=True
    )
    assert ended.stdout == b"None\n"
