"""Pairs with other words in the same places: what both texts share is exchanged in both.

Whether two questions have one answer depends on how they are built more than on what they are
about; a model that has seen "salmon" with one label only would learn the salmon.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Za-z]{4,}")
# Words that decide, whatever a question is about.
_KEPT = set(
    "what which when where that this these those with without from into onto before after about "
    "your have does will would could should must might there their they them than then only also "
    "some none each every both either neither least most more less many much long often ever "
    "never always just very please tell need want make made take like same other another first "
    "last next over under between during until while because using used needs days hours minutes "
    "weeks months years".split()
)


def words(texts: Iterable[str]) -> list[str]:
    """All words that may stand for others."""
    return sorted({word.lower() for text in texts for word in _WORD.findall(text)} - _KEPT)


def recast(one: str, other: str, pool: list[str], rng: random.Random) -> tuple[str, str]:
    """The pair with up to three of the words that both have exchanged for others of the pool."""
    found = ({word.lower() for word in _WORD.findall(text)} for text in (one, other))
    shared = sorted(set.intersection(*found) - _KEPT)
    if not shared:
        return one, other
    for word in rng.sample(shared, min(len(shared), rng.choice((1, 1, 2, 3)))):
        fresh = rng.choice(pool)
        pattern = re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", re.IGNORECASE)

        def put(match: re.Match[str], fresh: str = fresh) -> str:
            return fresh.capitalize() if match[0][0].isupper() else fresh

        one, other = pattern.sub(put, one), pattern.sub(put, other)
    return one, other
