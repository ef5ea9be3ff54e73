"""What the packages hold, by name; and that the same commit gives the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import dist
from sandbox.processes import run

# Beside our modules, the host gets these: place in the wheel's data -> file of the tree.
DATA = {
    "lib/tmpfiles.d/sonic-system-service.conf": "system_service/host/sonic-system-service.conf",
    **{
        path: path
        for path in (
            *(f"share/bash-completion/completions/{name}" for name in ("config-kube", "show-kube", "system")),
            *(f"share/man/man1/{name}.1" for name in ("config-kube", "show-kube", "system")),
            "share/zsh/site-functions/_sonic-system-service",
        )
    },
}
PLUGINS = {
    f"{of}/plugins/sonic_system_service.py": f"{of}_kube/plugin/sonic_system_service.py" for of in ("config", "show")
}
SUFFIXES = (".py", "/py.typed", ".path", ".service")
PROGRAMS = {"config-kube", "show-kube", "system"}
OURS = ("config_kube/", "show_kube/", "system_service/")
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"}
GENERATED = {"PKG-INFO", "SOURCES.txt", "dependency_links.txt", "entry_points.txt", "requires.txt", "top_level.txt"}
LEFT_OUT = {".ci/run", ".gitignore"}


@pytest.fixture(scope="module")
def repository() -> Iterator[Path]:
    """A repository whose only commit is the tree as it is here: not every checkout is one, or root's."""
    with tempfile.TemporaryDirectory(prefix="dist") as folder:
        path = Path(folder) / "tree"
        shutil.copytree(dist.SOURCE, path, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
        for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "-m", "The tree")):
            run(["git", "-C", str(path), *words])
        yield path


@pytest.fixture(scope="module")
def git(repository: Path) -> Callable[..., str]:
    """What a git command says of it."""
    return lambda *words: run(["git", "-C", str(repository), *words]).stdout


@pytest.fixture(scope="module")
def built(repository: Path) -> Iterator[list[Path]]:
    """Its packages: the source package, the wheel."""
    with tempfile.TemporaryDirectory(prefix="dist") as folder:
        yield dist.build(Path(folder), repository)


@pytest.fixture(scope="module")
def tree(git: Callable[..., str]) -> set[str]:
    """Every file of the commit."""
    return set(git("ls-tree", "-r", "--name-only", "HEAD").splitlines())


def test_the_wheel_holds_our_modules_and_these_files_and_nothing_else(built, tree, git):
    with zipfile.ZipFile(built[1]) as wheel:
        held = {name: wheel.read(name) for name in wheel.namelist()}
    (stem,) = {name.partition(".dist-info/")[0] for name in held if ".dist-info/" in name}
    wanted = {name: name for name in tree if name.startswith(OURS) and name.endswith(SUFFIXES)}
    wanted = {name: origin for name, origin in wanted.items() if "/plugin/" not in name} | PLUGINS
    wanted |= {f"{stem}.data/data/{place}": origin for place, origin in DATA.items()}
    assert set(held) - {f"{stem}.dist-info/{name}" for name in METADATA} == set(wanted)
    for name, origin in wanted.items():
        assert held[name].decode() == git("show", f"HEAD:{origin}"), name


def test_the_wheel_puts_nothing_into_the_place_of_the_host_s_own(built):
    """Whatever pip overwrites is lost."""
    with zipfile.ZipFile(built[1]) as wheel:
        (programs,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("entry_points.txt"))
        assert not [name for name in wheel.namelist() if ".data/scripts/" in name]
    assert {line.partition(" ")[0] for line in programs.splitlines()[1:] if line} == PROGRAMS


def test_the_source_package_is_the_whole_tree(built, tree, git):
    with tarfile.open(built[0]) as sdist:
        held = {member.name.partition("/")[2]: member for member in sdist.getmembers() if member.isfile()}
    generated = {name for name in held if ".egg-info/" in name} | {"PKG-INFO"}
    assert {os.path.basename(name) for name in generated} == GENERATED
    assert set(held) - generated == tree - LEFT_OUT
    assert {member.uid for member in held.values()} == {0}
    programs = set(git("ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD").splitlines())
    assert all(f"{0o100000 | member.mode:o} {name}" in programs for name, member in held.items() if name in tree)


def test_built_elsewhere_under_another_umask_and_clock_zone_they_are_the_same_bytes(
    built, repository, tmp_path, monkeypatch
):
    clone = tmp_path / "another place"
    run(["git", "clone", "--quiet", str(repository), str(clone)])
    (clone / "stray.py").write_text("")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    before = os.umask(0o077)
    try:
        again = dist.build(tmp_path / "dist", clone)
    finally:
        os.umask(before)
    assert [path.name for path in again] == [path.name for path in built]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built]


def test_built_anew_where_they_lie_already_they_replace_what_is_there(repository, tmp_path):
    first = dist.build(tmp_path, repository)
    held = [path.read_bytes() for path in first]
    first[1].write_bytes(b"of an older commit")
    assert dist.build(tmp_path, repository) == first
    assert [path.read_bytes() for path in first] == held


def test_no_clock_is_read(built, git):
    """Had one been, two buildings within a second would not show it."""
    time = int(git("log", "-1", "--format=%ct"))
    with zipfile.ZipFile(built[1]) as wheel:
        stamps = {info.date_time for info in wheel.infolist()}
    with tarfile.open(built[0]) as sdist:
        assert {member.mtime for member in sdist.getmembers()} == {time}
    assert len(stamps) == 1
    assert built[0].read_bytes()[4:8] == time.to_bytes(4, "little")


def test_pip_makes_the_same_wheel_of_the_source_package(built, git, tmp_path):
    words = ["wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "-w", str(tmp_path)]
    epoch = git("log", "-1", "--format=%ct").strip()
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, str(built[0])],
        env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
        umask=0o022,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / built[1].name).read_bytes() == built[1].read_bytes()
