"""Tables are tabulate's, byte for byte; what is untrusted cannot drive the terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from system_service.terminal.render import printable, table

# One column wide each: tabulate counts others differently with and without wcwidth.
CELLS = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=30).filter(str.isprintable)
TABLES = st.integers(1, 6).flatmap(
    lambda width: st.tuples(
        st.lists(CELLS.map(str.strip).filter(bool), min_size=width, max_size=width),
        st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=5),
    )
)


@given(TABLES)
def test_a_table_is_what_tabulate_makes_of_strings(content):
    header, rows = content
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("click.echo", lines.append)
        table(header, rows)
    assert "\n".join(lines) == tabulate(rows, header, disable_numparse=True)


def test_an_empty_table_keeps_its_header(capsys):
    table(("name", "value"), [])
    assert capsys.readouterr().out == "name    value\n------  -------\n"


@given(st.text())
def test_nothing_printable_carries_a_control_character(text):
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    ("encoding", "shown"), [("latin-1", "pod says \\u2192 n\xf6"), ("utf-8", "pod says \u2192 n\xf6")]
)
def test_a_letter_that_stdout_does_not_have_arrives_as_its_number(monkeypatch, encoding, shown):
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding=encoding))
    table(("Detail",), [["pod says \u2192 n\xf6"]])
    sys.stdout.flush()
    assert written.getvalue().decode(encoding).splitlines()[2] == shown


def test_escape_sequences_arrive_as_text(capsys):
    table(("Feature",), [["\x1b[2Jsnmp\r\n\u202e"]])
    assert capsys.readouterr().out.splitlines()[2] == "\\x1b[2Jsnmp\\r\\n\\u202e"
