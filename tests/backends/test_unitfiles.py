"""Units of features that exist in Kubernetes only: whole or not at all, and nothing of somebody else's is touched."""

from __future__ import annotations

import os

import pytest

from system_service.backends.unitfiles import UnitFiles, text
from system_service.errors import NotPermitted, Refused

NAME = "probe"


@pytest.fixture
def files(tmp_path):
    return UnitFiles(str(tmp_path / "units"), str(tmp_path / "etc"))


def test_the_unit_has_the_rules_of_every_other():
    assert text(NAME, ("swss.service", "database.service")).splitlines()[1:] == [
        "[Unit]",
        "Description=probe container, from Kubernetes",
        "After=database.service swss.service",
        "StartLimitIntervalSec=1200",
        "StartLimitBurst=3",
        "",
        "[Service]",
        "ExecStartPre=system container start probe",
        "ExecStart=system container wait probe",
        "ExecStop=system container stop probe",
        "Restart=always",
        "RestartSec=30",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]


def test_written_read_and_removed(files, tmp_path):
    before = os.umask(0o077)
    try:
        files.write(NAME, text(NAME))
    finally:
        os.umask(before)
    path = tmp_path / "units" / "probe.service"
    assert (files.read(NAME), path.stat().st_mode & 0o777) == (text(NAME), 0o644)
    assert os.listdir(path.parent) == ["probe.service"]
    files.write(NAME, text(NAME, ("swss.service",)))
    assert "swss.service" in (files.read(NAME) or "")
    drop_in = tmp_path / "etc" / "probe.service.d" / "auto_restart.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nRestart=no\n")
    (path.parent / ".probe.service.new").write_text("half")  # of one that was killed
    files.remove(NAME)
    assert (os.listdir(path.parent), os.listdir(tmp_path / "etc"), files.read(NAME)) == ([], [], None)
    files.remove(NAME)


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_is_not_ours_stays(files, tmp_path, kind):
    path = tmp_path / "units" / "probe.service"
    path.parent.mkdir()
    drop_in = tmp_path / "etc" / "probe.service.d"
    drop_in.mkdir(parents=True)
    if kind == "file":
        path.write_text("[Service]\nExecStart=/bin/true\n")
    elif kind == "link":
        (tmp_path / "other").write_text(text(NAME))
        path.symlink_to(tmp_path / "other")
    else:
        path.mkdir()
    assert (files.read(NAME), files.others(NAME)) == (None, True)
    with pytest.raises(Refused, match="not ours"):
        files.write(NAME, text(NAME))
    files.remove(NAME)
    assert (path.exists(), drop_in.exists(), os.listdir(path.parent)) == (True, True, ["probe.service"])


def test_a_mask_is_nobodys_unit(files, tmp_path):
    (tmp_path / "etc").mkdir()
    mask = tmp_path / "etc" / "probe.service"
    mask.symlink_to(os.devnull)
    assert files.others(NAME) is False
    mask.unlink()
    mask.write_text("[Service]\n")
    assert files.others(NAME) is True
    assert files.others("dbus-that-nobody-has") is False


@pytest.mark.parametrize(
    "folder",
    [
        *("/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late"),
        *("/run/systemd/transient", "/run/systemd/system.control", "/run/systemd/system.attached"),
        *("/etc/systemd/system.control", "/run/systemd/system", "/usr/lib/systemd/system"),
    ],
)
def test_no_unit_that_systemd_has_from_elsewhere_is_shadowed(files, monkeypatch, folder):
    """A generator's above all: of a SysV script, say."""
    there = f"{folder}/{NAME}.service"
    real = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path == there or real(path))
    assert files.others(NAME) is True
    assert files.others("other") is False


def test_a_partial_file_that_is_a_link_is_not_followed(files, tmp_path):
    (tmp_path / "units").mkdir()
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "units" / ".probe.service.new").symlink_to(victim)
    files.write(NAME, text(NAME))
    assert files.read(NAME) == text(NAME)
    assert victim.read_text() == "kept"


def test_a_folder_that_may_not_be_written(files, monkeypatch):
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "makedirs", denied)
    with pytest.raises(NotPermitted, match=r"probe\.service: Permission denied") as caught:
        files.write(NAME, text(NAME))
    assert caught.value.resolution == "run it as root (sudo)"
