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


# Characters above which only the two ends of a text are read, where the question in it stands. It
# is longer than what the model reads, hence served for the same text only.
_UNREAD = 4_000
_END = _UNREAD // 2
_REMEMBERED = 500  # characters up to which traits are remembered, so that memory stays small


def traits(question: str) -> Traits:
    """Read a question's traits; the last 2048 short ones are remembered."""
    if len(question) > _UNREAD:
        ends = (_read(question[:_END]), _read(question[-_END:]))
        return Traits(leans=True, now=any(end.now for end in ends))
    return _remembered(question) if len(question) <= _REMEMBERED else _read(question)


def _read(question: str) -> Traits:
    plain = question.replace("’", "'")  # noqa: RUF001
    lower = plain.lower().strip()
    words = WORD.findall(lower)
    return Traits(leans(plain, lower, words), asks_about_now(lower, words))


_remembered = lru_cache(maxsize=2048)(_read)
