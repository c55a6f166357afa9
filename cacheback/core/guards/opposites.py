"""Words that exclude each other: enable or disable, buy or sell, a virtual card or a physical one.

The words stand in `opposite_words`.
"""

from __future__ import annotations

from collections.abc import Collection

from cacheback.core.guards.guard import Guard
from cacheback.core.guards.opposite_words import COMPLEMENTS, PAIRS, PARTICLES, SIBLINGS
from cacheback.core.guards.reading import Reading, stem
from cacheback.core.words import word_set
from cacheback.models import Reason

# Axis → side → the word that named it.
Sides = dict[int, dict[int, str]]
# Stem, or verb and particle → the sides that it names.
_Lexicon = dict[str, list[tuple[int, int]]]

_REACH = 4  # words between the parts of a phrase: turn the notifications off
_JOINTS = word_set("and or vs versus & / , to from than")


def _key(word: str) -> str:
    """ "turn_off" keeps its particle, each other word is reduced to its stem."""
    verb, _, particle = word.partition("_")
    return f"{stem(verb)}_{particle}" if particle else stem(word)


_COMPLEMENTS, _PAIRS, _SIBLINGS = (
    table.strip().splitlines() for table in (COMPLEMENTS, PAIRS, SIBLINGS)
)
_FIRST_PAIR = len(_COMPLEMENTS)
_FIRST_SIBLING = _FIRST_PAIR + len(_PAIRS)


def _lexicon() -> _Lexicon:
    lexicon: _Lexicon = {}
    for axis, line in enumerate([*_COMPLEMENTS, *_PAIRS, *_SIBLINGS]):
        for side, words in enumerate(line.split("|")):
            for key in dict.fromkeys(_key(word) for word in words.split()):
                lexicon.setdefault(key, []).append((axis, side))
    return lexicon


_LEXICON = _lexicon()
_PARTICLES = frozenset(PARTICLES.split())
_PHRASAL_VERBS = frozenset(key.partition("_")[0] for key in _LEXICON if "_" in key)


def _particle(read: Reading, place: int) -> str | None:
    for word in read.words[place + 1 : place + 1 + _REACH]:
        if word in _PARTICLES:
            return word
    return None


def _named(read: Reading) -> list[tuple[int, int, int, str]]:
    """(axis, side, place, word as shown) of every word in the lexicon."""
    named = []
    for place, word in enumerate(read.words):
        key, shown = stem(word), word
        sides = _LEXICON.get(key, ())
        if key in _PHRASAL_VERBS and (particle := _particle(read, place)):
            phrase = _LEXICON.get(f"{key}_{particle}")
            if phrase:
                sides, shown = phrase, f"{word} {particle}"
        denied = bool(sides) and "not" in read.words[max(0, place - _REACH) : place]
        named += [
            (axis, 1 - side if denied and axis < _FIRST_PAIR else side, place, shown)
            for axis, side in sides
        ]
    return named


def _read(read: Reading) -> Sides:
    found: Sides = {}
    places: dict[int, dict[int, int]] = {}
    for axis, side, place, shown in _named(read):
        found.setdefault(axis, {}).setdefault(side, shown)
        places.setdefault(axis, {}).setdefault(side, place)
    for axis, sides in places.items():
        if len(sides) > 1 and axis < _FIRST_SIBLING and not _joined(read, sides.values()):
            del found[axis]  # "what I sent was not received" names no side
    return found


def _joined(read: Reading, places: Collection[int]) -> bool:
    """Named in one breath: "pros and cons", "enable/disable"."""
    low, high = min(places), max(places)
    return high - low <= _REACH and not _JOINTS.isdisjoint(read.words[low + 1 : high])


def _differ(mine: Sides, theirs: Sides) -> str | None:
    for axis in mine.keys() & theirs.keys():
        here, there = mine[axis], theirs[axis]
        # Pros and cons are not the pros; but a payment by transfer may be called a payment.
        if here.keys() != there.keys() if axis < _FIRST_SIBLING else here.keys().isdisjoint(there):
            return f"“{' and '.join(here.values())}” against “{' and '.join(there.values())}”"
    return None


OPPOSITES: Guard[Sides] = Guard(Reason.OPPOSITE, _read, _differ)
