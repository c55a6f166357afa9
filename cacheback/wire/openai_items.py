"""What the `input` of OpenAI's Responses says: the question, and what was said around it.

What may live here: the items of an input. What it may not know: the rest of a request. Equivalent
ways to write an item become one; nothing that can change the answer is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from cacheback.models import JSON
from cacheback.wire import content
from cacheback.wire.content import CallNames, Item
from cacheback.wire.shapes import are_objects

_MESSAGE = "message"
_REFERENCE = "item_reference"

# Items that say themselves all that they mean, so that the id which the provider made up for them
# means nothing. The id of any other (a reasoning item, a reference) may be looked up there.
_SELF_CONTAINED = frozenset(
    {
        _MESSAGE,
        "custom_tool_call",
        "custom_tool_call_output",
        "function_call",
        "function_call_output",
    }
)

# What a message's item says of itself.
_OWN = ("type", "role", "content", "id", "status")


@dataclass(frozen=True, slots=True)
class Conversation:
    """An input, taken apart: the fields of `openai_messages.Conversation`, and `refers`.

    `refers` tells whether an item is only named, and kept by the provider.
    """

    question: str
    system: list[Item]
    history: list[Item]
    attachments: list[Item]
    has_tools: bool
    refers: bool


def conversation(given: JSON) -> Conversation | None:
    """Take an input apart; None when it is neither a text nor a non-empty list of items."""
    if isinstance(given, str):
        return Conversation(given, [], [], [], has_tools=False, refers=False)
    if not are_objects(given) or not given or not all(_readable(one) for one in given):
        return None
    system = list(takewhile(lambda one: _role(one) in ("system", "developer"), given))
    turns = given[len(system) :]
    names = CallNames()
    asking = turns[-1] if turns and _role(turns[-1]) == "user" else {}
    earlier = turns[:-1] if asking else turns
    question, attachments = content.asked(asking.get("content"))
    return Conversation(
        question=question,
        system=[_normal(one, names) for one in system],
        history=[*(_normal(one, names) for one in earlier), *content.beside(asking, _OWN)],
        attachments=attachments,
        has_tools=any(_is_call(one) for one in earlier),
        refers=any(_kind(one) == _REFERENCE for one in given),
    )


def _kind(item: Mapping[str, JSON]) -> JSON:
    """An item's type; a message may leave it out, and so may a reference."""
    return item.get("type") or (_MESSAGE if "role" in item else _REFERENCE)


def _role(item: Mapping[str, JSON]) -> JSON:
    return item.get("role") if _kind(item) == _MESSAGE else None


def _readable(item: Mapping[str, JSON]) -> bool:
    if not isinstance(_kind(item), str):
        return False
    if _kind(item) != _MESSAGE:
        return True
    return isinstance(item.get("role"), str) and content.readable(item.get("content"))


def _is_call(item: Mapping[str, JSON]) -> bool:
    kind = str(_kind(item))
    return kind.endswith(("_call", "_call_output")) or kind.startswith("mcp_")


def _normal(item: Mapping[str, JSON], names: CallNames) -> Item:
    """An item as it enters the scope: absent, null and empty fields alike, calls renamed."""
    kind = _kind(item)
    meaningless = {"id"} if kind in _SELF_CONTAINED else set()
    if item.get("status") == "completed":  # what has come back is complete
        meaningless.add("status")
    said = {k: v for k, v in item.items() if k not in meaningless and v not in (None, [])}
    for field in ("content", "output"):
        if field not in said:
            continue
        if content.readable(said[field]):
            said[field] = content.normal(said[field])
        elif isinstance(said[field], Mapping):  # a screenshot
            said[field] = content.part(said[field])
    renamed: Item = names.renamed({**said, "type": kind}, "call_id")
    return renamed
