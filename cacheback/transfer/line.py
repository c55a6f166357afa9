"""One line of an export: how it is written, and how a foreign one is read and checked.

What may live here: the format. What it may not know: stores, embedders, clocks.

    {"question": "What is the capital of France?", "answer": "Paris."}

Only these two fields are needed. `answer` is text, or an object with the fields of
`cacheback.Answer`. The others are `scope` (an object of parts), `tags`, `provenance`, `created_at`
and `expires_at` (Unix seconds; null is never), `seconds` (what the answer took), `exact_only`, and
for a synthesis `sources`, the `id`s of lines above it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Never, get_args

from cacheback.core.scope import PARTS
from cacheback.models import JSON, Answer, Entry, Provenance, ToolCall, Usage

MAX_LINE = 16 * 2**20
"""Bytes of the longest line that is read: far above any answer, far below what fills a memory."""

# The largest number that every JSON reader keeps exactly (RFC 8259, section 6).
_MAX_INTEGER = 2**53 - 1
_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class BadLineError(ValueError):
    """A line that cannot be imported; the message is a sentence for whoever wrote the file."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read; None where it does not name a field.

    `expires_at` is infinite for an entry that never expires; `unknown` are the names of fields
    that mean nothing here.
    """

    question: str
    answer: Answer
    id: int | None = None
    scope: Mapping[str, JSON] | None = None
    tags: tuple[str, ...] | None = None
    provenance: Provenance | None = None
    created_at: float | None = None
    expires_at: float | None = None
    seconds: float | None = None
    exact_only: bool = False
    sources: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()


# Writing --------------------------------------------------------------------------------------


def dump_line(entry: Entry, scope: Mapping[str, JSON], *, exact_only: bool) -> bytes:
    """The line of an entry, with its line feed, in UTF-8."""
    fields: dict[str, JSON] = {
        "id": entry.id,
        "question": entry.question,
        "answer": _dump_answer(entry.answer),
        "scope": dict(scope),
        "tags": list(entry.tags),
        "provenance": entry.provenance,
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
    }
    if entry.seconds is not None:
        fields["seconds"] = entry.seconds
    if exact_only:
        fields["exact_only"] = True
    if entry.sources:
        fields["sources"] = list(entry.sources)
    try:
        return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, which providers do send, has no UTF-8
        return json.dumps(fields).encode() + b"\n"


def _dump_answer(answer: Answer) -> JSON:
    if answer == Answer(answer.text):
        return answer.text
    fields: dict[str, JSON] = {"text": answer.text}
    if answer.tool_calls:
        fields["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in answer.tool_calls
        ]
    if answer.usage is not None:
        usage = answer.usage
        fields["usage"] = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        if usage.cost is not None:
            fields["usage"]["cost"] = usage.cost
    if answer.format:
        fields["format"] = answer.format
    if answer.raw is not None:
        fields["raw"] = dict(answer.raw)
    for name in ("reasoning", "finish_reason", "model", "provider"):
        if (value := getattr(answer, name)) is not None:
            fields[name] = value
    return fields


# Reading --------------------------------------------------------------------------------------


def read_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of a file; of one that is too long only the beginning, so that memory is bounded."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            _skip_rest(file)
        yield line


def _skip_rest(file: IO[bytes]) -> None:
    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def parse_line(line: str | bytes) -> Line:
    """Raises BadLineError, which says what is wrong."""
    given = _object(line)
    known = {
        name: _read(name, given[name])
        for name in given.keys() & _READERS.keys()
        if given[name] is not None or name == "expires_at"
    }
    for name in ("question", "answer"):
        if name not in known:
            raise BadLineError(f"{name} is missing")
    unknown = tuple(sorted(given.keys() - _READERS.keys()))
    parsed = Line(**known, unknown=unknown)
    if not parsed.question.strip() and not parsed.exact_only:
        raise BadLineError("question is empty; there is nothing to remember the answer by")
    if bool(parsed.sources) != (parsed.provenance == "synthesis"):
        raise BadLineError("sources belong to provenance 'synthesis', and only to that")
    return parsed


def _object(line: str | bytes) -> dict[str, JSON]:
    if len(line) > MAX_LINE:
        raise BadLineError(f"longer than {MAX_LINE // 2**20} MiB")
    try:
        if isinstance(line, bytes):
            line = line.decode("utf-8-sig")
        value = json.loads(line, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadLineError("not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise BadLineError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadLineError(f"must be an object, not {_kind(value)}")
    return value


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def _read(name: str, value: JSON) -> Any:
    try:
        return _READERS[name](value)
    except ValueError as error:
        raise BadLineError(f"{name} {error}") from error


def _kind(value: JSON) -> str:
    return _KINDS[type(value)]


def _text(value: JSON) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {_kind(value)}")  # noqa: TRY004 - one kind for all
    return value


def _mapping(value: JSON) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, not {_kind(value)}")  # noqa: TRY004 - as above
    return value


def _flag(value: JSON) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_kind(value)}")  # noqa: TRY004 - as above
    return value


def _number(value: JSON) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"must be a number, not {_kind(value)}")  # noqa: TRY004 - as above
    if not 0 <= value <= _MAX_INTEGER:
        raise ValueError("must be a number from 0 to 2^53 - 1")
    return float(value)


def _integer(value: JSON) -> int:
    if not _number(value).is_integer():
        raise ValueError("must be a whole number")
    return int(value)


def _items(value: JSON, read: Callable[[JSON], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list, not {_kind(value)}")  # noqa: TRY004 - as above
    try:
        return tuple(read(item) for item in value)
    except ValueError as error:
        raise ValueError(f"is a list of which each item {error}") from error


def _tags(value: JSON) -> tuple[str, ...]:
    return _items(value, _text)


def _sources(value: JSON) -> tuple[int, ...]:
    return _items(value, _integer)


def _scope(value: JSON) -> dict[str, JSON]:
    parts = _mapping(value)
    if unknown := sorted(parts.keys() - set(PARTS)):
        raise ValueError(f"has unknown parts ({', '.join(unknown)}); known: {', '.join(PARTS)}")
    return parts


def _provenance(value: JSON) -> Provenance:
    if value not in get_args(Provenance):
        raise ValueError(f"must be one of {', '.join(get_args(Provenance))}")
    known: Provenance = value
    return known


def _expiry(value: JSON) -> float:
    return math.inf if value is None else _number(value)


def _answer(value: JSON) -> Answer:
    if isinstance(value, str):
        return Answer(value)
    if not isinstance(value, dict):
        raise ValueError(f"must be text or an object, not {_kind(value)}")  # noqa: TRY004 - as above
    if value.get("text") is None:
        raise ValueError("must have a text")
    return Answer(**_fields(value, _ANSWER))


def _tool_calls(value: JSON) -> tuple[ToolCall, ...]:
    return _items(value, _tool_call)


def _tool_call(value: JSON) -> ToolCall:
    call = _fields(_mapping(value), _TOOL_CALL)
    if call.keys() != _TOOL_CALL.keys():
        raise ValueError(f"must have {', '.join(_TOOL_CALL)}")
    return ToolCall(**call)


def _usage(value: JSON) -> Usage:
    return Usage(**_fields(_mapping(value), _USAGE))


def _fields(
    given: Mapping[str, JSON], readers: Mapping[str, Callable[[JSON], Any]]
) -> dict[str, Any]:
    """What is inside an answer is ours alone: an unknown name there is a mistake."""
    if unknown := sorted(given.keys() - readers.keys()):
        raise ValueError(f"has unknown fields ({', '.join(unknown)}); known: {', '.join(readers)}")
    read = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            read[name] = readers[name](value)
        except ValueError as error:
            raise ValueError(f"has a field {name} that {error}") from error
    return read


_TOOL_CALL = {"id": _text, "name": _text, "arguments": _text}
_USAGE = {"input_tokens": _integer, "output_tokens": _integer, "cost": _number}
_ANSWER: Mapping[str, Callable[[JSON], Any]] = {
    "text": _text,
    "tool_calls": _tool_calls,
    "reasoning": _text,
    "finish_reason": _text,
    "usage": _usage,
    "model": _text,
    "provider": _text,
    "format": _text,
    "raw": _mapping,
}
_READERS: Mapping[str, Callable[[JSON], Any]] = {
    "question": _text,
    "answer": _answer,
    "id": _integer,
    "scope": _scope,
    "tags": _tags,
    "provenance": _provenance,
    "created_at": _number,
    "expires_at": _expiry,
    "seconds": _number,
    "exact_only": _flag,
    "sources": _sources,
}
