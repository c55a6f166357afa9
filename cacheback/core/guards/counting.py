"""Numbers as people write them: "1,000", "twenty-one", "two and a half", "half a million", XIV."""

from __future__ import annotations

import re
from typing import NamedTuple

from cacheback.core.guards.reading import Reading
from cacheback.core.words import word_list, word_set

ONES = {
    word: value
    for value, word in enumerate(
        word_list(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        )
    )
}
TENS = {
    word: 10 * value
    for value, word in enumerate(
        word_list("twenty thirty forty fifty sixty seventy eighty ninety"), start=2
    )
} | {"fourty": 40}
SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 10**3,
    "grand": 10**3,
    "lakh": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
}
ORDINALS = {
    word: value
    for value, word in enumerate(
        word_list(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
        ),
        start=1,
    )
}
_MULTIPLIES_ALL = 100  # a scale above it multiplies what stands before it and is then added
_BEFORE_ROMAN = word_set(
    "war part chapter phase type act volume vol stage level grade class section book episode "
    "season title article pope king queen"
)
_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")
_GROUP = re.compile(r"[0-9]{3}(?:\.[0-9]+)?")
_LONGEST = 15  # digits; more of them are an id, not a quantity to reckon with


class Value(NamedTuple):
    """A number, the place behind it, and whether it need not be matched ("a", "one")."""

    number: str
    end: int
    soft: bool = False


def show(value: float) -> str:
    return f"{value:.10g}" if value < 10**10 else f"{value:.0f}"


def figure(text: str) -> str:
    """A number as written, without separators of thousands: "1,000" → "1000", "1,5" → "1.5"."""
    if "," in text:
        head, *groups = text.split(",")
        if all(_GROUP.fullmatch(group) for group in groups):
            return head + "".join(groups)
        if len(groups) == 1:
            return f"{head}.{groups[0]}"
    return text


def scaled(number: str, factor: int) -> str:
    """A figure times a scale: "1.5" million → "1500000"."""
    if number.count(".") > 1 or "," in number or len(number) > _LONGEST:
        return f"{number} times {factor}"
    return show(float(number) * factor)


def is_number(read: Reading, place: int) -> bool:
    word = read.word(place)
    return word[:1].isdigit() or word in ONES or word in TENS


def spelled(read: Reading, place: int) -> Value | None:
    """A number in words, such as "two thousand and twenty-one" or "a dozen"."""
    total = current = 0
    last, at = "", place
    while word := read.word(at):
        if word in TENS and last in ("", "scale"):
            current, last = current + TENS[word], "tens"
        elif word in ONES and (
            last in ("", "scale") or (last == "tens" and ONES[word] in range(1, 10))
        ):
            current, last = current + ONES[word], "ones"
        elif word in SCALES and last:
            total, current = _scale(total, current, SCALES[word])
            last = "scale"
        elif word in ("a", "an") and not last and read.word(at + 1) in SCALES:
            current, last = 1, "ones"
        elif not (word == "and" and last == "scale" and is_number(read, at + 1)):
            break
        at += 1
    return _ended(read, place, at, total + current, last) if last else None


def _scale(total: int, current: int, scale: int) -> tuple[int, int]:
    if scale > _MULTIPLIES_ALL:
        return total + current * scale, 0
    return total, current * scale


def _ended(read: Reading, place: int, at: int, value: float, last: str) -> Value:
    if read.words[at : at + 3] == ("and", "a", "half"):
        return Value(show(value + 0.5), at + 3)
    if last == "tens" and read.word(at) in ORDINALS:  # twenty-first
        return Value(f"#{show(value + ORDINALS[read.word(at)])}", at + 1)
    return Value(show(value), at, soft=read.words[place:at] == ("one",))


def roman(read: Reading, place: int) -> Value | None:
    """World War II, Henry VIII; a lone I, V or X only where a number is expected."""
    token = read.tokens[place]
    written = token.text.upper()
    if not place or not _ROMAN.fullmatch(written):
        return None
    before = read.tokens[place - 1]
    titled = token.text.isupper() and before.capital and len(token.text) > 1
    if not titled and before.word not in _BEFORE_ROMAN:
        return None
    return Value(str(_arabic(written)), place + 1)


def _arabic(letters: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in letters]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
