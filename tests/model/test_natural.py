"""The order of tables is natsort's, which the host uses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from natsort import natsorted

from system_service.model.natural import natural

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1) | st.from_regex(
    r"[a-c]{0,2}[0-9]{0,3}[a-c]?[0-9]?", fullmatch=True
).filter(bool)


@given(st.lists(NAMES))
def test_order_is_natsorts(names):
    assert sorted(names, key=natural) == natsorted(names)


@given(st.text())
def test_any_string_has_a_key(name):
    assert natural(name) == natural(name)


def test_numbers_have_no_longest():
    assert natural("x" + "9" * 5000) > natural("x" + "9" * 4999 + "8")
