"""Groups with other words in the same places: what texts share is exchanged in all of them.

Whether two questions have one answer depends on how they are built more than on what they are
about; a model that has seen "salmon" with one label only would learn the salmon.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable

from groups import Group, Meaning

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
    return sorted(set().union(*map(_words, texts)))


def recast(group: Group, pool: list[str], rng: random.Random) -> Group:
    """The group with up to three of the words that texts share exchanged for others of the pool."""
    counts = Counter(
        word for one in group.meanings for text in one.wordings for word in _words(text)
    )
    shared = sorted(word for word, count in counts.items() if count > 1)
    if not shared:
        return group
    meanings = group.meanings
    for word in rng.sample(shared, min(len(shared), rng.choice((1, 1, 2, 3)))):
        fresh = rng.choice(pool)
        pattern = re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", re.IGNORECASE)

        def put(match: re.Match[str], fresh: str = fresh) -> str:
            return fresh.capitalize() if match[0][0].isupper() else fresh

        meanings = [
            Meaning(one.kind, [pattern.sub(put, text) for text in one.wordings]) for one in meanings
        ]
    return Group(group.source, group.folder, meanings)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)} - _KEPT
