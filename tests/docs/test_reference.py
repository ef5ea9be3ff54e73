"""The command reference says what the commands say."""

from __future__ import annotations

import re

from tests.docs import man
from tests.docs.generate import PAGE, ROOTS, manuals, page, walk


def test_command_reference_is_what_make_docs_would_write():
    assert PAGE.read_text() == page()


def test_manual_pages_are_what_make_docs_would_write():
    assert {path: path.read_text() for path in man.PAGES.iterdir()} == manuals()


def test_every_command_has_help_with_an_example():
    without = [
        context.command_path
        for root, group in ROOTS.items()
        for context in walk(group, root)
        if "Example" not in (context.command.help or "")
    ]
    assert without == []


def test_every_usage_line_begins_with_the_words_that_are_typed():
    shown = re.findall(r"^#+ (.+)\n\n```text\nUsage: (.+)$", page(), re.MULTILINE)
    assert len(shown) == sum(1 for root, group in ROOTS.items() for _ in walk(group, root))
    strange = [usage for words, usage in shown if not usage.startswith(f"{words} [OPTIONS]")]
    assert strange == []
    assert any(usage == "system service check [OPTIONS] [NAME]..." for _, usage in shown)
