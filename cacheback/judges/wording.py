"""What the words of two questions tell by themselves, before a model reads them."""

from __future__ import annotations

import re
from collections import Counter

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"[\w'-]+|[^\w\s]")
# Whatever else a text has (quotes, colons, code, accents, lines) may be what it is about.
_EVERYDAY = re.compile(r"[A-Za-z0-9 ,.?!'-]+")
_OPTION = re.compile(r"(?<!\w)-")  # of a command: `-d` is not `-D`
_ENDED = re.compile(r"(?<=[a-z]) *[.?!]+$", re.IGNORECASE)  # "5!" is no exclamation
_SHORT = re.compile(r"^(what|who|where|when|how)'s\b", re.IGNORECASE)
# Set off by signs, and around one sentence: "Hello, Dolly!" is a film.
_GREETING = re.compile(r"^(?:hi|hello|hey)(?: there)?(?:[.!]+ +|, +(?=(?-i:[a-z])))", re.IGNORECASE)
_THANKS = re.compile(
    r"(?<=[.?!]) +(?:many thanks|thanks|thank you)(?: in advance)?[.!]*$", re.IGNORECASE
)
_PLEASE = re.compile(r", please(?=[.?!]*$)")
_ENDING = re.compile(r"[.?!](?: |$)")  # of one sentence among more
_FEWEST = 3  # words of a sentence that politeness may stand around


def same(one: str, other: str) -> bool:
    """Whether two texts are surely the same words in the same order.

    What makes no difference: signs at the end; a greeting, thanks or "please" around one sentence;
    "what's" for "what is"; and upper case, where one text has none, or at the beginning.
    """
    one, other = (text.strip().replace("\u2019", "'") for text in (one, other))
    if not all(_EVERYDAY.fullmatch(text) and not _OPTION.search(text) for text in (one, other)):
        return False
    mine, theirs = _plain(one), _plain(other)
    if one.islower() or other.islower():
        mine, theirs = mine.lower(), theirs.lower()
    words = _PIECE.findall(mine)
    return bool(_WORD.search(mine)) and words == _PIECE.findall(theirs)


def one_exchanged(one: str, other: str) -> bool:
    """Whether texts have the same words in whatever order, but for one exchanged, or two more."""
    mine, theirs = (Counter(_WORD.findall(text.lower())) for text in (one, other))
    return ((mine - theirs) + (theirs - mine)).total() <= 2  # noqa: PLR2004 - one here, one there


def _plain(text: str) -> str:
    bare = _PLEASE.sub("", _THANKS.sub("", _GREETING.sub("", text)))
    bare = _ENDED.sub("", bare)
    if len(_WORD.findall(bare)) < _FEWEST or _ENDING.search(bare):
        bare = _ENDED.sub("", text)
    return _SHORT.sub(r"\1 is", bare[:1].lower() + bare[1:])
