"""What OpenAI's `messages` say: the question, and everything that was said around it.

What may live here: the roles, content forms and attachments of messages. What it may not know:
the rest of a request. Equivalent ways to write a message become one; nothing that can change the
answer is left out. No function recurses: foreign JSON may be nested deeply.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from cacheback.models import JSON

Message = Mapping[str, JSON]
Item = dict[str, JSON]


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
    if not _is_list(messages) or not messages or not all(_is_message(one) for one in messages):
        return None
    system = list(takewhile(lambda one: one["role"] in ("system", "developer"), messages))
    turns = messages[len(system) :]
    names = _CallNames()
    asked = bool(turns) and turns[-1]["role"] == "user"
    earlier = turns[:-1] if asked else turns
    question, beside, attachments = _asked(turns[-1]) if asked else ("", [], [])
    return Conversation(
        question=question,
        system=_system([_normal(one, names) for one in system]),
        history=[*(_normal(one, names) for one in earlier), *beside],
        attachments=attachments,
        has_tools=any(_uses_tools(one) for one in earlier),
    )


def _is_list(value: JSON) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_message(value: JSON) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("role"), str):
        return False
    content = value.get("content")
    return content is None or isinstance(content, str) or _are_parts(content)


def _are_parts(content: JSON) -> bool:
    return _is_list(content) and all(isinstance(part, Mapping) for part in content)


def _system(messages: list[Item]) -> JSON:
    if len(messages) == 1 and messages[0] == {"role": "system", "content": messages[0]["content"]}:
        return messages[0]["content"]
    return messages


def _uses_tools(message: Message) -> bool:
    if message["role"] in ("tool", "function"):
        return True
    return bool(message.get("tool_calls") or message.get("function_call"))


def _normal(message: Message, names: _CallNames) -> Item:
    """A message as it enters the scope: absent, null and empty fields alike, calls renamed.

    The SDK's own objects, sent back as an earlier turn, are full of nulls and empty lists.
    """
    item = {name: value for name, value in message.items() if value not in (None, [])}
    item["content"] = _content(message.get("content"))
    if _is_list(item.get("tool_calls")):
        item["tool_calls"] = [names.renamed(call, "id") for call in item["tool_calls"]]
    renamed: Item = names.renamed(item, "tool_call_id")
    return renamed


class _CallNames:
    """Names calls by the order in which they appear: the provider makes up their ids at random."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def renamed(self, item: JSON, field: str) -> JSON:
        if not isinstance(item, Mapping) or not isinstance(item.get(field), str):
            return item
        name = self._names.setdefault(item[field], f"call_{len(self._names)}")
        return {**item, field: name}


def _content(content: JSON) -> JSON:
    """A single plain text part is that text; attachments are their digests."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = [_part(part) for part in content]
    return parts[0]["text"] if len(parts) == 1 and _is_plain(parts[0]) else parts


def _asked(message: Message) -> tuple[str, list[Item], list[Item]]:
    """The question, what else its message says (such as a name), and what is attached to it."""
    rest = {k: v for k, v in message.items() if k not in ("role", "content") and v is not None}
    beside = [{"role": "user", **rest}] if rest else []
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or "", beside, []
    parts = [_part(part) for part in content]
    question = "\n".join(part["text"] for part in parts if _is_text(part))
    return question, beside, _layout(parts)


def _layout(parts: list[Item]) -> list[Item]:
    """The attachments in their order, with place holders where text stands.

    Empty when there is nothing but plain text. Every text but the last says how many lines it has:
    else the same joined text could stand differently around a picture.
    """
    if all(_is_plain(part) for part in parts):
        return []
    texts = [index for index, part in enumerate(parts) if _is_text(part)]
    return [
        _placeholder(part, last=index == texts[-1]) if _is_text(part) else part
        for index, part in enumerate(parts)
    ]


def _placeholder(part: Item, *, last: bool) -> Item:
    return {**part, "text": None if last else part["text"].count("\n") + 1}


def _is_text(part: Message) -> bool:
    return part.get("type") == "text" and isinstance(part.get("text"), str)


def _is_plain(part: Message) -> bool:
    return _is_text(part) and len(part) == 2  # noqa: PLR2004 - type and text, nothing else


def _part(part: Message) -> Item:
    """A content part without what has no effect, its data replaced by digests.

    Data stands in the part itself or one level below: {"type": "image_url", "image_url": {…}}.
    """
    kept = {k: v for k, v in part.items() if k != "cache_control" and v is not None}
    if _is_text(kept):
        return kept
    return {name: _digested(name, value) for name, value in kept.items()}


def _digested(name: str, value: JSON) -> JSON:
    if isinstance(value, Mapping):
        said = ((k, v) for k, v in value.items() if v is not None and (k, v) != _DEFAULT_DETAIL)
        return {k: _digest_of(k, v) for k, v in said}
    return _digest_of(name, value)


_DEFAULT_DETAIL = ("detail", "auto")
_DATA_FIELDS = ("data", "file_data")


def _digest_of(name: str, value: JSON) -> JSON:
    """A data URL or a field of base64 → its media type and the SHA-256 of the bytes it stands for.

    An address (http) stays what it is: what it leads to is not known here.
    """
    if not isinstance(value, str):
        return value
    if value.startswith("data:"):
        head, _, data = value.partition(",")
        return f"{head.removesuffix(';base64')},{_sha256(data, encoded=head.endswith(';base64'))}"
    return _sha256(value, encoded=True) if name in _DATA_FIELDS else value


def _sha256(data: str, *, encoded: bool) -> str:
    return "sha256:" + hashlib.sha256(_bytes(data, encoded=encoded)).hexdigest()


def _bytes(data: str, *, encoded: bool) -> bytes:
    """The bytes behind base64; what is not base64 counts as the text that it is."""
    if encoded:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            pass
    return data.encode("utf-8", "surrogatepass")
