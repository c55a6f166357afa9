"""Blanks what changes from call to call without changing what is asked: dates, times and ids.

What may live here: pure functions from JSON to JSON for parts of a scope.
"""

from __future__ import annotations

import re

from cacheback.models import JSON

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wednes|thurs?|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun)\b\.?,?\s+"
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)[0-9]{2}"
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_ZONE = (
    r"(?:\s*(?:Z|UTC|GMT)(?:\s*[+-][0-9]{1,2}(?::?[0-9]{2})?)?\b|\s*[+-][0-9]{2}:?[0-9]{2}\b"
    r"|\s+\(?(?:C?E[SD]?T|CEST|[PMC][SD]T|WEST|WET|BST|IST|JST|AE[SD]T)\)?(?![\w)])"
    r"|\s+(?:Europe|America|Asia|Africa|Australia|Pacific)/\w+)?"
)
# Ids of calls, never of people: who is asked for belongs to the question.
_NAMES_OF_IDS = (
    r"(?:req|request|sess|session|trace|span|run|thread|conv|conversation|msg|message|resp|response"
    r"|chatcmpl|call|toolu|correlation)"
)

_ID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # UUID
    rf"|\b{_NAMES_OF_IDS}(?:[_-]id)?[_-](?=[a-z_-]*[0-9])[0-9a-z_-]{{4,}}(?![\w-])"  # req_8fK2
    r"|(?<![\w.])(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{16,}(?![\w.])"  # digests, trace ids
    r"|\b01[0-9a-hjkmnp-tv-z]{24}\b",  # ULID
    re.IGNORECASE,
)
_ISO_STAMP = re.compile(rf"\b{_YEAR}-[01][0-9]-[0-3][0-9][T ]{_CLOCK}{_ZONE}", re.IGNORECASE)
_DATE = re.compile(
    rf"(?<![\w.-])(?:{_WEEKDAY})?(?:"
    rf"{_YEAR}(?P<iso>[-/.])(?:0?[1-9]|1[0-2])(?P=iso)(?:0?[1-9]|[12][0-9]|3[01])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])(?P<by>[./-])(?:0?[1-9]|[12][0-9]|3[01])(?P=by)"
    rf"(?:{_YEAR}|[0-9]{{2}})"
    rf"|(?:the\s+)?{_DAY}(?:\s+of)?[\s-]+{_MONTH},?(?:[\s-]+{_YEAR})?"
    rf"|{_MONTH}\s+(?:the\s+)?{_DAY}(?:,?\s+{_YEAR})?"
    rf"|{_MONTH},?\s+{_YEAR}"
    r")(?![\w-])(?![.][0-9])",
    re.IGNORECASE,
)
# A weekday that is left when its date was blanked apart, as in "Monday (2026-11-23)", or alone
# behind "today is": a date as well.
_TODAY = re.compile(
    r"(?P<lead>\btoday(?:'s\s+date)?(?:\s+is|:)\s+(?:a\s+)?)"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    rf"(?<![\w:.]){_CLOCK}(?:\s?[ap]\.?m\b\.?)?{_ZONE}(?![\w:])"
    r"|(?<![\w:.$€£])(?:0?[1-9]|1[0-2])\s?[ap]\.?m\b\.?",
    re.IGNORECASE,
)
# Unix seconds or milliseconds between 2001 and 2033.
_EPOCH = re.compile(r"(?<![\w.,$€£#+-])1[0-9]{9}(?:[0-9]{3}|\.[0-9]+)?(?![\w,]|\.[0-9])")
_EPOCH_SECONDS = range(10**9, 2 * 10**9)
_EPOCH_MILLISECONDS = range(10**12, 2 * 10**12)


def _blank_text(text: str) -> str:
    text = _ID.sub("<id>", text)
    text = _ISO_STAMP.sub("<time>", text)
    text = _DATE.sub("<date>", text)
    text = _TODAY.sub(r"\g<lead><date>", text)
    text = _TIME.sub("<time>", text)
    return _EPOCH.sub("<time>", text)


def _is_epoch(number: float) -> bool:
    return int(number) in _EPOCH_SECONDS or int(number) in _EPOCH_MILLISECONDS


def blank_volatile(value: JSON) -> JSON:
    """A JSON value with dates, clock times and ids replaced by `<date>`, `<time>` and `<id>`.

    For a part of the scope that would otherwise differ on every call, such as a system prompt
    that tells the date:

    >>> blank_volatile("You are Ann. Today is Monday, 23 November 2026, 14:05 UTC.")
    'You are Ann. Today is <date>, <time>.'
    >>> blank_volatile({"session": "session-4f9a02", "version": "3.12", "at": 1795442700})
    {'session': '<id>', 'version': '3.12', 'at': '<time>'}

    Blanked are ISO and written dates and timestamps, clock times with their zone, Unix times of 10
    or 13 digits (as numbers, too), UUIDs, ULIDs, hexadecimal digests of 16 digits and more, and ids
    with a telling name (`req_…`, `session-…`). Other numbers, versions, prices and the names of
    models stay. A UUID goes even when it names a person: leave such a part of the scope `exact`.
    Lists and the values of objects are gone through; keys stay. Idempotent.
    """
    if isinstance(value, str):
        return _blank_text(value)
    if isinstance(value, list | tuple):
        return [blank_volatile(item) for item in value]
    if isinstance(value, dict):
        return {key: blank_volatile(item) for key, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool) and _finite(value):
        return "<time>" if _is_epoch(value) else value
    return value


def _finite(number: float) -> bool:
    return number - number == 0
