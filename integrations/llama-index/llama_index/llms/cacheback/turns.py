"""Messages as parts of a scope: the question, and everything that was said around it.

What may live here: what LlamaIndex's messages and blocks mean for an answer. Equivalent ways to
say something become one; nothing that can change the answer is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import IOBase
from itertools import takewhile
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.llms.cacheback.shown import shown

Item = dict[str, Any]

_SYSTEM = (MessageRole.SYSTEM, MessageRole.DEVELOPER)
_TOOLS = (MessageRole.TOOL, MessageRole.FUNCTION)

# What integrations note beside a message and do not send back, or what stands in its blocks too.
_NOTES = frozenset(
    {
        "cacheback",
        "cacheback_hit",
        "cacheback_synthesized",
        "completion_tokens",
        "prompt_tokens",
        "stop_reason",
        "thinking_delta",
        "total_tokens",
        "usage",
    }
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, taken apart.

    `system` holds the system and developer messages at the start, `history` every other turn
    before the question, `attachments` what stands beside the question in its message. `has_tools`
    tells whether a tool was called, or answered, in an earlier turn.
    """

    question: str
    system: list[Item]
    history: list[Item]
    attachments: list[Item]
    has_tools: bool


def conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """Take messages apart.

    Raises:
        TypeError: something in a message has no form as JSON.
    """
    system = list(takewhile(lambda one: one.role in _SYSTEM, messages))
    turns = messages[len(system) :]
    names = _Names()
    asking = [turns[-1]] if turns and turns[-1].role is MessageRole.USER else []
    earlier = turns[: len(turns) - len(asking)]
    asked, attachments, beside = _asked(asking, names)
    return Conversation(
        question=asked,
        system=[_turn(one, names) for one in system],
        history=[*(_turn(one, names) for one in earlier), *beside],
        attachments=attachments,
        has_tools=any(_uses_tools(one) for one in earlier),
    )


def digest(text: str | bytes) -> str:
    """The SHA-256 of what a scope need not hold in full."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _asked(asking: Iterable[ChatMessage], names: _Names) -> tuple[str, list[Item], list[Item]]:
    """The question, what is attached to it, and what its message says besides."""
    for message in asking:
        texts = [block.text for block in message.blocks if isinstance(block, TextBlock)]
        extra = _extra(message, names)
        beside = [{"role": "user", **extra}] if extra else []
        return "\n".join(texts), _attachments(message, names), beside
    return "", [], []


def _attachments(message: ChatMessage, names: _Names) -> list[Item]:
    """All blocks in their order, texts as place holders; empty when there is nothing but text.

    Every text but the last says how many lines it has: else the same joined text could stand
    differently around a picture.
    """
    blocks = message.blocks
    if all(isinstance(one, TextBlock) for one in blocks):
        return []
    texts = [at for at, one in enumerate(blocks) if isinstance(one, TextBlock)]
    return [
        {"lines": None if at == texts[-1] else one.text.count("\n") + 1}
        if isinstance(one, TextBlock)
        else _block(one, names)
        for at, one in enumerate(blocks)
    ]


def _turn(message: ChatMessage, names: _Names) -> Item:
    """A message as it enters the scope; a plain text is that text."""
    texts = all(isinstance(one, TextBlock) for one in message.blocks)
    content = message.content if texts else [_block(one, names) for one in message.blocks]
    return {"role": message.role.value, "content": content or "", **_extra(message, names)}


def _extra(message: ChatMessage, names: _Names) -> Item:
    """What a message says beside its blocks, without notes and without what its blocks say too."""
    left_out = set(_NOTES)
    if any(isinstance(one, ToolCallBlock) for one in message.blocks):
        left_out.add("tool_calls")
    extra = {
        name: shown(value)
        for name, value in message.additional_kwargs.items()
        if name not in left_out and value not in (None, [], {})
    }
    return {name: names.of(value) if name in _IDS else value for name, value in extra.items()}


_IDS = frozenset({"tool_call_id", "tool_use_id", "call_id"})


def _block(block: Any, names: _Names) -> Item:
    if isinstance(block, TextBlock):
        return {"text": block.text}
    if isinstance(block, ThinkingBlock):  # without its signature, which differs every time
        return {"thinking": block.content}
    if isinstance(block, ToolCallBlock):
        call = {"id": names.of(block.tool_call_id), "tool": block.tool_name}
        return {**call, "arguments": _arguments(block.tool_kwargs)}
    fields = {name: getattr(block, name) for name in type(block).model_fields}
    return {name: _held(value) for name, value in fields.items() if value is not None}


def _arguments(given: Any) -> Any:
    """A call's arguments as JSON, whether the integration gives them as text or taken apart."""
    if isinstance(given, str):
        try:
            return json.loads(given)
        except ValueError:
            return given
    return shown(given)


def _held(value: Any) -> Any:
    """What a block holds: data and files by digest, an address as it is."""
    match value:
        case bytes():
            return digest(value)
        case IOBase():
            data = value.read()
            value.seek(0)
            return digest(data)
        case Path():
            return digest(value.read_bytes())
        case list():
            return [_held(one) for one in value]
    if isinstance(value, str) and value.startswith("data:"):
        return digest(value)
    return shown(value)


def _uses_tools(message: ChatMessage) -> bool:
    if message.role in _TOOLS:
        return True
    extra: Mapping[str, Any] = message.additional_kwargs
    called = extra.get("tool_calls") or extra.get("function_call")
    return bool(called) or any(isinstance(one, ToolCallBlock) for one in message.blocks)


class _Names:
    """Names calls by the order in which they appear: the provider makes up their ids at random."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        return self._names.setdefault(given, f"call_{len(self._names)}")
