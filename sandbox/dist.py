"""Wheel and source package of a commit: the same bytes whenever and wherever they are built. `make dist`.

They are made of what the commit holds, not of what lies around it; every time in them is the commit's, every owner is
root, and no mode depends on a umask. The wheel is built from the source package.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from sandbox.processes import run

SOURCE = Path(__file__).resolve().parent.parent
UMASK = 0o022


def build(target: Path, source: Path = SOURCE, commit: str = "HEAD") -> list[Path]:
    """Build both into `target`; their paths, the source package first. SandboxError when it fails."""
    time = int(run(["git", "-C", str(source), "log", "-1", "--format=%ct", commit]).stdout)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dist") as folder:
        base = Path(folder)
        archive = base / "tree.tar"
        run(["git", "-C", str(source), "archive", "--format=tar", "-o", str(archive), commit])
        unpack(archive, base / "tree")
        made = backend(base / "tree", base / "sdist", "sdist", time)
        sdist = target / made.name
        sdist.write_bytes(repacked(made, time))
        return [sdist, wheel(sdist, target, time)]


def wheel(sdist: Path, target: Path, time: int) -> Path:
    """Build the wheel of a source package into `target`. `time`: seconds since 1970, of all that is in it."""
    with tempfile.TemporaryDirectory(prefix="dist") as folder:
        base = Path(folder)
        unpack(sdist, base / "source")
        (tree,) = (base / "source").iterdir()
        return Path(shutil.copy(backend(tree, base / "wheel", "wheel", time), target))


def backend(tree: Path, target: Path, kind: str, time: int) -> Path:
    """Have the build backend make one (`wheel`, `sdist`) of a tree; its path in `target`, a folder for it alone."""
    # The backend of this environment: the same one gives the same bytes.
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(target), str(tree)]
    run(command, timeout=120, env={**os.environ, "SOURCE_DATE_EPOCH": str(time)}, umask=UMASK)
    (made,) = target.iterdir()
    return made


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar; modes become 644 or 755, whatever they were there."""
    folder.mkdir(exist_ok=True)
    plain = ("--no-same-owner", "--no-same-permissions")
    run(["tar", "--extract", *plain, "--file", str(archive), "--directory", str(folder)], umask=UMASK)


def repacked(sdist: Path, time: int) -> bytes:
    """A .tar.gz with the same files in it, and nothing that differs from one building to the next."""
    packed = io.BytesIO()
    with (
        tarfile.open(sdist) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=time) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.size, plain.mtime = member.type, member.size, time
            plain.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(plain, old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


if __name__ == "__main__":
    for path in build(Path("dist")):
        print(path)
