"""What Anthropic's `messages` say: the question, and everything that was said around it.

What may live here: the roles of messages, and the blocks that only tools have. What it may not
know: the rest of a request. Equivalent ways to write a message become one; nothing that can change
the answer is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cacheback.models import JSON
from cacheback.wire import content
from cacheback.wire.content import CallNames, Item
from cacheback.wire.shapes import are_objects

Message = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, taken apart: the fields of `openai_messages.Conversation`, less the system prompt.

    A tool's result that stands in the last message is an attachment of it.
    """

    question: str
    history: list[Item]
    attachments: list[Item]
    has_tools: bool


def conversation(messages: JSON) -> Conversation | None:
    """Take messages apart; None when they are not a non-empty list of messages as we know them."""
    if not are_objects(messages) or not messages or not all(_is_message(one) for one in messages):
        return None
    names = CallNames()
    turns = [{**one, "content": _named(one.get("content"), names)} for one in messages]
    asking = turns[-1] if turns[-1]["role"] == "user" else {}
    earlier = turns[:-1] if asking else turns
    question, attachments = content.asked(asking.get("content"))
    return Conversation(
        question=question,
        history=[*(_normal(one) for one in earlier), *content.beside(asking, _OWN)],
        attachments=attachments,
        has_tools=any(_uses_tools(one) for one in turns),
    )


_OWN = ("role", "content")


def _is_message(value: Message) -> bool:
    return isinstance(value.get("role"), str) and content.readable(value.get("content"))


def _named(blocks: JSON, names: CallNames) -> JSON:
    """Content with its calls renamed, and the content of their results as it enters the scope."""
    if not are_objects(blocks):
        return blocks
    return [_block(block, names) for block in blocks]


def _block(block: Mapping[str, JSON], names: CallNames) -> JSON:
    if not content.is_tools(block):
        return block
    if content.readable(block.get("content")):
        block = {**block, "content": content.normal(block.get("content"))}
    if block.get("is_error") is False:  # the same as not saying it
        block = {name: value for name, value in block.items() if name != "is_error"}
    return names.renamed(names.renamed(block, "id"), "tool_use_id")


def _uses_tools(message: Message) -> bool:
    blocks = message["content"]
    return are_objects(blocks) and any(content.is_tools(block) for block in blocks)


def _normal(message: Message) -> Item:
    said = {name: value for name, value in message.items() if value not in (None, [])}
    return {**said, "content": content.normal(message["content"])}


def system(given: JSON) -> JSON:
    """A system prompt as it enters the scope: one plain block is its text."""
    return content.normal(given) if content.readable(given) else given
