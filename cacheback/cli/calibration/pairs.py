"""Pairs of questions from a file: CSV with a header, or JSON lines. Pure.

What may live here: the formats. What it may not know: what the pairs are for.

    question,other question,same
    How do I reset my password?,I forgot my password. What now?,yes

Names of columns are read leniently, in any order; a row that cannot be read is told with its line
and what is wrong with it, and the others are read all the same.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cacheback.cli.words import counted
from cacheback.errors import InputError
from cacheback.models import JSON

if TYPE_CHECKING:
    from _csv import Reader

_QUESTION, _OTHER, _SAME = "question", "other", "same"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Without case, spaces and signs.
_COLUMNS: Mapping[str, frozenset[str]] = {
    _QUESTION: _words("question question1 questiona q q1 query query1 text text1 sentence1 asked"),
    _OTHER: _words(
        "other otherquestion otherquery question2 questionb q2 query2 text2 sentence2 stored cached"
    ),
    _SAME: _words(
        "same issame sameanswer samemeaning label isduplicate duplicate equal equivalent match"
    ),
}
_SAYS: Mapping[str, bool] = {
    **dict.fromkeys(_words("yes y true t 1 1.0 same equal duplicate right"), True),
    **dict.fromkeys(_words("no n false f 0 0.0 different other distinct wrong"), False),
}
# The comma first; spreadsheets of many countries write the semicolon.
_DELIMITERS = (",", ";", "\t", "|")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What bytes become that are no UTF-8.
_UNREADABLE = range(0xDC80, 0xDD00)
_LONGEST = 2**20  # characters of a field; the library's own limit is below what people paste
_REMEDY = (
    "the first line must name the columns: question, other, same (or: question1, question2, label);"
    " or let every line be a JSON object with these names"
)


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two questions, whether one answer is right for both, and the line where they stand."""

    line: int
    question: str
    other: str
    same: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds.

    `bad` has the number of the line, counted from 1, of each row that was skipped, and what is
    wrong with it. `repeated` counts rows that say again what an earlier one said.
    """

    pairs: tuple[LabelledPair, ...]
    bad: tuple[tuple[int, str], ...] = ()
    repeated: int = 0


class _BadRowError(ValueError):
    """A row that is no pair; the message is a sentence for whoever wrote the file."""


def read_pairs(data: bytes) -> Found:
    """All pairs of a file's contents: UTF-8, or what a byte order mark says.

    The same two questions again, whichever is first, count once; where they contradict an earlier
    row they are bad.

    Raises:
        InputError: nothing in it names the columns.
    """
    text = _decoded(data)
    if not text.strip():
        raise InputError(f"the file is empty; {_REMEDY}")
    rows = _objects(text) if text.lstrip().startswith("{") else _table(text)
    pairs: dict[frozenset[str], LabelledPair] = {}
    bad: list[tuple[int, str]] = []
    repeated = 0
    for line, row in rows:
        try:
            pair = _pair(line, row)
            known = pairs.setdefault(frozenset((pair.question, pair.other)), pair)
            _agree(known, pair)
            repeated += known is not pair
        except _BadRowError as error:
            bad.append((line, str(error)))
    return Found(tuple(pairs.values()), tuple(bad), repeated)


def _decoded(data: bytes) -> str:
    """As text; bytes that cannot be read stay recognisable, so that only their rows are lost."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            unreadable = "surrogateescape" if encoding == "utf-8" else "replace"
            return data.removeprefix(mark).decode(encoding, unreadable)
    return data.decode("utf-8", "surrogateescape")


_Row = Mapping[str, JSON] | _BadRowError


# CSV ------------------------------------------------------------------------------------------


def _table(text: str) -> Iterator[tuple[int, _Row]]:
    delimiter, names = _header(text)
    reader = _reader(text, delimiter)
    header_seen = False
    while True:
        begin = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield begin, _BadRowError(f"cannot be read: {error}")
            continue
        if _blank(row):
            continue
        if header_seen:
            yield begin, _cells(row, names)
        header_seen = True


def _header(text: str) -> tuple[str, Sequence[str | None]]:
    """By what the columns are parted, and what each of them is (None: nothing to us)."""
    told = ""
    for delimiter in _DELIMITERS:
        try:
            row = next((row for row in _reader(text, delimiter) if not _blank(row)), [])
        except csv.Error:
            continue
        names = [_known(cell) for cell in row]
        if all(names.count(name) == 1 for name in _COLUMNS):
            return delimiter, names
        told = told or ", ".join(repr(cell[:40]) for cell in row[:6])
    raise InputError(f"the columns cannot be told from the first line ({told}); {_REMEDY}")


def _reader(text: str, delimiter: str) -> Reader:
    csv.field_size_limit(_LONGEST)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _blank(row: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in row)


def _known(name: str) -> str | None:
    plain = "".join(one for one in name.casefold() if one.isalnum())
    return next((ours for ours, theirs in _COLUMNS.items() if plain in theirs), None)


def _cells(row: Sequence[str], names: Sequence[str | None]) -> _Row:
    if len(row) < len(names):
        columns = counted(len(row), "column")
        return _BadRowError(f"{columns} instead of {len(names)}; is a quotation mark not closed?")
    if any(cell.strip() for cell in row[len(names) :]):
        return _BadRowError(
            f"{len(row)} columns instead of {len(names)}; put texts that hold the delimiter in"
            " quotation marks"
        )
    return {name: cell for name, cell in zip(names, row, strict=False) if name is not None}


# JSON lines -----------------------------------------------------------------------------------


def _objects(text: str) -> Iterator[tuple[int, _Row]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(line)


def _object(line: str) -> _Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _BadRowError(f"no JSON: {error}")
    if not isinstance(value, dict):
        return _BadRowError("no JSON object")
    row: dict[str, JSON] = {}
    for theirs, content in value.items():
        name = _known(theirs)
        if name in row:
            return _BadRowError(f"{name} is there twice")
        if name is not None:
            row[name] = content
    return row


# Rows -----------------------------------------------------------------------------------------


def _pair(line: int, row: _Row) -> LabelledPair:
    if isinstance(row, _BadRowError):
        raise row
    return LabelledPair(line, _text(row, _QUESTION), _text(row, _OTHER), _same(row))


def _text(row: Mapping[str, JSON], name: str) -> str:
    value = row.get(name)
    if value is None or value == "":
        raise _BadRowError(f"{name} is missing")
    if not isinstance(value, str):
        raise _BadRowError(f"{name} must be text")
    if any(ord(one) in _UNREADABLE for one in value):
        raise _BadRowError(f"{name} is not UTF-8; save the file in that encoding")
    if not value.strip():
        raise _BadRowError(f"{name} is empty")
    return value.strip()


def _same(row: Mapping[str, JSON]) -> bool:
    value = row.get(_SAME)
    if value is None or value == "":
        raise _BadRowError("same is missing; write yes or no")
    says = _SAYS.get(str(value).strip().casefold())
    if says is None:
        raise _BadRowError(f"same is {str(value)[:40]!r}; write yes or no")
    return says


def _agree(known: LabelledPair, pair: LabelledPair) -> None:
    if known.same != pair.same:
        raise _BadRowError(f"line {known.line} says the opposite of the same two questions")
