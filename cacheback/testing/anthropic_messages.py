"""Speaks messages as Anthropic does: one JSON object, or named events with a ping among them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping

from cacheback.models import JSON, ToolCall
from cacheback.testing import speech
from cacheback.testing.script import Reply

Block = dict[str, JSON]

_STOP_REASONS = {
    "content_filter": "refusal",
    "length": "max_tokens",
    "stop": "end_turn",
    "tool_calls": "tool_use",
}
# Fields of `Reply.extra` that are not fields of the message, but have blocks of their own.
_IN_BLOCKS = frozenset({"annotations", "reasoning_content", "refusal"})
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def understands(body: JSON) -> bool:
    """True for a body with a list of message objects and a limit of tokens."""
    messages = body.get("messages") if isinstance(body, Mapping) else None
    if not isinstance(messages, list) or "max_tokens" not in body:
        return False
    return all(isinstance(one, Mapping) for one in messages)


def question(body: Mapping[str, JSON]) -> str:
    """The last user text."""
    return speech.last_user_text(body["messages"])


def completion(body: Mapping[str, JSON], reply: Reply) -> JSON:
    """The reply as one JSON object."""
    calls = "tool_calls" if reply.tool_calls else "stop"
    reason = reply.finish_reason or calls
    extra = {name: value for name, value in reply.extra.items() if name not in _IN_BLOCKS}
    return {
        "id": speech.fresh("msg_"),
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": list(_blocks(reply)),
        "stop_reason": _STOP_REASONS.get(reason, reason),
        "stop_sequence": None,
        "usage": _usage(body, reply),
        **extra,
    }


def _blocks(reply: Reply) -> Iterator[Block]:
    thoughts = reply.extra.get("reasoning_content")
    if thoughts:
        signature = base64.b64encode(thoughts.encode()).decode()
        yield {"type": "thinking", "thinking": thoughts, "signature": signature}
    text = reply.text or reply.extra.get("refusal")
    if text:
        cited = reply.extra.get("annotations")
        yield {"type": "text", "text": text, **({"citations": cited} if cited else {})}
    for call in reply.tool_calls:
        yield {"type": "tool_use", "id": speech.call_id(call, "toolu_"), **_given(call)}


def _given(call: ToolCall) -> Block:
    return {"name": call.name, "input": json.loads(call.arguments)}


def _usage(body: Mapping[str, JSON], reply: Reply) -> JSON:
    contents = [body.get("system"), *(one.get("content") for one in body["messages"])]
    usage = speech.usage(reply, sum(speech.tokens(speech.text_of(one)) for one in contents))
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
    }


def events(body: Mapping[str, JSON], reply: Reply) -> list[bytes]:
    """The reply as server-sent events; text, thoughts and inputs come word by word."""
    message = completion(body, reply)
    ended = {name: message[name] for name in ("stop_reason", "stop_sequence")}
    usage = {**message["usage"], "output_tokens": 1}
    begun = {**message, "content": [], **dict.fromkeys(ended), "usage": usage}
    said: list[Block] = [
        {"type": "message_start", "message": begun},
        {"type": "ping"},
        *(event for index, one in enumerate(message["content"]) for event in _block(index, one)),
        {
            "type": "message_delta",
            "delta": ended,
            "usage": {"output_tokens": message["usage"]["output_tokens"]},
        },
        {"type": "message_stop"},
    ]
    return [speech.event(one["type"], one) for one in said]


def _block(index: int, block: Block) -> Iterator[Block]:
    begun, *deltas = _DELTAS[block["type"]](block)
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _text(block: Block) -> Iterator[Block]:
    cited = block.get("citations", [])
    yield {**block, "text": "", **({"citations": []} if cited else {})}
    for word in speech.words(block["text"]):
        yield {"type": "text_delta", "text": word}
    for citation in cited:
        yield {"type": "citations_delta", "citation": citation}


def _thinking(block: Block) -> Iterator[Block]:
    yield {**block, "thinking": "", "signature": ""}
    for word in speech.words(block["thinking"]):
        yield {"type": "thinking_delta", "thinking": word}
    yield {"type": "signature_delta", "signature": block["signature"]}


def _tool_use(block: Block) -> Iterator[Block]:
    yield {**block, "input": {}}
    for word in ["", *speech.words(json.dumps(block["input"]))]:
        yield {"type": "input_json_delta", "partial_json": word}


_DELTAS: Mapping[str, Callable[[Block], Iterator[Block]]] = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _tool_use,
}


def failure(message: str) -> bytes:
    """The event by which the provider breaks a stream off."""
    return speech.event("error", error(529, message))


def error(status: int, message: str) -> JSON:
    """An error body, with the type that Anthropic gives for the status."""
    kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    said = {"type": kind, "message": message}
    return {"type": "error", "error": said, "request_id": speech.fresh("req_")}
