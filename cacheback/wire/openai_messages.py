"""What OpenAI's `messages` say: the question, and everything that was said around it.

What may live here: the roles of messages, and what stands beside their content. What it may not
know: the rest of a request. Equivalent ways to write a message become one; nothing that can change
the answer is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from cacheback.models import JSON
from cacheback.wire import content
from cacheback.wire.content import CallNames, Item
from cacheback.wire.shapes import is_list

Message = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, taken apart.

    `system` holds the system and developer messages at the start (a single plain system prompt as
    its text), `history` every other turn before the question, `attachments` what stands beside the
    question in its message. `has_tools` tells whether a tool was called in an earlier turn.
    """

    question: str
    system: JSON
    history: list[Item]
    attachments: list[Item]
    has_tools: bool


def conversation(messages: JSON) -> Conversation | None:
    """Take messages apart; None when they are not a non-empty list of messages as we know them."""
    if not is_list(messages) or not messages or not all(_is_message(one) for one in messages):
        return None
    system = list(takewhile(lambda one: one["role"] in ("system", "developer"), messages))
    turns = messages[len(system) :]
    names = CallNames()
    asking = turns[-1] if turns and turns[-1]["role"] == "user" else {}
    earlier = turns[:-1] if asking else turns
    question, attachments = content.asked(asking.get("content"))
    return Conversation(
        question=question,
        system=_system([_normal(one, names) for one in system]),
        history=[
            *(_normal(one, names) for one in earlier),
            *content.beside(asking, ("role", "content")),
        ],
        attachments=attachments,
        has_tools=any(_uses_tools(one) for one in earlier),
    )


def _is_message(value: JSON) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("role"), str):
        return False
    return content.readable(value.get("content"))


def _system(messages: list[Item]) -> JSON:
    if len(messages) == 1 and messages[0] == {"role": "system", "content": messages[0]["content"]}:
        return messages[0]["content"]
    return messages


def _uses_tools(message: Message) -> bool:
    if message["role"] in ("tool", "function"):
        return True
    return bool(message.get("tool_calls") or message.get("function_call"))


def _normal(message: Message, names: CallNames) -> Item:
    """A message as it enters the scope: absent, null and empty fields alike, calls renamed.

    The SDK's own objects, sent back as an earlier turn, are full of nulls and empty lists.
    """
    item = {name: value for name, value in message.items() if value not in (None, [])}
    item["content"] = content.normal(message.get("content"))
    if is_list(item.get("tool_calls")):
        item["tool_calls"] = [names.renamed(call, "id") for call in item["tool_calls"]]
    renamed: Item = names.renamed(item, "tool_call_id")
    return renamed
