"""A stored message as chunks, which add up to the same message."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message

from langchain_cacheback.replay import chunks

USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
CALLS = [{"name": name, "args": {"a": [1, None]}, "id": name} for name in ("add", "sub")]


@pytest.mark.parametrize(
    "message",
    [
        AIMessage(""),
        AIMessage("Paris is the capital\n\n  of France. "),
        AIMessage(" \n"),
        AIMessage("x", usage_metadata=USAGE, response_metadata={"finish_reason": "stop"}),
        AIMessage("x", response_metadata={"model_provider": "openai"}),
        AIMessage("x", additional_kwargs={"refusal": None, "reasoning_content": "Hm."}),
        AIMessage("", tool_calls=CALLS),
        AIMessage("", invalid_tool_calls=[{"name": "a", "args": "no", "id": "1", "error": None}]),
        AIMessage([{"type": "text", "text": "Paris is it.", "index": 0}]),
        AIMessage(
            [{"type": "text", "text": "Paris is it."}, {"type": "text", "text": "Yes, it is."}]
        ),
        AIMessage(
            [
                {"type": "thinking", "thinking": "Hm, hm.", "signature": "s", "index": 0},
                {"type": "text", "text": "Paris is it.", "index": 1, "citations": [{"a": 1}]},
                {"type": "tool_use", "id": "add", "name": "add", "input": {}, "index": 2},
            ],
            tool_calls=CALLS[:1],
            usage_metadata=USAGE,
        ),
    ],
)
def test_the_chunks_add_up(message: AIMessage) -> None:
    said = list(chunks(message, {"logprobs": None}))
    first, *more = said
    whole = first + more if more else first
    assert message_chunk_to_message(whole.message) == message
    assert whole.generation_info == {"logprobs": None}


def test_words_come_one_by_one_and_usage_on_the_last() -> None:
    message = AIMessage("Paris is it.", usage_metadata=USAGE)
    told: list[Any] = [one.message for one in chunks(message, None)]
    assert [one.content for one in told] == ["Paris ", "is ", "it.", ""]
    assert [one.usage_metadata for one in told] == [None, None, None, USAGE]
    assert [one.chunk_position for one in told] == [None, None, None, "last"]
    assert all(isinstance(one, AIMessageChunk) for one in told)


def test_blocks_come_word_by_word_where_they_have_an_index() -> None:
    message = AIMessage([{"type": "text", "text": "Paris is it.", "index": 0}])
    assert [one.text for one in chunks(message, None)] == ["Paris ", "is ", "it.", ""]
