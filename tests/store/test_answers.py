from __future__ import annotations

import json
from typing import Any

import pytest

from cacheback.errors import InputError
from cacheback.models import Answer, ToolCall, Usage
from cacheback.store.answers import canonical, dump_answer, load_answer

WHOLE = Answer(
    text="é\ud83d\x00",
    tool_calls=(ToolCall("1", "f", "{}"),),
    reasoning="because",
    finish_reason="stop",
    usage=Usage(1, 2, 0.5),
    model="m",
    provider="p",
    format="f",
    raw={"deep": [1, 0.1, None, {"é": True}]},
)


@pytest.mark.parametrize("answer", [WHOLE, Answer(""), Answer("x", usage=Usage(1, 2), raw={})])
def test_an_answer_comes_back_as_it_was(answer: Answer) -> None:
    assert load_answer(dump_answer(answer)) == answer


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        {"text": None},
        {"text": "x", "surprise": 1},
        {"text": "x", "raw": []},
        {"text": "x", "usage": {"input_tokens": 1}},
        {"text": "x", "usage": {"input_tokens": 1, "output_tokens": "2"}},
        {"text": "x", "usage": {"input_tokens": 1, "output_tokens": 2, "cost": "3"}},
        {"text": "x", "tool_calls": {}},
        {"text": "x", "tool_calls": [1]},
        {"text": "x", "tool_calls": [{"id": "1", "name": "f"}]},
        {"text": "x", "tool_calls": [{"id": "1", "name": "f", "arguments": {}}]},
    ],
)
def test_what_is_no_answer_is_not_read_as_one(fields: Any) -> None:
    with pytest.raises(ValueError, match=r"must|expected"):
        load_answer(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(text=b"x"),  # type: ignore[arg-type]
        Answer("x", model=5),  # type: ignore[arg-type]
        Answer("x", usage=Usage(None, 1)),  # type: ignore[arg-type]
        Answer("x", tool_calls=(ToolCall("1", "f", {}),)),  # type: ignore[arg-type]
        Answer("x", raw={"set": {1}}),
        Answer("x", raw={"no number": float("nan")}),
    ],
)
def test_what_could_not_be_read_is_not_written(answer: Answer) -> None:
    with pytest.raises(InputError):
        dump_answer(answer)


def test_canonical_tells_values_apart_but_not_orders() -> None:
    assert canonical({"a": 1, "b": [2]}) == canonical({"b": [2], "a": 1})
    assert len({canonical(value) for value in (1, 1.0, True, "1", None, [1], {"1": 1})}) == 7
