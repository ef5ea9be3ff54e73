"""Imports point downwards, and docs/architecture.md draws them as they are."""

from __future__ import annotations

from tests.docs import structure


def test_no_folder_imports_one_that_imports_it() -> None:
    found = structure.arrows()
    assert {box for arrow in found for box in arrow if box in structure.below(box, found)} == set()


def test_the_drawing_is_that_of_the_imports() -> None:
    page = structure.PAGE.read_text(encoding="utf-8")
    assert structure.drawing() in page
    assert structure.redrawn(page) == page


def test_a_way_round_makes_the_direct_arrow_needless() -> None:
    arrows = {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}
    assert structure.reduced(arrows) == {("a", "b"), ("b", "c"), ("a", "d")}
    assert structure.below("a", arrows) == {"b", "c", "d"}
