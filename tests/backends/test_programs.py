"""The host's programs give way to ours and come back: whole, unchanged, and one of them there at every instant."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess

import pytest

import system_service
from system_service.backends import programs
from system_service.backends.files import partials
from system_service.backends.programs import Program, host_programs
from system_service.errors import Failed

HOSTS = "#!/bin/sh\necho the host\n"


class Cut(Exception):
    """The command ends here, as by kill -9."""


@pytest.fixture
def system(tmp_path):
    """A `system` that tells how it was called."""
    path = tmp_path / "our bin" / "system"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\necho system "$@"\nexit 7\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package's first file, as the programs look for it; it is away."""
    path = tmp_path / "our package" / "__init__.py"
    path.parent.mkdir()
    monkeypatch.setattr(programs, "_PACKAGE", str(path))
    return path


@pytest.fixture
def program(tmp_path, package):
    """The host's own at its path, older than now, in its mode."""
    path = tmp_path / "container"
    path.write_text(HOSTS)
    path.chmod(0o751)
    os.utime(path, (1, 1))
    return Program(str(path), "container")


def facts(path: str) -> tuple[str, int, float]:
    with open(path, encoding="utf-8") as file:
        return file.read(), os.stat(path).st_mode & 0o777, os.stat(path).st_mtime


def call(path: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [path, *words], capture_output=True, text=True, timeout=20, env={"PATH": os.environ["PATH"], **environment}
    )


def test_ours_takes_the_place_and_passes_everything_on(program, system):
    assert not program.placed(str(system))
    program.place(str(system))
    assert program.placed(str(system))
    assert program.ours
    assert facts(program.aside) == (HOSTS, 0o751, 1)
    assert os.stat(program.path).st_mode & 0o777 == 0o755
    done = call(program.path, "stop", "-t", "60", "a b")
    assert (done.returncode, done.stdout, done.stderr) == (7, "system container stop -t 60 a b\n", "")


def test_the_host_s_own_comes_back_as_it_was(program, system):
    program.place(str(system))
    program.restore()
    assert facts(program.path) == (HOSTS, 0o751, 1)
    assert os.listdir(os.path.dirname(program.path)) != []
    assert not program.kept
    program.restore()
    assert facts(program.path) == (HOSTS, 0o751, 1)


def test_ours_is_not_put_aside_and_a_newer_one_of_ours_replaces_it(program, system, tmp_path):
    program.place("/opt/old/system")
    assert program.ours
    assert not program.placed(str(system))
    program.place(str(system))
    assert program.placed(str(system))
    assert facts(program.aside)[0] == HOSTS


def test_a_newer_one_of_the_host_s_is_the_one_that_is_kept(program, system):
    program.place(str(system))
    os.unlink(program.path)
    with open(program.path, "w", encoding="utf-8") as file:
        file.write("newer\n")
    program.place(str(system))
    assert facts(program.aside)[0] == "newer\n"
    program.restore()
    assert facts(program.path)[0] == "newer\n"


def test_a_host_that_has_put_its_own_there_anew_keeps_it(program, system):
    program.place(str(system))
    os.unlink(program.path)
    with open(program.path, "w", encoding="utf-8") as file:
        file.write("newer\n")
    program.restore()
    assert (facts(program.path)[0], program.kept) == ("newer\n", False)


def test_where_the_host_has_none_ours_comes_and_goes(tmp_path, system):
    needed = Program(str(tmp_path / "container"), "container")
    needed.place(str(system))
    assert call(needed.path, "id").returncode == 7
    needed.restore()
    assert sorted(os.listdir(tmp_path)) == ["our bin"]
    optional = Program(str(tmp_path / "container_checker"), "service check", optional=True)
    assert optional.placed(str(system))


def test_a_link_is_kept_as_a_link(program, system, tmp_path):
    os.rename(program.path, tmp_path / "real")
    os.symlink("real", program.path)
    program.place(str(system))
    assert (os.readlink(program.aside), facts(str(tmp_path / "real"))[0]) == ("real", HOSTS)
    program.restore()
    assert os.readlink(program.path) == "real"


@pytest.mark.parametrize("verb", ["place", "restore"])
@pytest.mark.parametrize("call_", ["link", "rename", "unlink"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_cut_off_anywhere_there_is_a_program_and_the_next_one_completes(
    program, system, monkeypatch, verb, call_, when
):
    if verb == "restore":
        program.place(str(system))
    real = getattr(os, call_)

    def cut(*words, **options):
        if when == "after":
            real(*words, **options)
        raise Cut

    monkeypatch.setattr(os, call_, cut)
    with contextlib.suppress(Cut):
        getattr(program, verb)(*((str(system),) if verb == "place" else ()))
    monkeypatch.setattr(os, call_, real)
    assert program.ours or facts(program.path)[0] == HOSTS
    getattr(program, verb)(*((str(system),) if verb == "place" else ()))
    if verb == "place":
        assert program.placed(str(system))
        assert facts(program.aside) == (HOSTS, 0o751, 1)
        program.restore()
    assert facts(program.path) == (HOSTS, 0o751, 1)
    assert not program.kept
    assert partials(program.path) == []


@pytest.fixture
def patience(tmp_path):
    """A PATH whose `sleep` does at once what is in the file `meanwhile`, and tells that it was called."""
    folder = tmp_path / "patience"
    folder.mkdir()
    (folder / "sleep").write_text(
        f"#!/bin/sh\necho slept >> {shlex.quote(str(tmp_path / 'slept'))}\n. {folder}/meanwhile\n"
    )
    (folder / "sleep").chmod(0o755)
    (folder / "meanwhile").write_text("")
    return folder


def slept(tmp_path) -> int:
    path = tmp_path / "slept"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_an_upgrade_is_waited_for(program, system, package, patience, tmp_path):
    """All files go, all come, they are compiled for many seconds, and then there are programs."""
    program.place(str(system))
    away = tmp_path / "away"
    os.rename(system, away)
    comes, gets = (shlex.quote(str(path)) for path in (package, system))
    (patience / "meanwhile").write_text(f"""\
case $(wc -l < {shlex.quote(str(tmp_path / "slept"))}) in
    4) : > {comes};;
    40) mv {shlex.quote(str(away))} {gets};;
esac
""")
    done = call(program.path, "start", "snmp", PATH=f"{patience}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout, done.stderr) == (7, "system container start snmp\n", "")
    assert slept(tmp_path) == 40


@pytest.mark.parametrize(("there", "seconds"), [(False, 5), (True, 60)])
def test_without_the_program_the_host_s_own_serves_again(program, system, package, patience, tmp_path, there, seconds):
    program.place(str(system))
    system.unlink()
    if there:  # pip was killed
        package.touch()
    done = call(program.path, "start", "snmp", PATH=f"{patience}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "the host\n")
    assert done.stderr.startswith(f"container: {system} is not installed; ")
    assert slept(tmp_path) == seconds
    # What it says to do is to be done.
    words = shlex.split(done.stderr.partition("with: ")[2])
    assert subprocess.run(words).returncode == 0
    assert facts(program.path) == (HOSTS, 0o751, 1)


def test_the_package_that_is_looked_for_is_this_one(system, tmp_path):
    ours = Program(str(tmp_path / "container"), "container")
    ours.place(str(system))
    assert f"[ -e {system_service.__file__} ]" in facts(ours.path)[0]


def test_where_nothing_can_be_written_the_error_names_the_file(tmp_path, system):
    lost = Program(str(tmp_path / "nosuch" / "container"), "container")
    with pytest.raises(Failed, match="nosuch/container cannot be written: No such file or directory"):
        lost.place(str(system))


def test_the_programs_of_a_switch():
    assert [program.path for program in host_programs()] == ["/usr/local/bin/container", "/usr/bin/container_checker"]
    assert programs.ASIDE == ".host"
