"""Generations to a stored answer and back: whole, exact, copied, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation
from pydantic import BaseModel

from cacheback import Answer, ToolCall, Usage
from langchain_cacheback.generations import answer_of, generations_of, is_ours, output_of

USAGE = {
    "input_tokens": 3,
    "output_tokens": 4,
    "total_tokens": 7,
    "output_token_details": {"reasoning": 1},
}
FULL = AIMessage(
    content=[
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {
            "type": "text",
            "text": "Paris.",
            "annotations": [{"type": "citation", "url": "http://a"}],
        },
    ],
    tool_calls=[{"name": "add", "args": {"a": 1, "b": [None, 0.5]}, "id": "call_1"}],
    invalid_tool_calls=[{"name": "sub", "args": "{", "id": "call_2", "error": "cut"}],
    usage_metadata=USAGE,
    additional_kwargs={"refusal": None, "reasoning_content": "Hm."},
    response_metadata={"finish_reason": "tool_calls", "model_name": "m", "logprobs": None},
    name="Ann",
)


def chat(message: AIMessage, **info: Any) -> ChatGeneration:
    return ChatGeneration(message=message, generation_info=info or None)


def there_and_back(generations: Sequence[Generation], **output: Any) -> list[Generation]:
    answer = answer_of(generations, output)
    assert answer is not None
    return generations_of(json.loads(json.dumps(answer.raw)) and answer)


@pytest.mark.parametrize(
    "generations",
    [
        [Generation(text="Paris.")],
        [Generation(text="Paris.", generation_info={"reason": "test"}), Generation(text="")],
        [chat(AIMessage("Paris."))],
        [chat(AIMessage(""), finish_reason="stop")],
        [chat(FULL, finish_reason="tool_calls")],
        [chat(AIMessage("a")), chat(AIMessage("b"))],
    ],
)
def test_what_was_stored_comes_back(generations: list[Generation]) -> None:
    found = there_and_back(generations)
    assert found == generations
    assert type(found) is list
    assert [type(one) for one in found] == [type(one) for one in generations]


def test_the_neutral_form_is_told_as_well() -> None:
    answer = answer_of([chat(FULL)], {"model_name": "n"})
    assert answer == Answer(
        text="Paris.",
        tool_calls=(ToolCall("call_1", "add", '{"a": 1, "b": [null, 0.5]}'),),
        reasoning="Hm.",
        finish_reason="tool_calls",
        usage=Usage(3, 4),
        model="m",
        format="langchain.generations",
        raw=answer.raw if answer else None,
    )
    assert output_of(answer) == {"model_name": "n"}


def test_every_hit_is_a_copy() -> None:
    answer = answer_of([chat(FULL)], {"token_usage": {"total": 1}})
    assert answer is not None
    first, second = (generations_of(answer)[0] for _ in range(2))
    assert isinstance(first, ChatGeneration)
    first.message.content[1]["text"] = "changed"  # type: ignore[index]
    first.message.response_metadata["changed"] = True
    first.message.additional_kwargs["changed"] = True
    first.message.tool_calls[0]["args"]["b"].append("changed")  # type: ignore[attr-defined]
    output_of(answer)["token_usage"]["total"] = "changed"
    assert second == chat(FULL)
    assert generations_of(answer) == [chat(FULL)]
    assert output_of(answer) == {"token_usage": {"total": 1}}


def test_the_id_is_not_stored() -> None:
    (found,) = there_and_back([chat(FULL.model_copy(update={"id": "chatcmpl-1"}))])
    assert isinstance(found, ChatGeneration)
    assert found.message.id is None


def test_neither_are_our_own_marks() -> None:
    marked = AIMessage("Paris.", response_metadata={"cacheback": {"tier": "exact"}})
    assert there_and_back([chat(marked)]) == [chat(AIMessage("Paris."))]


def test_chunks_are_stored_as_the_message_that_they_are() -> None:
    chunk = ChatGenerationChunk(message=AIMessageChunk(content="Paris.", chunk_position="last"))
    assert answer_of([chunk]) is None
    whole = ChatGeneration(message=chunk.message)
    assert there_and_back([whole]) == [chat(AIMessage("Paris."))]


class City(BaseModel):
    name: str


def test_what_was_parsed_is_told_by_its_fields() -> None:
    parsed = AIMessage('{"name":"Paris"}', additional_kwargs={"parsed": City(name="Paris")})
    (found,) = there_and_back([chat(parsed)])
    assert isinstance(found, ChatGeneration)
    assert found.message.additional_kwargs == {"parsed": {"name": "Paris"}}


@pytest.mark.parametrize(
    "generations",
    [
        [],
        [chat(AIMessage("Par", response_metadata={"finish_reason": "length"}))],
        [chat(AIMessage("Par"), finish_reason="content_filter")],
        [chat(AIMessage("Par", response_metadata={"stop_reason": "max_tokens"}))],
        [chat(AIMessage("Par", response_metadata={"stop_reason": "refusal"}))],
        [chat(AIMessage("Par", response_metadata={"status": "incomplete"}))],
        [chat(AIMessage("Par"), finish_reason="never_heard_of")],
        [chat(AIMessage("Paris.")), chat(AIMessage("Par"), finish_reason="length")],
        [Generation(text="Par", generation_info={"finish_reason": "length"})],
        [chat(HumanMessage("Paris."))],  # type: ignore[arg-type]
    ],
)
def test_what_was_cut_short_is_not_stored(generations: list[Generation]) -> None:
    assert answer_of(generations) is None


@pytest.mark.parametrize(
    "strange", [object(), {1, 2}, (1, 2), {1: 2}, float("nan"), City(name="Paris"), b"bytes"]
)
def test_neither_is_what_would_not_come_back_as_it_was(strange: object) -> None:
    assert answer_of([Generation(text="x", generation_info={"strange": strange})]) is None
    assert answer_of([chat(AIMessage("x", response_metadata={"strange": strange}))]) is None


def test_an_answer_that_came_otherwise_is_dressed() -> None:
    answer = Answer(
        "Paris.",
        (ToolCall("1", "add", '{"a": 1}'),),
        usage=Usage(1, 2),
        model="m",
        format="openai.chat",
    )
    (found,) = generations_of(answer)
    assert found == chat(
        AIMessage(
            "Paris.",
            tool_calls=[{"name": "add", "args": {"a": 1}, "id": "1"}],
            usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
            response_metadata={"model_name": "m"},
        )
    )
    assert output_of(answer) == {}


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"generations": [], "output": {}},
        {"generations": [{"text": "a"}]},
        {"generations": [{"text": 1}], "output": {}},
        {"generations": ["a"], "output": {}},
        {"generations": [{"text": "a", "novel": 1}], "output": {}},
        {"generations": [{"message": {}}], "output": {}},
        {"generations": [{"message": {"content": "a", "id": "x"}}], "output": {}},
        {"generations": [{"message": {"content": "a", "tool_calls": ["x"]}}], "output": {}},
        {"generations": [{"message": {"content": "a"}, "text": "b"}], "output": {}},
        {
            "generations": [{"message": {"lc": 1, "type": "constructor", "content": "a"}}],
            "output": {},
        },
    ],
)
def test_json_that_is_not_ours_is_not_believed(raw: dict[str, Any]) -> None:
    assert not is_ours(raw)
    answer = Answer("Paris.", format="langchain.generations", raw=raw)
    assert generations_of(answer) == [chat(AIMessage("Paris."))]
