"""Lists of critical processes kept in the run directory: one life, whole or not at all, gone when the container is."""

from __future__ import annotations

import json
import os
import stat

import pytest

from system_service.domain.status.cache import Kept

ID, OTHER = "a" * 64, "b" * 64
LIST = ("program:snmpd",)


@pytest.fixture
def kept(tmp_path):
    made = Kept(str(tmp_path))
    made.put(ID, "10", 100.0, LIST)
    return made


def path(folder):
    (found,) = os.listdir(folder)
    return os.path.join(folder, found)


def test_for_one_life(kept, tmp_path):
    assert kept.get(ID, "10", 101.0) == LIST
    assert kept.get(ID, "11", 100.0) is None
    assert kept.get(ID, "10", 95.0) is None, "the same process id, started anew"
    assert kept.get(OTHER, "10", 100.0) is None
    assert kept.get("a" * 12 + "c" * 52, "10", 100.0) is None
    assert stat.S_IMODE(os.stat(path(tmp_path)).st_mode) == 0o600


def test_a_new_life_takes_its_place(kept, tmp_path):
    kept.put(ID, "11", 5.0, ())
    assert kept.get(ID, "11", 5.0) == ()
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "\xff", "[" * 100_000])
def test_nonsense_is_none(kept, tmp_path, text):
    with open(path(tmp_path), "w", encoding="latin-1") as file:
        file.write(text)
    assert kept.get(ID, "10", 100.0) is None
    kept.put(ID, "10", 100.0, LIST)
    assert kept.get(ID, "10", 100.0) == LIST


@pytest.mark.parametrize("change", [{"born": "1"}, {"born": None}, {"critical": "x"}, {"critical": [1]}, {"id": 5}])
def test_strange_fields_are_none(kept, tmp_path, change):
    with open(path(tmp_path), encoding="utf-8") as file:
        told = json.load(file)
    with open(path(tmp_path), "w", encoding="utf-8") as file:
        json.dump(told | change, file)
    assert kept.get(ID, "10", 100.0) is None


def test_a_link_is_not_followed(kept, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    os.rename(path(tmp_path), elsewhere)
    os.symlink(elsewhere, tmp_path / "critical.aaaaaaaaaaaa")
    assert kept.get(ID, "10", 100.0) is None


def test_what_is_left_of_others_is_removed(kept, tmp_path):
    kept.put(OTHER, "12", 1.0, LIST)
    (tmp_path / f"critical.{OTHER[:12]}.77").write_text("cut off")
    (tmp_path / "snmp.lock").write_text("")
    kept.sweep([ID])
    assert sorted(os.listdir(tmp_path)) == ["critical.aaaaaaaaaaaa", "snmp.lock"]


def test_a_folder_that_is_not_there_is_no_failure(tmp_path):
    kept = Kept(str(tmp_path / "none"))
    kept.put(ID, "10", 1.0, LIST)
    kept.sweep([])
    assert kept.get(ID, "10", 1.0) is None


def test_a_full_disk_leaves_what_was_there(kept, tmp_path, mocker):
    mocker.patch("system_service.domain.status.cache.os.replace", side_effect=OSError(28, "No space left on device"))
    kept.put(ID, "11", 1.0, ())
    assert kept.get(ID, "10", 100.0) == LIST
    assert len(os.listdir(tmp_path)) == 1
