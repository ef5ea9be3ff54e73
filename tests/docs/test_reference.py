"""The command reference says what the commands say."""

from __future__ import annotations

from tests.docs.generate import PAGE, ROOTS, page, walk


def test_command_reference_is_what_make_docs_would_write():
    assert PAGE.read_text() == page()


def test_every_command_has_help_with_an_example():
    without = [
        " ".join(path) for root, c in ROOTS.items() for path, c in walk(c, (root,)) if "Example" not in (c.help or "")
    ]
    assert without == []
