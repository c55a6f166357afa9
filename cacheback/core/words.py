"""Lists of words as code: written as text, because that is how they are read and amended."""

from __future__ import annotations

import re
from functools import cache


def word_list(text: str) -> list[str]:
    """The words of a text, in order: `word_list("one two")` → `["one", "two"]`."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A long pattern, compiled where it is first needed: at import all of them take 10 ms."""
    return re.compile(pattern)
