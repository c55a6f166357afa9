"""Replay: a stored message as the chunks of a stream, which add up to the same message.

What may live here: how content is cut into pieces. What it may not know: where the message is from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

# A word with the space after it, or the space before the first: about what a model sends at once.
_WORDS = re.compile(r"\s*\S+\s?|\s+")


def chunks(message: AIMessage, info: dict[str, Any] | None) -> Iterator[ChatGenerationChunk]:
    """The message word by word; the last chunk brings tool calls, usage, `info` and all else."""
    # By the provider's name a chunk's content is understood.
    provider = message.response_metadata.get("model_provider")
    told = {"model_provider": provider} if provider else {}
    for piece in _pieces(message.content):
        chunk = AIMessageChunk(content=piece, response_metadata=dict(told))
        yield ChatGenerationChunk(message=chunk)
    yield ChatGenerationChunk(message=_last(message), generation_info=info)


def _pieces(content: str | list[Any]) -> Iterator[Any]:
    if isinstance(content, str):
        yield from _WORDS.findall(content)
        return
    for block in content:
        yield from _block(block)


def _block(block: Any) -> Iterator[list[Any]]:
    """A block of content, word by word where its index lets the pieces find each other."""
    text = block.get("text") if isinstance(block, dict) else None
    if not isinstance(text, str) or not text or not isinstance(block.get("index"), int):
        yield [block]
        return
    first, *more = _WORDS.findall(text)
    yield [{**block, "text": first}]
    for word in more:
        yield [{"type": block["type"], "text": word, "index": block["index"]}]


def _last(message: AIMessage) -> AIMessageChunk:
    called = [
        tool_call_chunk(
            name=call["name"],
            args=call["args"] if isinstance(call["args"], str) else json.dumps(call["args"]),
            id=call["id"],
            index=index,
        )
        for index, call in enumerate([*message.tool_calls, *message.invalid_tool_calls])
    ]
    return AIMessageChunk(
        content="" if isinstance(message.content, str) else [],
        tool_call_chunks=called,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )
