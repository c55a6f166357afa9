"""Lists of words as code: written as text, because that is how they are read and amended."""

from __future__ import annotations


def word_list(text: str) -> list[str]:
    """The words of a text, in order: `word_list("one two")` → `["one", "two"]`."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())
