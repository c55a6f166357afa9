"""Who stands on which side: from and to, before and behind "than", agent and patient of "beat"."""

from __future__ import annotations

from typing import NamedTuple

from cacheback.core.guards.guard import Guard
from cacheback.core.guards.reading import Reading, stem
from cacheback.core.guards.units import UNITS
from cacheback.models import Reason

_TO = frozenset("to into onto towards toward -> => → ⇒".split())
_FROM = frozenset("from out off".split())
_ENDS = frozenset(
    "and or but if when while because so that which who what where why how for on at by with in "
    ", . ? ! ; : via through using from to into onto toward towards than before after over -> => → ⇒ "
    "instead rather as".split()
)
_SKIPPED = frozenset(
    "a an the my your our their his her its this these those some any is are was were be been do "
    "does did can could will would should i you we they it have has had of".split()
)
_ALWAYS = frozenset("me you him us them".split())  # pronouns that can be a side
_POSSESSED = {"my": "me", "mine": "me", "your": "you", "i": "me", "his": "him", "our": "us"}
_REPLACING = frozenset(map(stem, "replace swap substitute switch exchange trade".split()))
_BEATING = frozenset(
    map(
        stem,
        "beat beats defeat outperform exceed outsell outrank surpass outweigh kill hit invade "
        "attack marry love hate chase eat acquire buy join follow call contain include inherit "
        "cause precede implement extend owe lend sue hire fire teach block unfollow".split(),
    )
)
_BETTER = frozenset(
    map(stem, "better best prefer preferred preferable advantage benefit win choose pick".split())
)
# A "to" behind or before these begins an infinitive: how to pay, time to go.
_INFINITIVE_AFTER = frozenset(
    "how want wants wanted need needs needed like able unable try trying tried going have has had "
    "possible allowed way ways best easy hard used supposed order what where when whether help "
    "plan steps safe legal illegal ok okay free ready time code program function command script "
    "required necessary fail failed forgot remember decide ask asked need easiest fastest".split()
)
_INFINITIVE_BEFORE = frozenset(
    "convert translate transfer send change move switch migrate exchange go get travel fly drive "
    "turn make do use be have pay take give add find see know cast parse copy replace export "
    "import upgrade downgrade map eat run learn write read buy sell".split()
)
_UNIT_NAMES = frozenset(UNITS.values())
_REACH = 4  # words that belong to one side of a preposition


class Sides(NamedTuple):
    """Words (stems) on the one side and on the other, and as they were written."""

    left: frozenset[str]
    right: frozenset[str]


def _content(word: str) -> str | None:
    word = _POSSESSED.get(word, word)
    if word in _SKIPPED or not (word.isalnum() or word in _ALWAYS):
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


def _swapped(mine: Sides, theirs: Sides) -> str | None:
    """Some word has changed sides. One that stands on both sides of a text says nothing."""
    crossed = ((mine.left - mine.right) & (theirs.right - theirs.left)) | (
        (mine.right - mine.left) & (theirs.left - theirs.right)
    )
    return f"{', '.join(sorted(crossed))} on the other side" if crossed else None


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
        elif word in ("with", "by", "for") and _REPLACING & {stem(w) for w in words[:place]}:
            goal, origin = _after(read, place), _before(read, place)
            if word == "for":  # substitute butter for oil: oil goes
                goal, origin = origin, goal
            source |= origin
            target |= goal
        elif words[place : place + 2] in (("instead", "of"), ("rather", "than")):
            target |= _before(read, place)
            source |= _after(read, place + 1)
        elif word in ("in", "per") and UNITS.keys() & set(words[place + 1 : place + 3]):
            source |= {unit for unit in _before(read, place) if unit in _UNIT_NAMES}
            target |= {unit for unit in _after(read, place) if unit in _UNIT_NAMES}
    return Sides(frozenset(source), frozenset(target))


def _comparison(read: Reading) -> Sides:
    left: set[str] = set()
    right: set[str] = set()
    for place, word in enumerate(read.words):
        if word in ("than", "before", "until"):
            left |= _before(read, place)
            right |= _after(read, place)
        elif word == "after" and place:
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


DIRECTION: Guard[Sides] = Guard(Reason.DIRECTION_DIFFERS, _direction, _swapped)
COMPARISON: Guard[Sides] = Guard(Reason.COMPARISON_DIFFERS, _comparison, _swapped)
