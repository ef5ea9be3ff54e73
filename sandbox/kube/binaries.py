"""Where the control plane and the kubelet come from: a folder that a setting names, one beside the project, or Go.

Two files: `kubebox` (kube-apiserver, kube-controller-manager, kube-scheduler) and `kubenode` (kubelet, kubeadm).
"""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from sandbox import cache
from sandbox.processes import SandboxError
from sandbox.rootfs import exclusive

SOURCE = Path(__file__).resolve().parent
SETTING = "SANDBOX_KUBE_BIN"
BESIDE = SOURCE.parents[2] / "shared/kube/bin"
VERSIONS = {"kubebox": "1.34.4", "kubenode": "1.22.2"}
_VERSION_VARIABLES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
BUILD_SECONDS, SAY_SECONDS = 1800, 20
_held: dict[Path, int] = {}


def missing() -> str:
    """Why there can be no cluster here; empty when there can."""
    if given() is None and shutil.which("go") is None:
        return f"no Kubernetes: neither {SETTING} (a folder with {' and '.join(VERSIONS)}) nor Go to build it with"
    return ""


def given() -> Path | None:
    """The folder with ready binaries, plain or as .xz; None when there is none."""
    folder = Path(os.environ.get(SETTING) or BESIDE)
    return folder if all((folder / n).exists() or (folder / f"{n}.xz").exists() for n in VERSIONS) else None


def provide() -> Path:
    """The folder with both binaries, executable; unpacked or built into the cache at the first call.

    SandboxError when they can be had from nowhere, or the build fails.
    """
    if reason := missing():
        raise SandboxError(reason)
    folder = given()
    if folder and all(os.access(folder / name, os.X_OK) for name in VERSIONS):
        return folder
    target = cache.folder() / f"kube-{_stamp(folder)}"
    with exclusive(cache.folder() / "kube.lock"):
        if not target.exists():
            for old in cache.folder().glob("kube-*"):
                remove(old)
            partial = cache.folder() / "kube-partial"
            partial.mkdir()
            for name in VERSIONS:
                _unpack(folder, name, partial) if folder else _build(name, partial)
                (partial / name).chmod(0o755)
            partial.rename(target)
        hold(target)
    return target


def hold(folder: Path) -> None:
    """Keep others from removing it, to the end of this process: its programs run from where they are."""
    if folder not in _held:
        _held[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(_held[folder], fcntl.LOCK_SH)


def remove(folder: Path) -> None:
    """Remove it, unless a process holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(handle)


def _stamp(folder: Path | None) -> str:
    digest = hashlib.sha256()
    for name in VERSIONS:
        packed = (folder / f"{name}.xz").stat() if folder else None
        digest.update(f"{packed.st_size} {packed.st_mtime_ns}".encode() if packed else _sources(name))
    return digest.hexdigest()[:12]


def _sources(name: str) -> bytes:
    return b"".join((SOURCE / name / file).read_bytes() for file in ("main.go", "go.mod", "go.sum"))


def _unpack(folder: Path, name: str, target: Path) -> None:
    packed = folder / f"{name}.xz"
    if not packed.exists():
        shutil.copy(folder / name, target / name)
        return
    with lzma.open(packed) as source, (target / name).open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _build(name: str, target: Path) -> None:
    version = VERSIONS[name]
    print(f"sandbox: building Kubernetes {version}, {name} (once, some minutes)", flush=True)
    major, minor, _ = version.split(".")
    flags = ["-s", "-w"]
    for package in _VERSION_VARIABLES:
        flags += [f"-X {package}.gitVersion=v{version}", f"-X {package}.gitMajor={major}"]
        flags += [f"-X {package}.gitMinor={minor}", f"-X {package}.gitTreeState=clean"]
    argv = ["go", "build", "-v", "-trimpath", "-ldflags", " ".join(flags), "-o", str(target / name), "."]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, cwd=SOURCE / name, env=env) as build:
        limit = threading.Timer(BUILD_SECONDS, build.kill)
        limit.start()
        try:
            last = _progress(name, build.stderr or ())
        finally:
            limit.cancel()
    if build.returncode:
        raise SandboxError(f"{name} could not be built: exit {build.returncode}\n{''.join(last)}")


def _progress(name: str, packages: Iterable[str]) -> deque[str]:
    """Say every now and then how many packages are built, of those that Go names; its last words."""
    last, said = deque[str](maxlen=20), time.monotonic()
    for number, line in enumerate(packages, 1):
        last.append(line)
        if time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            print(f"sandbox: {name}: {number} packages", flush=True)
    return last
