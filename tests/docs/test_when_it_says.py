"""docs/howto/when-it-says.md has a line for every sentence that the code can say, in the section of its kind."""

from __future__ import annotations

import re

from system_service.errors import SwitchError
from tests.docs.sentences import GAP, KINDS, ROOT, errors_said, reasons_said

PAGE = ROOT / "docs" / "howto" / "when-it-says.md"
DETAIL = "Detail"
# Sentences that others fill in, or that reach an error through a variable.
ELSEWHERE = {
    "failed": {
        "Docker: ...",
        "NAME.service is STATE after VERB",
        "NAME.service failed: RESULT",
        "NAME: another process has held the action lock for N s",
    },
    "unreachable": {
        "CONFIG_DB at SOCKET refuses (...)",
        "kubernetes is wanted for NAME; the local image serves until it can be had: REASON",
    },
    "not_permitted": {"PATH: Permission denied"},
}


def told() -> dict[str, list[str]]:
    """Heading -> the first cells of its tables' rows."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
            found[section] = []
        elif line.startswith("| ") and section:
            found[section].append(line.strip("|").split(" | ")[0].strip())
        elif line.startswith("|---"):
            found[section].pop()  # the header
    return found


def pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in sentence.split(GAP)))


def without(sentences: set[str], lines: list[str]) -> list[str]:
    """Sentences that no line is an instance of."""
    return sorted(s for s in sentences if not any(pattern(s).fullmatch(line) for line in lines))


def left_over(sentences: set[str], lines: list[str]) -> list[str]:
    return [line for line in lines if not any(pattern(s).fullmatch(line) for s in sentences)]


def test_every_kind_has_its_section_and_its_exit_code():
    page = PAGE.read_text()
    assert set(told()) == {DETAIL, *KINDS.values()}
    for cls in SwitchError.__subclasses__():
        section = page.partition(f"\n## {cls.kind}\n")[2].partition("\n## ")[0]
        assert re.search(rf"\b{cls.exit_code}: ", section), cls


def test_every_sentence_of_an_error_has_a_line_under_its_kind():
    lines = told()
    missing = {kind: without(sentences, lines[kind]) for kind, sentences in errors_said().items()}
    assert {kind: found for kind, found in missing.items() if found} == {}


def test_every_reason_has_a_line():
    assert without(reasons_said(), told()[DETAIL]) == []


def test_no_line_is_left_over():
    lines, said = told(), errors_said() | {DETAIL: reasons_said()}
    found = {kind: set(left_over(said[kind], lines[kind])) for kind in lines}
    assert {kind: left for kind, left in found.items() if left} == ELSEWHERE


def test_every_line_says_what_to_do():
    for line in PAGE.read_text().splitlines():
        if line.startswith("| "):
            assert len(line.strip("|").split(" | ")[-1].strip()) >= 6, line


def test_a_sentence_without_a_line_is_seen():
    assert without({"feature ... is disabled"}, told()["refused"]) == []
    assert without({"feature ... is tired"}, told()["refused"]) == ["feature ... is tired"]
    assert left_over({"feature ... is disabled"}, ["feature NAME is tired"]) == ["feature NAME is tired"]
