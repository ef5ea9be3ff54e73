"""Words that somebody may have meant. Imported where a word is not known, and at no other time."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near(word: str, known: Iterable[str]) -> list[str]:
    """The known words that begin like it, or with which it begins; else those that look like it, the nearest first."""
    words = list(known)
    return [w for w in words if w.startswith(word) or word.startswith(w)] or get_close_matches(word, words)
