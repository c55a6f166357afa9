"""Speaks chat completions as OpenAI does: one JSON object, or events word by word."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping

from cacheback.models import JSON, ToolCall
from cacheback.testing import speech
from cacheback.testing.script import Reply

# What a chat costs besides its words: OpenAI's cookbook, "How to count tokens with tiktoken".
_TOKENS_PER_MESSAGE = 3
_TOKENS_PER_REPLY = 3

# Fields of a message that come word by word.
_SPOKEN = frozenset({"content", "reasoning", "reasoning_content", "refusal"})

_ERRORS = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "unknown_url"),
    429: ("requests", "rate_limit_exceeded"),
}


def understands(body: JSON) -> bool:
    """True for a body with a list of message objects."""
    messages = body.get("messages") if isinstance(body, Mapping) else None
    return isinstance(messages, list) and all(isinstance(one, Mapping) for one in messages)


def question(body: Mapping[str, JSON]) -> str:
    """The last user text."""
    return speech.last_user_text(body["messages"])


def completion(body: Mapping[str, JSON], reply: Reply) -> JSON:
    """The reply as one JSON object, with as many choices as were asked for."""
    content = None if _has_no_text(reply) else reply.text
    message: dict[str, JSON] = {"role": "assistant", "content": content, "refusal": None}
    if reply.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in reply.tool_calls]
    return _envelope(body, "chat.completion") | {
        "choices": [
            {
                "index": index,
                "message": {**message, **reply.extra},
                "logprobs": None,
                "finish_reason": _finish_reason(reply),
            }
            for index in range(body.get("n") or 1)
        ],
        "usage": _usage(body, reply),
    }


def events(body: Mapping[str, JSON], reply: Reply) -> list[bytes]:
    """The reply as server-sent events, one per word, the last one being `[DONE]`."""
    options = body.get("stream_options") or {}
    envelope = _envelope(body, "chat.completion.chunk")
    counted: dict[str, JSON] = {"usage": None} if options.get("include_usage") else {}
    chunks = [
        {**envelope, "choices": [choice], **counted}
        for index in range(body.get("n") or 1)
        for choice in _choices(index, reply)
    ]
    if counted:
        chunks.append({**envelope, "choices": [], "usage": _usage(body, reply)})
    return [_event(json.dumps(chunk)) for chunk in chunks] + [_event("[DONE]")]


def failure(message: str) -> bytes:
    """The event by which the provider breaks a stream off."""
    return _event(json.dumps(error(500, message)))


def error(status: int, message: str) -> JSON:
    """An error body, with the type and code that OpenAI gives for the status."""
    fallback = ("server_error", None) if status >= 500 else ("invalid_request_error", None)
    kind, code = _ERRORS.get(status, fallback)
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _envelope(body: Mapping[str, JSON], kind: str) -> dict[str, JSON]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": body.get("model"),
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _choices(index: int, reply: Reply) -> Iterator[JSON]:
    for delta in _deltas(reply):
        yield {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
    end = _finish_reason(reply)
    yield {"index": index, "delta": {}, "logprobs": None, "finish_reason": end}


def _has_no_text(reply: Reply) -> bool:
    """True for calls or a refusal alone; an answer that is merely empty has its empty text."""
    return not reply.text and bool(reply.tool_calls or reply.extra.get("refusal"))


def _deltas(reply: Reply) -> Iterator[JSON]:
    content = None if _has_no_text(reply) else ""
    extra = {name: value for name, value in reply.extra.items() if name not in _SPOKEN}
    yield {"role": "assistant", "content": content, "refusal": None, **extra}
    for name, text in (*reply.extra.items(), ("content", reply.text)):
        for word in speech.words(text) if name in _SPOKEN else ():
            yield {name: word}
    for index, call in enumerate(reply.tool_calls):
        whole = _tool_call(call)
        yield {
            "tool_calls": [
                {**whole, "index": index, "function": {"name": call.name, "arguments": ""}}
            ]
        }
        for word in speech.words(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": word}}]}


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _tool_call(call: ToolCall) -> dict[str, JSON]:
    return {
        "id": speech.call_id(call, "call_"),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _finish_reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def _usage(body: Mapping[str, JSON], reply: Reply) -> JSON:
    texts = [speech.text_of(one.get("content")) for one in body["messages"]]
    asked = sum(speech.tokens(text) + _TOKENS_PER_MESSAGE for text in texts) + _TOKENS_PER_REPLY
    usage = speech.usage(reply, asked, body.get("n") or 1)
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
