"""Ways of scoring a pair that look at no meaning: a set that they solve proves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

_PUNCTUATION = ".,;:!?\"'()[]…"


def words(text: str) -> Counter[str]:
    """The lower-cased words of a text, with how often each stands in it."""
    stripped = (word.strip(_PUNCTUATION) for word in text.lower().split())
    return Counter(word for word in stripped if word)


def differing_words(one: str, other: str) -> int:
    """How many words stand in one text only, each as often as it does."""
    mine, theirs = words(one), words(other)
    return ((mine - theirs) + (theirs - mine)).total()


def overlap(one: str, other: str) -> float:
    """Jaccard: words in both over words in either, 0 to 1."""
    mine, theirs = words(one), words(other)
    return (mine & theirs).total() / max(1, (mine | theirs).total())


def length_difference(one: str, other: str) -> int:
    """How many words one text is longer than the other."""
    return abs(words(one).total() - words(other).total())


# As scores: higher means more alike.
SHORTCUTS: Mapping[str, Callable[[str, str], float]] = {
    "count of differing words": lambda one, other: -differing_words(one, other),
    "share of common words": overlap,
    "difference in length": lambda one, other: -length_difference(one, other),
}
