"""Weekdays, months, years, dates, clock times, "next week", and whether it was or will be."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cacheback.core.guards.guard import Guard, rivals, unmatched
from cacheback.core.guards.reading import Reading, Token
from cacheback.core.words import word_set
from cacheback.models import Reason

MONTHS = {
    name: full
    for full, names in {
        "January": "january jan",
        "February": "february feb",
        "March": "march mar",
        "April": "april apr",
        "May": "may",
        "June": "june jun",
        "July": "july jul",
        "August": "august aug",
        "September": "september sept sep",
        "October": "october oct",
        "November": "november nov",
        "December": "december dec",
    }.items()
    for name in names.split()
}
_NUMBERED = dict(enumerate(dict.fromkeys(MONTHS.values()), start=1))
_WEEKDAYS = {
    name: full
    for full, names in {
        "Monday": "monday mondays mon",
        "Tuesday": "tuesday tuesdays tue tues",
        "Wednesday": "wednesday wednesdays wed weds",
        "Thursday": "thursday thursdays thu thur thurs",
        "Friday": "friday fridays fri",
        "Saturday": "saturday saturdays sat",
        "Sunday": "sunday sundays sun",
    }.items()
    for name in names.split()
}
# Words that are something else as well; as a time they have a capital or stand behind these words.
_AMBIGUOUS = word_set("may march mar jan sat sun wed mon spring fall")
_BEFORE_A_TIME = word_set(
    "in of by since until till this next last on early late mid during before after every"
)
_WORDS = {
    name: full
    for full, names in {
        "today": "today todays",
        "tonight": "tonight",
        "tomorrow": "tomorrow",
        "yesterday": "yesterday",
        "morning": "morning mornings",
        "noon": "noon midday",
        "afternoon": "afternoon afternoons",
        "evening": "evening evenings",
        "night": "night nights overnight",
        "midnight": "midnight",
        "weekend": "weekend weekends",
        "weekday": "weekday weekdays",
        "spring": "spring springtime",
        "summer": "summer summers summertime",
        "autumn": "autumn fall",
        "winter": "winter winters wintertime",
        "ago": "ago",
        "hourly": "hourly",
        "daily": "daily everyday",
        "weekly": "weekly",
        "monthly": "monthly",
        "quarterly": "quarterly",
        "yearly": "yearly annual annually",
        "Christmas": "christmas xmas",
        "Easter": "easter",
        "New Year": "newyear",
        "Thanksgiving": "thanksgiving",
        "Halloween": "halloween",
    }.items()
    for name in names.split()
}
_WHICH = {
    name: full
    for full, names in {
        "last": "last past previous prior",
        "this": "this current",
        "next": "next coming following upcoming",
        "every": "every each",
    }.items()
    for name in names.split()
}
_PERIODS = word_set(
    "second minute hour day week weekend month quarter semester season year decade century "
    "morning afternoon evening night summer winter autumn fall spring"
) | frozenset(_WEEKDAYS.keys() | MONTHS.keys())
_BETWEEN = word_set("few couple several two three four five six seven")
_HALVES = {"am": 0, "pm": 12}
_MISSED_YEAR = word_set("k m bn thousand million dollars dollar euros euro pounds usd eur")
_FUTURE = word_set("will shall")
_PAST = word_set("did was were")
_EARLY = 3  # words; further on in a story tenses mix
_LAST_DAY, _LAST_HOUR, _MONTHS = 31, 23, 12
_YEAR = re.compile(r"(?:1[5-9]|20)[0-9]{2}")


class Times(NamedTuple):
    """`said` maps a time to how it is shown; `tense` is empty when the text does not commit."""

    said: dict[str, str]
    tense: frozenset[str]


class Dated(NamedTuple):
    """Times of a text, and the places of the tokens that they were read from."""

    said: dict[str, str]
    used: frozenset[int]


def _is_time(read: Reading, place: int, token: Token) -> bool:
    if token.word not in _AMBIGUOUS:
        return True
    capital = token.capital and not token.opens and not read.shouted
    after, before = read.word(place + 1), read.word(place - 1)
    if token.word in ("fall", "spring"):
        return before in _BEFORE_A_TIME or before == "the"
    return capital or before in _BEFORE_A_TIME or after[:1].isdigit() or before[:1].isdigit()


def _date(text: str) -> list[str]:
    """The parts of a date in figures; those that could be day or month stay together."""
    parts = re.split("[-./]", text)
    if len(parts[0]) == len("2026"):
        year, month, day = parts
    else:
        day, month, year = parts
        year = year if len(year) == len("2026") else f"20{year}"
        if "." not in text:  # 3/4/2026 is one date in London and another in New York
            if int(month) > _MONTHS:
                day, month = month, day
            elif int(day) <= _MONTHS and day != month:
                return [f"{int(day)}/{int(month)}", year]
    name = _NUMBERED.get(int(month), month)
    return [name, f"day {int(day)}", year]


def _hour(hour: int, minute: str, half: str) -> str | None:
    if half:
        hour = hour % 12 + _HALVES[half]
    return f"{hour}:{minute}" if hour <= _LAST_HOUR else None


def _day_of_month(read: Reading, place: int) -> int | None:
    """The place of the number that is the day of the month named at `place`."""
    for step in (1, -1):
        at = place + step
        while read.word(at) in ("of", "the", "st", "nd", "rd", "th", ","):
            at += step
        if 0 <= at < len(read.tokens) and read.tokens[at].kind == "number":
            figure = read.tokens[at].text
            if figure.isdecimal() and len(figure) <= len("31") and 1 <= int(figure) <= _LAST_DAY:
                return at
    return None


class _Scan:
    """Goes through the tokens once; each method takes the times of one kind at one place."""

    def __init__(self, read: Reading) -> None:
        self.read = read
        self.said: dict[str, str] = {}
        self.used: set[int] = set()
        for place, token in enumerate(read.tokens):
            if place in self.used:
                continue
            if token.kind == "word":
                self.word(place, token)
            elif token.kind in ("number", "clock"):
                self.figure(place, token)
            elif token.kind == "date":
                self.say(place, *_date(token.text))

    def say(self, place: int, *times: str) -> None:
        self.used.add(place)
        for time in times:
            self.said[time] = time

    def word(self, place: int, token: Token) -> None:
        if token.word in _WHICH and self.period(place, _WHICH[token.word]):
            return
        if token.word in MONTHS:
            if _is_time(self.read, place, token):
                self.month(place, MONTHS[token.word])
        elif token.word in _WEEKDAYS:
            if _is_time(self.read, place, token):
                self.say(place, _WEEKDAYS[token.word])
        elif token.word in _WORDS and _is_time(self.read, place, token):
            if self.read.word(place - 1) != "good":
                self.say(place, _WORDS[token.word])
        elif token.word == "day" and self.read.word(place + 1) in ("after", "before"):
            self.relative_day(place)

    def relative_day(self, place: int) -> None:
        which, day = self.read.word(place + 1), self.read.word(place + 2)
        if day in ("tomorrow", "yesterday"):
            self.used.add(place + 2)
            self.say(place, f"day {which} {day}")

    def period(self, place: int, which: str) -> bool:
        """Whether "next", "last" … begins a period: "next week", "last few days"."""
        at = place + 1
        between = self.read.word(at)
        if between in _BETWEEN or between[:1].isdigit():
            at += 1
        word = self.read.word(at)
        word = word if word in _PERIODS else word.removesuffix("s")
        if word not in _PERIODS:
            return False
        word = MONTHS.get(word) or _WEEKDAYS.get(word) or word
        self.used.add(at)
        self.say(place, f"{which} {word}")
        return True

    def month(self, place: int, month: str) -> None:
        self.say(place, month)
        day = _day_of_month(self.read, place)
        if day is not None:
            self.say(day, f"day {int(self.read.tokens[day].text)}")

    def figure(self, place: int, token: Token) -> None:
        after = self.read.word(place + 1)
        if token.kind == "clock" or after in _HALVES or (after == "o'clock"):
            self.clock(place, token, after)
        elif (
            _YEAR.fullmatch(token.text)
            and after not in _MISSED_YEAR
            and self.read.word(place - 1) not in {"$", "€", "£", "¥"}
        ):
            tens = after == "s" and self.read.tokens[place + 1].glued
            self.say(place, f"{token.text}s" if tens else token.text)

    def clock(self, place: int, token: Token, after: str) -> None:
        hour, _, minute = token.text.partition(":")
        if not hour.isdecimal() or len(hour) > len("23"):
            return
        time = _hour(int(hour), minute[:2] or "00", after if after in _HALVES else "")
        if time:
            self.say(place, time)
            if token.kind == "number":
                self.used.add(place + 1)


@lru_cache(maxsize=16)
def dated(read: Reading) -> Dated:
    """The times that a text names; numbers that belong to them are no quantities."""
    scan = _Scan(read)
    return Dated(scan.said, frozenset(scan.used))


def _tense(read: Reading) -> frozenset[str]:
    """What only one tense can mean: "who was the …" is not "who is the …", nor did → will."""
    if read.words[:1] == ("who",) and read.word(2) == "the":
        return frozenset({read.word(1)}) & {"is", "was"}
    for place, word in enumerate(read.words[:_EARLY]):
        if word in _FUTURE and read.word(place + 1) != "not":  # "it won't open" is said of today
            return frozenset({"will"})
        if word in _PAST:
            return frozenset({"did"})
    return frozenset()


def _read(read: Reading) -> Times:
    return Times(dated(read).said, _tense(read))


def _differ(mine: Times, theirs: Times) -> str | None:
    return unmatched(mine.said, mine.said.keys(), theirs.said, theirs.said.keys()) or rivals(
        mine.tense, theirs.tense
    )


TIMES: Guard[Times] = Guard(Reason.TIME_DIFFERS, _read, _differ)
