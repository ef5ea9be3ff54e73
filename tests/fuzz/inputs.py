"""Inputs of any shape, with a taste for what others really send."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from system_service.errors import SwitchError

FEW = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "200")), deadline=None, suppress_health_check=list(HealthCheck)
)
"""As many as `make test` has time for."""

NUMBERS = st.sampled_from(["", "0", "-1", "1", "12.5", "1e308", "nan", "inf", "9" * 400, "0x10", "1_000", "٣"])
TIMES = st.sampled_from(
    ["2026-11-22T10:00:00.123456789Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", f"{'9' * 300}-01-01T00:00:00Z"]
)
TEXT = st.one_of(
    st.text(max_size=30), NUMBERS, TIMES, st.sampled_from(["\x1b[31m", "\u202e", "\0", "\ud800", "a" * 300])
)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and objects of these."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
        max_leaves=10,
    )


JSON = nested(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT))


def near(*examples: object) -> st.SearchStrategy[Any]:
    """One of these examples, with anything in the place of any of its parts."""
    return st.one_of([_near(example) for example in examples])


def _near(example: object) -> st.SearchStrategy[Any]:
    if isinstance(example, dict):
        some = {key: _near(value) for key, value in example.items()}
        return st.one_of(st.fixed_dictionaries({}, optional=some), st.fixed_dictionaries(some), JSON)
    if isinstance(example, list):
        items = st.lists(st.one_of([_near(item) for item in example] or [JSON]), max_size=3)
        return st.one_of(items, JSON)
    return st.one_of(st.just(example), JSON)


def as_bytes(value: object) -> bytes:
    """JSON, with what no UTF-8 can be made of escaped."""
    return json.dumps(value).encode()


def tolerates(ask: Callable[[], object]) -> None:
    """It answers, or raises an error with a sentence and a next step. Anything else is raised."""
    try:
        ask()
    except SwitchError as error:
        sentence, step = str(error), error.resolution
        assert sentence.strip(), "an error without a sentence"
        assert step.strip(), f"no next step: {sentence!r}"


@contextmanager
def file(content: bytes) -> Iterator[str]:
    """The path of a file that root alone may write."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = os.path.join(folder, "file")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
            out.write(content)
        yield path
