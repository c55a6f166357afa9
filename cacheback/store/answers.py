"""Answers, and any other JSON, to bytes at rest and back, checked both ways.

Stored data is never unpickled. The same check runs on writing and on reading, so that nothing is
written that would be called damaged later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cacheback.errors import InputError
from cacheback.models import JSON, Answer, ToolCall, Usage

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_TYPES: Mapping[str, type] = {
    "text": str,
    "tool_calls": list,
    "reasoning": str,
    "finish_reason": str,
    "usage": dict,
    "model": str,
    "provider": str,
    "format": str,
    "raw": dict,
}
_TOOL_CALL = {"id": str, "name": str, "arguments": str}
_USAGE = {"input_tokens": int, "output_tokens": int}
_COST = {"cost": (int, float)}


def encode_text(text: str) -> bytes:
    """UTF-8 that also keeps lone surrogates, which JSON can express and providers do send."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def readable_text(data: bytes) -> str:
    """What can be read of a text that may be damaged, where it is shown but decides nothing."""
    try:
        return decode_text(data)
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def dump_json(value: JSON) -> bytes:
    """Raises InputError when `value` is not JSON."""
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be stored as JSON: {error}") from error
    return encode_text(text)


def load_json(data: bytes) -> JSON:
    """Raises ValueError when `data` is not JSON."""
    return json.loads(decode_text(data))


def canonical(value: JSON) -> str:
    """One text per JSON value: keys sorted; 1, 1.0 and true stay different."""
    return json.dumps(value, sort_keys=True)


def dump_answer(answer: Answer) -> bytes:
    """Raises InputError when a field does not have the type that `Answer` gives it."""
    fields: dict[str, Any] = {"text": answer.text}
    if answer.tool_calls:
        fields["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in answer.tool_calls
        ]
    if answer.usage is not None:
        fields["usage"] = _usage_fields(answer.usage)
    if answer.format:
        fields["format"] = answer.format
    if answer.raw is not None:
        fields["raw"] = dict(answer.raw)
    for name in ("reasoning", "finish_reason", "model", "provider"):
        if (value := getattr(answer, name)) is not None:
            fields[name] = value
    try:
        _check(fields)
    except ValueError as error:
        raise InputError(f"the answer cannot be stored: {error}") from error
    return dump_json(fields)


def _usage_fields(usage: Usage) -> dict[str, JSON]:
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return tokens if usage.cost is None else {**tokens, "cost": usage.cost}


def load_answer(data: bytes) -> Answer:
    """Raises ValueError when `data` is not an answer as `dump_answer` writes it."""
    fields = load_json(data)
    _check(fields)
    if "tool_calls" in fields:
        fields["tool_calls"] = tuple(ToolCall(**call) for call in fields["tool_calls"])
    if "usage" in fields:
        fields["usage"] = Usage(**fields["usage"])
    return Answer(**fields)


def _check(fields: JSON) -> None:
    if not isinstance(fields, dict) or "text" not in fields:
        raise ValueError("an answer must be an object with a text")
    for name, value in fields.items():
        expected = _TYPES.get(name)
        if expected is None or not isinstance(value, expected):
            raise ValueError(f"{name!r} must not be {type(value).__name__}")
    for call in fields.get("tool_calls", ()):
        _check_exactly(call, _TOOL_CALL)
    if "usage" in fields:
        priced = "cost" in fields["usage"]
        _check_exactly(fields["usage"], _USAGE | _COST if priced else _USAGE)


def _check_exactly(value: JSON, types: Mapping[str, Any]) -> None:
    if not isinstance(value, dict) or value.keys() != types.keys():
        raise ValueError(f"an object with exactly {', '.join(types)} was expected")
    for name, expected in types.items():
        if not isinstance(value[name], expected):
            found = type(value[name]).__name__
            raise ValueError(f"{name!r} must not be {found}")  # noqa: TRY004 - one kind for callers
