"""What a scripted provider may be told to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cacheback.models import JSON, ToolCall, Usage
from cacheback.testing.loopback import Call


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a scripted provider, good or broken.

    The first group of fields is dressed as the endpoint's own JSON or, when the caller asked for a
    stream, as its events. From a status of 400 on, it is the provider's error, and `text` its
    message.

    Args:
        text: what the model says.
        tool_calls: the calls it asks for; an empty id is replaced by a fresh one.
        finish_reason: how it ended, in the words of chat completions (`stop`, `length`,
            `tool_calls`, `content_filter`) or the endpoint's own; None for how such an answer ends.
        usage: None counts the words that came and went.
        extra: further fields of the message, such as `refusal`, `reasoning_content` or
            `annotations`, told in the endpoint's own way where it has one.
        payload: JSON to send instead of all the above, as it is.
        body: bytes to send instead of all the above, as they are: malformed JSON, raw events.
        status: the HTTP status.
        headers: further headers; they win over those that would be sent.
        delay: seconds before the first byte; None for the server's latency.
        fail_after: events of a stream after which the provider's error event ends it.
        cut_after: bytes of body (on the wire) after which the connection is cut.
        gzip: compress the body.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)

    payload: JSON = None
    body: bytes | None = None

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float | None = None
    fail_after: int | None = None
    cut_after: int | None = None
    gzip: bool = False


Answering: TypeAlias = str | Mapping[str, JSON] | Reply
"""A text, the JSON to send as it is, or a whole reply."""

Script: TypeAlias = Callable[[Call], Answering]


def as_reply(answering: Answering) -> Reply:
    if isinstance(answering, Reply):
        return answering
    return Reply(text=answering) if isinstance(answering, str) else Reply(payload=answering)
