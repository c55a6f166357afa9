"""Speaks legacy completions as OpenAI does: one JSON object, or events word by word."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from cacheback.models import JSON
from cacheback.testing import openai_chat, speech
from cacheback.testing.script import Reply

error = openai_chat.error
failure = openai_chat.failure


def understands(body: JSON) -> bool:
    """True for a body with a prompt: a text, or a list of texts or tokens."""
    return isinstance(body, Mapping) and isinstance(body.get("prompt"), str | list)


def question(body: Mapping[str, JSON]) -> str:
    """The prompt, or the first of several; tokens are not read."""
    prompts = _prompts(body)
    return prompts[0] if isinstance(prompts[0], str) else ""


def completion(body: Mapping[str, JSON], reply: Reply) -> JSON:
    """The reply as one JSON object, with as many choices for each prompt as were asked for."""
    choices = [
        {
            "index": index,
            "text": reply.text,
            "logprobs": None,
            "finish_reason": _finish_reason(reply),
            **reply.extra,
        }
        for index in range(_choices(body))
    ]
    return {**_envelope(body), "choices": choices, "usage": _usage(body, reply)}


def events(body: Mapping[str, JSON], reply: Reply) -> list[bytes]:
    """The reply as server-sent events, one per word, the last one being `[DONE]`."""
    options = body.get("stream_options") or {}
    envelope = _envelope(body)
    counted: dict[str, JSON] = {"usage": None} if options.get("include_usage") else {}
    said = [(word, None) for word in speech.words(reply.text)]
    chunks = [
        {
            **envelope,
            "choices": [{"index": index, "text": text, "logprobs": None, "finish_reason": end}],
            **counted,
        }
        for index in range(_choices(body))
        for text, end in [*said, ("", _finish_reason(reply))]
    ]
    if counted:
        chunks.append({**envelope, "choices": [], "usage": _usage(body, reply)})
    return [f"data: {data}\n\n".encode() for data in [*map(json.dumps, chunks), "[DONE]"]]


def _envelope(body: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        "id": speech.fresh("cmpl-"),
        "object": "text_completion",
        "created": int(time.time()),
        "model": body.get("model"),
        "system_fingerprint": "fp_scripted",
    }


def _prompts(body: Mapping[str, JSON]) -> list[JSON]:
    """The prompts of a request: one text, one list of tokens, or a list of either kind."""
    prompt = body["prompt"]
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list):
        return prompt
    return [prompt]


def _choices(body: Mapping[str, JSON]) -> int:
    return len(_prompts(body)) * (body.get("n") or 1)


def _finish_reason(reply: Reply) -> str:
    return reply.finish_reason or "stop"


def _usage(body: Mapping[str, JSON], reply: Reply) -> JSON:
    prompts = _prompts(body)
    asked = sum(speech.tokens(one) if isinstance(one, str) else len(one) for one in prompts)
    usage = speech.usage(reply, asked, _choices(body))
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
    }
