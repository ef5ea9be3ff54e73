"""Every command line of the documents is run by a test, or says why not; nothing hides in a block of another kind."""

from __future__ import annotations

import re

import pytest

from tests.docs import lines
from tests.docs.generate import ROOTS, walk

WITHOUT_A_TEST = 7
"""How many command lines no test runs."""
EVERY = [line for page in (*lines.pages(), lines.REFERENCE) for line in lines.lines(page)]
_OURS = re.compile(r"(?:config|config-kube|container|show|show-kube|system|systemctl|kubectl|ansible-playbook) \S")


def test_how_many_lines_no_test_runs():
    assert [str(line) for line in EVERY if line.not_run and len(line.not_run) < 15] == []
    marked = [str(line) for line in EVERY if line.not_run]
    assert len(marked) == WITHOUT_A_TEST, "\n".join(marked)


def test_every_exception_of_the_reference_is_an_example_of_it():
    assert set(lines.NOT_RUN) <= {line.typed for line in lines.lines(lines.REFERENCE)}


def test_every_block_has_a_language_and_no_command_hides_in_one_that_is_not_run():
    for page in lines.pages():
        for block in lines.blocks(page):
            assert block.language in lines.LANGUAGES, f"{page}:{block.number}"
            if block.language == "text":
                hidden = [text for text in block.lines if lines.PROMPT.match(text) or _OURS.match(text)]
                assert hidden == [], f"{page}:{block.number}"


def test_every_example_of_the_help_is_found():
    """Counted in the help itself: what stands below `Example:` or `Examples:` up to the end of the paragraph."""
    found = 0
    for root, group in ROOTS.items():
        for context in walk(group, root):
            _, _, below = re.split(r"(Examples?:\n)", context.command.help or "", maxsplit=1)
            found += len([text for text in below.split("\n\n")[0].splitlines() if text.strip()])
    assert len(lines.lines(lines.REFERENCE)) == found > 60


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("```sh\nmake demo\n# no command\nmake \\\n  test\n```", [("make demo", ()), ("make \\\n  test", ())]),
        (
            "```console\nroot@sonic:~# one; echo $?\nshown\n\n3\n$ two\n```",
            [("one; echo $?", ("shown", "3")), ("two", ())],
        ),
        ("```text\nroot@sonic:~# one\n```", []),
    ],
)
def test_what_is_read_from_a_block(tmp_path, monkeypatch, text, typed):
    monkeypatch.setattr(lines, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(f"# Title\n\n<!-- not run: for a reason -->\n{text}\n")
    found = lines.lines("page.md")
    assert [(line.typed, line.shown) for line in found] == typed
    assert {(line.not_run, line.chapter) for line in found} <= {("for a reason", "Title")}


def test_a_mark_is_for_the_block_below_it_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "ROOT", tmp_path)
    mark = "<!-- not run: for a reason -->"
    (tmp_path / "page.md").write_text(f"{mark}\n```sh\na\n```\n```sh\nb\n```\n{mark}\ntext\n```sh\nc\n```\n")
    assert [line.not_run for line in lines.lines("page.md")] == ["for a reason", "", ""]


def test_a_failure_is_known_by_what_is_shown():
    line = lines.Line("page.md", 1, "system service start nat", ("Error: no", "Try: yes"))
    assert line.fails
    assert not lines.Line("page.md", 1, "system service start nat; echo $?", ("Error: no", "5")).fails
