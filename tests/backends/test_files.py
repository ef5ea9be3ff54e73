"""Files that are put onto the switch: whole whoever else puts them, on the disk when it is said, and nothing left."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from system_service.backends import files
from system_service.errors import Failed

TEXTS = [letter * 5000 for letter in "abcd"]


def test_whole_whoever_else_writes_it(tmp_path):
    """The units' scripts call what is there: an empty program ends well, and nothing was started."""
    path = str(tmp_path / "program")
    files.put(path, TEXTS[0])
    over, failures, seen = threading.Event(), [], set()

    def write(text: str) -> None:
        try:
            for _ in range(150):
                files.put(path, text)
        except Failed as error:
            failures.append(error)

    def look() -> None:
        while not over.is_set():
            seen.add(files.read(path))

    writers = [threading.Thread(target=write, args=(text,)) for text in TEXTS]
    reader = threading.Thread(target=look)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert failures == []
    assert seen <= set(TEXTS)
    assert os.listdir(tmp_path) == ["program"]


def test_on_the_disk_with_its_name(tmp_path, monkeypatch):
    done = []

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")

    real = os.rename
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", lambda *paths: (done.append("rename"), real(*paths)))
    files.put(str(tmp_path / "unit"), "text")
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize("failing", ["rename", "fsync"])
def test_what_failed_leaves_nothing(tmp_path, monkeypatch, failing):
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fails)
    with pytest.raises(Failed, match="cannot be written: No space left"):
        files.put(str(tmp_path / "unit"), "text")
    assert os.listdir(tmp_path) == []


def test_what_one_that_was_killed_has_left_is_known(tmp_path):
    scratch = [".a.new", ".a.0123456789abcdef.new"]
    for name in (*scratch, "a", ".a.service.new", ".b.new", ".a.new.new"):
        (tmp_path / name).touch()
    assert files.partials(str(tmp_path / "a")) == sorted(str(tmp_path / name) for name in scratch)


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "unit").symlink_to(tmp_path / "precious")
    files.put(str(tmp_path / "unit"), "text")
    assert (files.read(str(tmp_path / "unit")), (tmp_path / "precious").read_text()) == ("text", "precious")
