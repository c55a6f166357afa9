"""Numbers, quantities with their units, and how they are bounded ("more than", "at least")."""

from __future__ import annotations

import re
from typing import NamedTuple

from cacheback.core.guards.guard import Guard, rivals, unmatched
from cacheback.core.guards.reading import Reading
from cacheback.core.guards.times import dated
from cacheback.core.guards.units import CODES, SIGNS, UNITS
from cacheback.models import Reason

_ONES = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
} | {"fourty": 40}
_SCALES = {"hundred": 100, "dozen": 12, "thousand": 10**3, "grand": 10**3, "lakh": 10**5}
_SCALES |= {"million": 10**6, "crore": 10**7, "billion": 10**9, "trillion": 10**12}
_GLUED_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh "
        "twelfth".split(),
        start=1,
    )
}
_ORDINAL_ENDINGS = frozenset("st nd rd th".split())
_TIMES = {"twice": "2", "thrice": "3", "triple": "3", "2x": "2"}
_SOFT_TIMES = {"once": "1", "double": "2", "single": "1", "couple": "2", "pair": "2"}
_COUNTING = (
    {"a", "an", "half", "quarter"}
    | _ONES.keys()
    | _TENS.keys()
    | _ORDINALS.keys()
    | _TIMES.keys()
    | _SOFT_TIMES.keys()
)
_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")
_BEFORE_ROMAN = frozenset(
    "war part chapter phase type act volume vol stage level grade class section book episode "
    "season title article pope king queen".split()
)
_FIRST_IDIOMS = frozenset({("at", ""), ("", "of"), ("", "place"), ("", "name")})
_OPERATORS = {"+": "+", "plus": "+", "-": "−", "−": "−", "–": "−", "minus": "−", "*": "×"}  # noqa: RUF001
_OPERATORS |= {"×": "×", "x": "×", "times": "×", "/": "÷", "÷": "÷", "over": "÷", "divided": "÷", "^": "^"}  # noqa: RUF001
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
_BOUNDING = frozenset("than least most to over above exceeding under below".split())
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
_NOT_ONLY = frozenset("got get received gave have has had a been took see just when".split())
_LONGEST = 15  # digits; more of them are an id, not a quantity to reckon with


class Numbers(NamedTuple):
    """`must` have to be matched (key → as shown), `may` can be; `order` is theirs, by unit."""

    must: dict[str, str]
    may: frozenset[str]
    order: frozenset[tuple[str, ...]]
    bounds: frozenset[str]
    only: bool
    shares: frozenset[str]


class _Value(NamedTuple):
    number: str
    end: int
    soft: bool = False


def _show(value: float) -> str:
    return f"{value:.10g}" if value < 10**10 else f"{value:.0f}"


def figure(text: str) -> str:
    """A number as written, without separators of thousands: "1,000" → "1000", "1,5" → "1.5"."""
    if "," in text:
        head, *groups = text.split(",")
        if all(re.match(r"[0-9]{3}(?![0-9])", group) for group in groups):
            return head + "".join(groups)
        if len(groups) == 1:
            return f"{head}.{groups[0]}"
    return text


def _scaled(number: str, factor: int) -> str:
    if number.count(".") > 1 or len(number) > _LONGEST:
        return f"{number}×{factor}"  # noqa: RUF001
    return _show(float(number) * factor)


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

    def value(self, place: int) -> _Value | None:
        token = self.read.tokens[place]
        if token.kind == "word":
            if token.word in _COUNTING:
                return self.ordinal(place) or self.times(place) or self.spelled(place)
            return self.roman(place) if token.word[0] in "ivx" else None
        if token.kind == "number":
            return self.digits(place)
        return _Value(token.text, place + 1) if token.kind == "clock" else None

    def digits(self, place: int) -> _Value:
        tokens = self.read.tokens
        number, after = figure(tokens[place].text), self.read.word(place + 1)
        glued = place + 1 < len(tokens) and tokens[place + 1].glued
        if glued and after in _ORDINAL_ENDINGS:
            return _Value(f"{number}.", place + 2)
        if glued and after in _GLUED_SCALES and not (after == "m" and not self.money(place)):
            return _Value(_scaled(number, _GLUED_SCALES[after]), place + 2)
        if glued and after == "x":
            return _Value(f"{number} times", place + 2)
        if after in _SCALES:
            return _Value(_scaled(number, _SCALES[after]), place + 2)
        if self.read.words[place + 1 : place + 4] == ("and", "a", "half"):
            return _Value(_show(float(number) + 0.5) if "." not in number else number, place + 4)
        return _Value(number, place + 1)

    def money(self, place: int) -> bool:
        """"5m" is five metres, "$5m" five million; "10M users" is written with a capital."""
        return self.read.word(place - 1) in SIGNS or self.read.tokens[place + 1].text == "M"

    def ordinal(self, place: int) -> _Value | None:
        word = self.read.words[place]
        if word not in _ORDINALS:
            return None
        around = (self.read.word(place - 1), self.read.word(place + 1))
        if word == "first" and ((around[0], "") in _FIRST_IDIOMS or ("", around[1]) in _FIRST_IDIOMS):
            return None
        if word == "second" and around[0] in ("per", "each", "every"):
            return None
        return _Value(f"{_ORDINALS[word]}.", place + 1)

    def times(self, place: int) -> _Value | None:
        word = self.read.words[place]
        if word in _TIMES:
            return _Value(f"{_TIMES[word]} times", place + 1)
        if word in ("once", "double"):
            return _Value(f"{_SOFT_TIMES[word]} times", place + 1, soft=True)
        if word in ("couple", "pair", "single"):
            return _Value(_SOFT_TIMES[word], place + 1, soft=True)
        if word in ("a", "an") and self.read.word(place + 1) in UNITS:
            return _Value("1", place + 1, soft=True)
        if word == "half":
            return self.half(place + 1)
        if word == "quarter" and self.read.word(place + 1) == "of":
            return _Value("0.25", place + 1)
        return None

    def half(self, end: int) -> _Value:
        after = end + (self.read.word(end) in ("a", "an"))
        if self.read.word(after) in _SCALES:
            return _Value(_show(_SCALES[self.read.word(after)] / 2), after + 1)
        return _Value("0.5", after if self.read.word(after) in UNITS else end)

    def spelled(self, place: int) -> _Value | None:
        """A number in words, such as "two thousand and twenty-one" or "a dozen"."""
        total = current = 0
        last, at = "", place
        while word := self.read.word(at):
            if word in _TENS and last in ("", "scale"):
                current, last = current + _TENS[word], "tens"
            elif word in _ONES and (last in ("", "scale") or (last == "tens" and _ONES[word] in range(1, 10))):
                current, last = current + _ONES[word], "ones"
            elif word in _SCALES and last:
                scale = _SCALES[word]
                if scale > 100:  # noqa: PLR2004 — a hundred only multiplies what stands before it
                    total, current = total + current * scale, 0
                else:
                    current *= scale
                last = "scale"
            elif word in ("a", "an") and not last and self.read.word(at + 1) in _SCALES:
                current, last = 1, "ones"
            elif not (word == "and" and last == "scale" and self.counts(at + 1)):
                break
            at += 1
        if not last:
            return None
        value = float(total + current)
        if self.read.words[at : at + 3] == ("and", "a", "half"):
            value, at = value + 0.5, at + 3
        ordinal = _ORDINALS.get(self.read.word(at), 0) if last == "tens" else 0
        if ordinal:  # twenty-first
            return _Value(f"{_show(value + ordinal)}.", at + 1)
        return _Value(_show(value), at, soft=self.read.words[place:at] == ("one",))

    def counts(self, place: int) -> bool:
        return self.read.word(place) in _ONES or self.read.word(place) in _TENS

    def roman(self, place: int) -> _Value | None:
        """World War II, Henry VIII; a lone I, V or X only where a number is expected."""
        token = self.read.tokens[place]
        if token.kind != "word" or not _ROMAN.fullmatch(token.text.upper()) or not place:
            return None
        before = self.read.tokens[place - 1]
        titled = token.text.isupper() and before.capital and len(token.text) > 1
        if not titled and before.word not in _BEFORE_ROMAN:
            return None
        return _Value(str(_arabic(token.text.upper())), place + 1)

    def operator(self, place: int) -> None:
        """A sign of arithmetic between two numbers."""
        sign = _OPERATORS[self.read.words[place]]
        after = place + 1 + (self.read.word(place + 1) == "by")
        if place and self.is_number(place - 1) and self.is_number(after):
            self.must[sign] = sign
            self.may.add(sign)

    def is_number(self, place: int) -> bool:
        return self.read.word(place)[:1].isdigit() or self.counts(place)


def _arabic(roman: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in roman]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _only(words: tuple[str, ...]) -> bool:
    if "only" not in words:
        return "solely" in words or "exclusively" in words
    after = words.index("only") + 1
    return after < len(words) and words[after] not in _NOT_ONLY


def _bounds(read: Reading) -> frozenset[str]:
    words, found = read.words, set()
    if _BOUNDING.isdisjoint(words):
        return frozenset()
    for place in range(len(words)):
        bound = _BOUNDS.get(words[place : place + 2])  # type: ignore[call-overload]
        after = place + 1 + (read.word(place + 1) in SIGNS)
        if bound is None and read.word(after)[:1].isdigit():
            bound = _BOUNDS_OF_A_NUMBER.get(words[place])
        if bound:
            denied = read.word(place - 1) in ("no", "not")
            found.add({">": "≤", "<": "≥"}.get(bound, bound) if denied else bound)
    return frozenset(found)


def _read(read: Reading) -> Numbers:
    scan = _Scan(read)
    words = frozenset(read.words)
    idle = "all" in words and not {"at", "after"}.isdisjoint(words)  # at all, after all
    # "30 pounds, but only 10": the 10 are pounds as well.
    meant = {f"{item} {unit}" for item in scan.by_unit.get("", ()) for unit in scan.by_unit if unit}
    return Numbers(
        must=scan.must,
        may=frozenset(scan.may | meant),
        order=frozenset(tuple(items) for items in scan.by_unit.values() if len(items) > 1),
        bounds=_bounds(read),
        only=_only(read.words),
        shares=frozenset(_SHARES[word] for word in words & _SHARES.keys()) if not idle else frozenset(),
    )


def _differ(mine: Numbers, theirs: Numbers) -> str | None:
    if found := unmatched(mine.must, mine.may, theirs.must, theirs.may):
        return found
    if mine.order != theirs.order and mine.must.keys() == theirs.must.keys():
        return "the numbers stand in another order"
    if mine.bounds != theirs.bounds and (mine.must or mine.bounds and theirs.bounds):
        return rivals(mine.bounds, theirs.bounds) or "a limit is set on one side only"
    if mine.only != theirs.only:
        return "“only” on one side"
    return rivals(mine.shares, theirs.shares)


NUMBERS: Guard[Numbers] = Guard(Reason.NUMBER_DIFFERS, _read, _differ)
