"""The Debian root file system of the switch and of its feature containers: built once, kept as a tar in the cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import inspect
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sandbox import cache
from sandbox.engine import GROUP_ID
from sandbox.processes import SandboxError, run

RELEASE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "procps", "iproute2", "bash-completion", "less"),
    *("python3", "python3-pip", "monit", "redis-server"),
    *("supervisor", "snmpd", "snmp", "lldpd"),
    # How an operator, and Ansible, come in and become root; and what a switch built with Kubernetes has.
    *("openssh-server", "sudo", "kubernetes-client"),
)
# In a feature container supervisord runs these; as units of the virtual switch they would be there twice.
# monit and the consoles are off because nothing uses them yet.
MASKED = (
    *("redis-server", "snmpd", "snmptrapd", "lldpd", "supervisor", "monit", "ssh"),
    *("console-getty", "getty@tty1", "systemd-logind"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap"),
)
DROPPED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
# A root of many machines has no identity of its own.
EMPTIED = ("etc/machine-id", "etc/hostname")


def archive() -> Path:
    """Path of the tar; built when the cache has none of this recipe. SandboxError when that fails."""
    path = cache.folder() / f"root-{recipe()}.tar"
    with exclusive(cache.folder() / "root.lock"):
        if not path.exists():
            print("sandbox: building the root file system (once, one to three minutes)", flush=True)
            remove_older()
            build(path)
    return path


def recipe() -> str:
    """Hash of all that decides the content, wheels included."""
    names = sorted(wheel.name for wheel in cache.wheels().glob("*.whl"))
    parts = (RELEASE, PACKAGES, MASKED, DROPPED, EMPTIED, GROUP_ID, inspect.getsource(build), names)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def remove_older() -> None:
    """Remove roots of other recipes, and what an interrupted build left."""
    for old in cache.folder().glob("root-*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file: two sandboxes started together build one root."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(path: Path) -> None:
    """Build the tar at `path`, atomically."""
    root = path.with_suffix(".building")
    shutil.rmtree(root, ignore_errors=True)
    try:
        debootstrap(root)
        chroot(root, "groupadd", "--gid", str(GROUP_ID), "docker")
        # No password, and yet not locked: a key opens the account.
        user = ("--create-home", "--shell", "/bin/bash", "--password", "*", "--groups", "docker,redis", "admin")
        chroot(root, "useradd", *user)
        (root / "etc/sudoers.d/admin").write_text("admin ALL=(ALL) NOPASSWD: ALL\n")
        (root / "etc/sudoers.d/admin").chmod(0o440)
        chroot(root, "systemctl", "mask", *MASKED)
        chroot(root, "systemctl", "set-default", "multi-user.target")
        shutil.copytree(cache.wheels(), root / "wheels")
        wheels = [f"/wheels/{wheel.name}" for wheel in sorted(cache.wheels().glob("*.whl"))]
        chroot(root, "pip", "install", "--quiet", "--no-index", "--no-cache-dir", "--break-system-packages", *wheels)
        for name in (*DROPPED, "wheels"):
            shutil.rmtree(root / name, ignore_errors=True)
        for name in EMPTIED:
            (root / name).write_text("")
        for key in (root / "etc/ssh").glob("ssh_host_*"):
            key.unlink()
        partial = path.with_suffix(".partial")
        run(["tar", "--numeric-owner", "-C", str(root), "-cf", str(partial), "."], timeout=300)
        partial.rename(path)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def chroot(root: Path, *command: str) -> None:
    """Run a command in the new root; SandboxError when it fails."""
    run(["chroot", str(root), *command], timeout=300, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})


def debootstrap(root: Path) -> None:
    """Fill `root`; the mirror and the proxy are those apt uses."""
    log = cache.folder() / "debootstrap.log"
    # Its mounts of /proc and /sys are its own: interrupted, it leaves none behind.
    command = ["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase"]
    command += [f"--include={','.join(PACKAGES)}", RELEASE, str(root), mirror()]
    environment = {**os.environ, **proxy(), "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("wb") as output:
        code = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False).returncode
    if code:
        raise SandboxError(f"debootstrap failed ({log}):\n" + "\n".join(log.read_text().splitlines()[-15:]))


def mirror() -> str:
    """The address from which apt takes this release's main component."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run(["apt-get", "indextargets", "--format", form, "Identifier: Packages"]).stdout.splitlines()
    for line in targets:
        address, release, component = line.split()
        if (release, component) == (RELEASE, "main"):
            return address
    raise SandboxError(f"apt has no source for {RELEASE} main: this sandbox is built on Debian 12")


def proxy() -> dict[str, str]:
    """apt's proxy as debootstrap's downloader takes it; empty when apt has none."""
    lines = run(["apt-config", "shell", "http_proxy", "Acquire::http::Proxy"]).stdout.splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines) if value.strip("'")}
