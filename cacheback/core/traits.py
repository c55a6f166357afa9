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
    """Both traits of a question."""
    return Traits(leans_on_history(question), is_about_now(question))


def leans_on_history(question: str) -> bool:
    """Whether the question cannot be understood without the turns before it."""
    if len(question) > _UNREAD:
        return True
    return _leans(question) if len(question) <= _REMEMBERED else _leans.__wrapped__(question)


def is_about_now(question: str) -> bool:
    """Whether the answer depends on the day; costs about 15 µs, and nothing when remembered."""
    if len(question) > _UNREAD:
        return is_about_now(question[:_END]) or is_about_now(question[-_END:])
    return _is_now(question) if len(question) <= _REMEMBERED else _is_now.__wrapped__(question)


@lru_cache(maxsize=2048)
def _leans(question: str) -> bool:
    return leans(*_read(question))


@lru_cache(maxsize=2048)
def _is_now(question: str) -> bool:
    _, lower, words = _read(question)
    return asks_about_now(lower, words)


def _read(question: str) -> tuple[str, str, list[str]]:
    """The text with plain apostrophes, the same in lower case, and its words."""
    plain = question.replace("’", "'")  # noqa: RUF001
    lower = plain.lower().strip()
    return plain, lower, WORD.findall(lower)
