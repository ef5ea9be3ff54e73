"""The drawings say what they are given, in both palettes, and are well-formed."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.bench import pictures, svg

SPACE = "{http://www.w3.org/2000/svg}"
SCENE = svg.Scene(
    40.0,
    [(5.0, "config feature mode snmp kubernetes"), (30.0, "<&>")],
    [svg.Turn(0.0, 10.0, "local image"), svg.Turn(12.0, 40.0, "pod v1")],
    [(10.0, 12.0)],
)


def drawn(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(found.itertext()) for found in root.iter(f"{SPACE}text")]


def boxes(root: ElementTree.Element, colour: str) -> list[float]:
    return [float(box.attrib["width"]) for box in root.iter(f"{SPACE}rect") if box.attrib["fill"] == colour]


@pytest.mark.parametrize("palette", list(svg.PALETTES))
def test_a_handover_shows_who_ran_it_and_what_was_lost(palette: str) -> None:
    colours = svg.PALETTES[palette]
    root = drawn(svg.handover(SCENE, colours))
    assert {"config feature mode snmp kubernetes", "<&>", "local image", "pod v1", "2.0 s", "0 s", "40 s"} <= {
        *texts(root)
    }
    (local,), (pod,), (lost,) = (boxes(root, colours[name]) for name in ("local", "pod", "lost"))
    assert local / pod == pytest.approx(10 / 28, rel=0.01)
    assert local / lost == pytest.approx(10 / 2, rel=0.01)


def test_a_session_lets_each_line_come_in_its_time() -> None:
    lines = [svg.Said(0.0, "$ system service list", True), svg.Said(1.0, "<none>"), svg.Said(4.0, "$ exit", True)]
    root = drawn(svg.session(lines, svg.LIGHT))
    assert texts(root) == [line.text for line in lines]
    frames = [style.text or "" for style in root.iter(f"{SPACE}style")]
    assert ["0.00%" in frames[0], "10.00%" in frames[1], "40.00%" in frames[2]] == [True] * 3


def test_the_history_begins_when_a_figure_was_first_measured() -> None:
    rows = [("2026-01-01", {"a": 1.0}), ("2026-01-02", {"a": 2.0, "b": 4.0})]
    root = drawn(svg.history(rows, svg.DARK))
    assert [len(line.attrib["points"].split()) for line in root.iter(f"{SPACE}polyline")] == [2, 1]
    assert {"a: 2", "b: 4", "2026-01-01"} <= {*texts(root)}


def test_the_history_that_is_shown_is_the_one_on_record() -> None:
    rows = [(row["date"], row["figures"]) for row in json.loads(pictures.HISTORY.read_text(encoding="utf-8"))]
    for palette, colours in svg.PALETTES.items():
        shown = (pictures.PICTURES / f"history-{palette}.svg").read_text(encoding="utf-8")
        assert shown == svg.history(rows, colours)
