"""What every dialect needs to say a reply: words, tokens, events, fresh ids."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence

from cacheback.models import JSON, ToolCall, Usage
from cacheback.testing.script import Reply


def words(text: str) -> list[str]:
    """Words with the white space after them: joined, they are the text."""
    return re.findall(r"^\s+|\S+\s*", text)


def tokens(text: str) -> int:
    """About as many as a tokenizer finds: words and signs."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def usage(reply: Reply, asked: int, choices: int = 1) -> Usage:
    """The reply's usage; where it says none, the tokens asked and those that it says."""
    said = reply.text + "".join(call.name + call.arguments for call in reply.tool_calls)
    return reply.usage or Usage(asked, tokens(said) * choices)


def fresh(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:24]}"


def call_id(call: ToolCall, prefix: str) -> str:
    return call.id or fresh(prefix)


def event(name: str, data: JSON) -> bytes:
    """An event with its name and JSON, as Anthropic and Responses have them."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def last_user_text(messages: Sequence[Mapping[str, JSON]]) -> str:
    """What a user said last, or "" when none did."""
    users = (one.get("content") for one in reversed(messages) if one.get("role") == "user")
    return text_of(next(users, ""))


def text_of(content: JSON) -> str:
    """The text of a message's content, which is one text or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or [] if isinstance(part.get("text"), str))
