"""docs/architecture.md names the modules that there are, and no others."""

from __future__ import annotations

import re

import pytest

from tests.docs.lines import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()


def row(folder: str) -> str:
    """The text in which the page lists a folder's modules."""
    if folder == "domain":
        return PAGE.partition("\n## The domain\n")[2].partition("\n## ")[0]
    return next(line for line in PAGE.splitlines() if line.startswith(f"| `system_service/{folder}/`")).split(" | ")[1]


@pytest.mark.parametrize("folder", ["backends", "domain", "handover"])
def test_every_module_is_named_and_no_other(folder):
    modules = {path.stem for path in (ROOT / "system_service" / folder).rglob("*.py")} - {"__init__"}
    assert set(re.findall(r"`([a-z_]+)`", row(folder))) == modules


def test_every_folder_of_the_package_has_its_row():
    named = set(re.findall(r"`system_service/([a-z]+)/`", PAGE))
    named |= set(re.findall(r"`([a-z]+)/`", PAGE))
    folders = {path.parent.name for path in (ROOT / "system_service").glob("*/__init__.py")}
    assert folders <= named
