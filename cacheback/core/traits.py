"""What a question needs besides its words: the turns before it, or the day on which it is asked.

What may live here: rules of English that tell such questions. What it may not know: what the engine
does about them. Both rules err on the side of yes: it costs hits, a wrong no costs a wrong answer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from cacheback.core.leaning import WORD, leans
from cacheback.core.nowness import asks_about_now


class Traits(NamedTuple):
    """`leans`: on earlier turns ("how old is he?"). `now`: on the day ("what's the weather?")."""

    leans: bool
    now: bool


@lru_cache(maxsize=2048)
def traits(question: str) -> Traits:
    """Read a question's traits; remembered for the last 2048 questions, else some 15 µs."""
    plain = question.replace("’", "'")  # noqa: RUF001
    lower = plain.lower().strip()
    words = WORD.findall(lower)
    return Traits(leans(plain, lower, words), asks_about_now(lower, words))
