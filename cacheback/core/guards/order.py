"""Who stands on which side: from and to, before and behind "than", agent and patient of "beat"."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from cacheback.core.guards.guard import Guard
from cacheback.core.guards.reading import Reading, stem
from cacheback.core.guards.units import UNITS
from cacheback.core.words import word_list, word_set
from cacheback.models import Reason

_TO = word_set("to into onto towards toward -> => → ⇒")
_FROM = word_set("from out off")
_ENDS = word_set(
    "and or but if when while because so that which who what where why how for on at by with in "
    ", . ? ! ; : via through using from to into onto toward towards than before after over -> => "
    "→ ⇒ "
    "instead rather as"
)
_SKIPPED = word_set(
    "a an the my your our their his her its this these those some any is are was were be been do "
    "does did can could will would should i we they it have has had of not this that one"
)
_REPLACING = frozenset(map(stem, word_list("replace swap substitute switch exchange trade")))
_BEATING = frozenset(
    map(
        stem,
        word_list(
            "beat beats defeat outperform exceed outsell outrank surpass outweigh kill hit invade "
            "attack marry love hate chase eat acquire buy join follow call contain include inherit "
            "cause precede implement extend owe lend sue hire fire teach block unfollow"
        ),
    )
)
_BETTER = frozenset(
    map(
        stem, word_list("better best prefer preferred preferable advantage benefit win choose pick")
    )
)
# A "to" behind or before these begins an infinitive: how to pay, time to go.
_INFINITIVE_AFTER = word_set(
    "how want wants wanted need needs needed like able unable try trying tried going have has had "
    "possible allowed way ways best easy hard used supposed order what where when whether help "
    "plan steps safe legal illegal ok okay free ready time code program function command script "
    "required necessary fail failed forgot remember decide ask asked need easiest fastest"
)
_INFINITIVE_BEFORE = word_set(
    "convert translate transfer send change move switch migrate exchange go get travel fly drive "
    "turn make do use be have pay take give add find see know cast parse copy replace export "
    "import upgrade downgrade map eat run learn write read buy sell"
)
_VERBS = frozenset(map(stem, _INFINITIVE_BEFORE))
_UNIT_NAMES = frozenset(UNITS.values())
_REACH = 3  # words that belong to one side of a preposition


class Sides(NamedTuple):
    """Words (stems) on the one side and on the other, and as they were written."""

    left: frozenset[str]
    right: frozenset[str]


def _content(word: str) -> str | None:
    if word in _SKIPPED or not word.isalnum():
        return None
    return UNITS.get(word) or stem(word)


def _after(read: Reading, place: int) -> set[str]:
    found: set[str] = set()
    for word in read.words[place + 1 : place + 2 + _REACH]:
        if word in _ENDS:
            break
        if content := _content(word):
            found.add(content)
    return found


def _before(read: Reading, place: int) -> set[str]:
    found: set[str] = set()
    for word in reversed(read.words[max(0, place - _REACH) : place]):
        if word in _ENDS:
            break
        if content := _content(word):
            found.add(content)
    return found


def _swapped(mine: Sides, theirs: Sides, stay_for_free: int) -> str | None:
    """More words have changed sides than stayed; one on both sides of a text says nothing."""
    left, right = mine.left - mine.right, mine.right - mine.left
    other_left, other_right = theirs.left - theirs.right, theirs.right - theirs.left
    crossed = (left & other_right) | (right & other_left)
    stayed = (left & other_left) | (right & other_right)
    if not crossed or len(crossed) + stay_for_free <= len(stayed):
        return None
    return f"{', '.join(sorted(crossed))} on the other side"


def _replaces(words: tuple[str, ...]) -> bool:
    """Whether a verb of replacing has been said ("exchange", and not "exchange rate")."""
    return any(
        stem(word) in _REPLACING and after not in ("rate", "rates")
        for word, after in zip(words, (*words[1:], ""), strict=False)
    )


def _is_infinitive(read: Reading, place: int) -> bool:
    return read.words[place] == "to" and (
        read.word(place - 1) in _INFINITIVE_AFTER or read.word(place + 1) in _INFINITIVE_BEFORE
    )


def _direction(read: Reading) -> Sides:
    source: set[str] = set()
    target: set[str] = set()
    words = read.words
    for place, word in enumerate(words):
        if word in _FROM:
            source |= _after(read, place)
        elif word in _TO and not _is_infinitive(read, place):
            target |= _after(read, place)
            source |= _before(read, place)
        elif word in ("with", "by", "for") and _replaces(words[:place]):
            goal, origin = _after(read, place), _before(read, place)
            if word == "for":  # substitute butter for oil: oil goes
                goal, origin = origin, goal
            source |= origin
            target |= goal
        elif words[place : place + 2] in (("instead", "of"), ("rather", "than")):
            target |= _before(read, place)
            source |= _after(read, place + 1)
        elif word in ("in", "per") and UNITS.keys() & set(words[place + 1 : place + 3]):
            amount, wanted = _before(read, place) & _UNIT_NAMES, _after(read, place) & _UNIT_NAMES
            if "many" in words[:place]:  # how many cm are in 4 inches: the inches are given
                amount, wanted = wanted, amount
            source |= amount
            target |= wanted
    return Sides(frozenset(source - _VERBS), frozenset(target - _VERBS))


def _comparison(read: Reading) -> Sides:
    left: set[str] = set()
    right: set[str] = set()
    for place, word in enumerate(read.words):
        if place == 0:  # a clause that comes first: where it ends is not to be seen
            continue
        if word in ("than", "before", "until"):
            left |= _before(read, place)
            right |= _after(read, place)
        elif word == "after":
            right |= _before(read, place)
            left |= _after(read, place)
        elif stem(word) in _BEATING or (
            word == "over" and _BETTER & {stem(w) for w in read.words[:place]}
        ):
            doer, done = _before(read, place), _after(read, place)
            if read.word(place + 1) == "by":
                doer, done = _after(read, place + 1), doer
            left |= doer
            right |= done
    return Sides(frozenset(left), frozenset(right))


DIRECTION: Guard[Sides] = Guard(
    Reason.DIRECTION_DIFFERS, _direction, partial(_swapped, stay_for_free=0)
)
COMPARISON: Guard[Sides] = Guard(
    # "more important" stays where it is when the two that it compares change places.
    Reason.COMPARISON_DIFFERS,
    _comparison,
    partial(_swapped, stay_for_free=1),
)
