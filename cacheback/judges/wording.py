"""What the words of two questions tell by themselves, before a model reads them."""

from __future__ import annotations

import re
from collections import Counter

from cacheback.embedders.minilm import tokens

_ENDS = frozenset({999, 1012, 1029})  # tokens: "!", ".", "?"
_WORD = re.compile(r"\w+")

# Signs must set them off: what is asked may be how to say "hello" or "thank you".
_GREETING = re.compile(r"^(?:(?:hi|hello|hey|good (?:morning|evening|day))(?: there)?[,.!:]+\s*)+")
_THANKS = re.compile(r"(?<=[.?!])\s*(?:many thanks|thanks|thank you|thx)(?: in advance)?[.!]*$")
_PLEASE = re.compile(r",\s*please(?=[.?!]*$)")
_EXPANDED = (
    (re.compile(r"\bcan't\b|\bcan not\b"), "cannot"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(what|who|where|when|how|that|it|there|here)'s\b"), r"\1 is"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
)


def same(one: str, other: str) -> bool:
    """Whether two texts are the same words in the same order.

    Upper and lower case, signs at the end, a greeting, thanks and short forms make no difference.
    """
    words = _words(one)
    return bool(words) and words == _words(other)  # of signs alone nothing is sure


def one_exchanged(one: str, other: str) -> bool:
    """Whether texts have the same words in whatever order, but for one exchanged, or two more."""
    mine, theirs = (Counter(_WORD.findall(text.lower())) for text in (one, other))
    return ((mine - theirs) + (theirs - mine)).total() <= 2  # noqa: PLR2004 - one here, one there


def _words(text: str) -> tuple[int, ...]:
    ids = tokens(_plain(text))
    end = len(ids) - 1
    while ids[end - 1] in _ENDS:
        end -= 1
    return ids[1:end]


def _plain(text: str) -> str:
    text = _GREETING.sub("", text.lower().strip().replace("\u2019", "'"))
    text = _PLEASE.sub("", _THANKS.sub("", text))
    for short, long in _EXPANDED:
        text = short.sub(long, text)
    return text
