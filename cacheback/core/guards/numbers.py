"""Numbers, quantities with their units, and how they are bounded ("more than", "at least")."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from cacheback.core.guards.counting import (
    ONES,
    ORDINALS,
    SCALES,
    TENS,
    Value,
    figure,
    is_number,
    roman,
    scaled,
    show,
    spelled,
)
from cacheback.core.guards.guard import Guard, rivals, unmatched
from cacheback.core.guards.reading import Reading
from cacheback.core.guards.times import dated
from cacheback.core.guards.units import CODES, SIGNS, UNITS
from cacheback.core.words import word_set
from cacheback.models import Reason

_GLUED_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9}
_ORDINAL_ENDINGS = word_set("st nd rd th")
# Words that are a number: (the number, whether it need not be matched).
_NAMED = {
    "twice": ("2 times", False),
    "thrice": ("3 times", False),
    "triple": ("3 times", False),
    "once": ("1 times", True),
    "double": ("2 times", True),
    "single": ("1", True),
    "couple": ("2", True),
    "pair": ("2", True),
}
_COUNTING = (
    {"a", "an", "half", "quarter"} | _NAMED.keys() | ONES.keys() | TENS.keys() | ORDINALS.keys()
)
_FIRST_IDIOMS = frozenset({("at", ""), ("", "of"), ("", "place"), ("", "name")})
_OPERATORS = {
    sign: shown
    for shown, signs in {
        "plus": "+ plus",
        "minus": "- − – minus",  # noqa: RUF001 — as people type it
        "times": "* × x times",  # noqa: RUF001
        "divided by": "/ ÷ over divided",
        "to the power of": "^",
    }.items()
    for sign in signs.split()
}
_BOUNDS = {
    ("more", "than"): ">",
    ("greater", "than"): ">",
    ("longer", "than"): ">",
    ("older", "than"): ">",
    ("less", "than"): "<",
    ("fewer", "than"): "<",
    ("lower", "than"): "<",
    ("younger", "than"): "<",
    ("shorter", "than"): "<",
    ("at", "least"): "≥",
    ("at", "most"): "≤",
    ("up", "to"): "≤",
}
_BOUNDING = word_set("than least most to over above exceeding under below")
_BOUNDS_OF_A_NUMBER = {"over": ">", "above": ">", "exceeding": ">", "under": "<", "below": "<"}
_SHARES = {
    word: share
    for share, words in {
        "all": "all every each entire whole",
        "some": "some several few",
        "none": "none",
        "half": "half",
    }.items()
    for word in words.split()
}
# "only got", "only a": less than hoped for, not a restriction.
_NOT_ONLY = word_set("got get received gave have has had a been took see just when")


class Numbers(NamedTuple):
    """`must` have to be matched (key → as shown), `may` can be; `order` is theirs, by unit."""

    must: dict[str, str]
    may: frozenset[str]
    order: frozenset[tuple[str, ...]]
    bounds: frozenset[str]
    only: bool
    shares: frozenset[str]


class _Scan:
    """Goes through the tokens once and gathers quantities."""

    def __init__(self, read: Reading) -> None:
        self.read = read
        self.must: dict[str, str] = {}
        self.may: set[str] = set()
        self.by_unit: dict[str, list[str]] = {}
        used = dated(read).used
        place = 0
        while place < len(read.tokens):
            place = place + 1 if place in used else self.step(place)

    def step(self, place: int) -> int:
        value = self.value(place)
        if value is None:
            if self.read.words[place] in _OPERATORS:
                self.operator(place)
            return place + 1
        number, end, soft = value
        before = self.read.word(place - 1)
        at = end + (self.read.word(end) == "of")  # a couple of weeks
        unit = UNITS.get(self.read.word(at)) or SIGNS.get(self.read.word(at)) or ""
        if unit:
            end, soft = at + 1, soft and (self.read.word(place) != "one" or unit == "times")
        else:  # $5, USD 5
            unit = SIGNS.get(before) or CODES.get(before) or ""
        self.add(self.plain(number, unit), unit, soft=soft)
        return end

    def plain(self, number: str, unit: str) -> str:
        """Trailing zeros say nothing in $5.00, and all in Python 3.10."""
        if unit and number.count(".") == 1:
            return number.rstrip("0").rstrip(".")
        return number

    def add(self, number: str, unit: str, *, soft: bool) -> None:
        item = f"{number} {unit}".strip()
        self.may |= {item, number}
        if not soft:
            self.must[item] = item
            order = self.by_unit.setdefault(unit, [])
            if item not in order:
                order.append(item)

    def value(self, place: int) -> Value | None:
        token = self.read.tokens[place]
        if token.kind == "word":
            if token.word in _COUNTING:
                return self.ordinal(place) or self.times(place) or spelled(self.read, place)
            return roman(self.read, place) if token.word[0] in "ivx" else None
        if token.kind == "number":
            return self.digits(place)
        return Value(token.text, place + 1) if token.kind == "clock" else None

    def digits(self, place: int) -> Value:
        tokens = self.read.tokens
        number, after = figure(tokens[place].text), self.read.word(place + 1)
        glued = place + 1 < len(tokens) and tokens[place + 1].glued
        if glued and after in _ORDINAL_ENDINGS:
            return Value(f"#{number}", place + 2)
        if glued and after in _GLUED_SCALES and not (after == "m" and not self.money(place)):
            return Value(scaled(number, _GLUED_SCALES[after]), place + 2)
        if glued and after == "x":
            return Value(f"{number} times", place + 2)
        if after in SCALES:
            return Value(scaled(number, SCALES[after]), place + 2)
        if self.read.words[place + 1 : place + 4] == ("and", "a", "half"):
            return Value(f"{number}.5" if number.isdecimal() else number, place + 4)
        return Value(number, place + 1)

    def money(self, place: int) -> bool:
        """ "5m" is five metres, "$5m" five million; "10M users" is written with a capital."""
        return self.read.word(place - 1) in SIGNS or self.read.tokens[place + 1].text == "M"

    def ordinal(self, place: int) -> Value | None:
        word = self.read.words[place]
        if word not in ORDINALS:
            return None
        around = (self.read.word(place - 1), self.read.word(place + 1))
        if word == "first" and (
            (around[0], "") in _FIRST_IDIOMS or ("", around[1]) in _FIRST_IDIOMS
        ):
            return None
        if word == "second" and around[0] in ("per", "each", "every"):
            return None
        return Value(f"#{ORDINALS[word]}", place + 1)

    def times(self, place: int) -> Value | None:
        word = self.read.words[place]
        if word in _NAMED:
            number, soft = _NAMED[word]
            return Value(number, place + 1, soft=soft)
        if word in ("a", "an") and self.read.word(place + 1) in UNITS:
            return Value("1", place + 1, soft=True)
        if word == "half":
            return self.half(place + 1)
        if word == "quarter" and self.read.word(place + 1) == "of":
            return Value("0.25", place + 1)
        return None

    def half(self, end: int) -> Value:
        after = end + (self.read.word(end) in ("a", "an"))
        if self.read.word(after) in SCALES:
            return Value(show(SCALES[self.read.word(after)] / 2), after + 1)
        return Value("0.5", after if self.read.word(after) in UNITS else end)

    def operator(self, place: int) -> None:
        """A sign of arithmetic between two numbers."""
        sign = _OPERATORS[self.read.words[place]]
        after = place + 1 + (self.read.word(place + 1) == "by")
        if place and is_number(self.read, place - 1) and is_number(self.read, after):
            self.must[sign] = sign
            self.may.add(sign)


def _only(words: tuple[str, ...]) -> bool:
    if "only" not in words:
        return "solely" in words or "exclusively" in words
    after = words.index("only") + 1
    return after < len(words) and words[after] not in _NOT_ONLY


def _shares(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        _SHARES[word]
        for before, word in pairwise(("", *words))
        if word in _SHARES and before not in ("at", "after")  # at all, after all
    )


def _bounds(read: Reading) -> frozenset[str]:
    words, found = read.words, set()
    if _BOUNDING.isdisjoint(words):
        return frozenset()
    for place, pair in enumerate(pairwise((*words, ""))):
        if pair in _BOUNDS:
            bound, after = _BOUNDS[pair], place + 2
        elif pair[0] in _BOUNDS_OF_A_NUMBER:
            bound, after = _BOUNDS_OF_A_NUMBER[pair[0]], place + 1
        else:
            continue
        if is_number(read, after + (read.word(after) in SIGNS)):
            denied = read.word(place - 1) in ("no", "not")
            found.add({">": "≤", "<": "≥"}.get(bound, bound) if denied else bound)
    return frozenset(found)


def _read(read: Reading) -> Numbers:
    scan = _Scan(read)
    # "30 pounds, but only 10": the 10 are pounds as well.
    meant = {f"{item} {unit}" for item in scan.by_unit.get("", ()) for unit in scan.by_unit if unit}
    return Numbers(
        must=scan.must,
        may=frozenset(scan.may | meant),
        order=frozenset(tuple(items) for items in scan.by_unit.values() if len(items) > 1),
        bounds=_bounds(read),
        only=_only(read.words),
        shares=_shares(read.words),
    )


def _differ(mine: Numbers, theirs: Numbers) -> str | None:
    if found := unmatched(mine.must, mine.may, theirs.must, theirs.may):
        return found
    if mine.order != theirs.order and mine.must.keys() == theirs.must.keys():
        return "the numbers stand in another order"
    if mine.bounds != theirs.bounds and (mine.must or (mine.bounds and theirs.bounds)):
        return rivals(mine.bounds, theirs.bounds) or "a limit is set on one side only"
    if mine.only != theirs.only:
        return "“only” on one side"
    return rivals(mine.shares, theirs.shares)


NUMBERS: Guard[Numbers] = Guard(Reason.NUMBER_DIFFERS, _read, _differ)
