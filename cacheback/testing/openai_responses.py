"""Speaks Responses as OpenAI does: one JSON object, or events from `created` to `completed`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from cacheback.models import JSON
from cacheback.testing import openai_chat, speech
from cacheback.testing.script import Reply

Event = dict[str, JSON]

error = openai_chat.error

_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
# What a response repeats of its request.
_ECHOED: Mapping[str, JSON] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def understands(body: JSON) -> bool:
    """True for a body whose input is a text or a list of item objects."""
    given = body.get("input") if isinstance(body, Mapping) else None
    if isinstance(given, list):
        return all(isinstance(one, Mapping) for one in given)
    return isinstance(given, str)


def question(body: Mapping[str, JSON]) -> str:
    """The last user text."""
    given = body["input"]
    items = given if isinstance(given, list) else [{"role": "user", "content": given}]
    return speech.last_user_text(items)


def completion(body: Mapping[str, JSON], reply: Reply) -> JSON:
    """The reply as one JSON object."""
    return _ended(_envelope(body), body, reply)


def _envelope(body: Mapping[str, JSON]) -> dict[str, JSON]:
    """A response as it is when it has just begun."""
    echoed = {name: body.get(name, default) for name, default in _ECHOED.items()}
    return {
        "id": speech.fresh("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": body.get("model"),
        "output": [],
        "service_tier": "default",
        "usage": None,
        **echoed,
    }


def _ended(envelope: Mapping[str, JSON], body: Mapping[str, JSON], reply: Reply) -> dict[str, JSON]:
    reason = _CUT.get(reply.finish_reason or "")
    status = "incomplete" if reason else "completed"
    return {
        **envelope,
        "status": status,
        "completed_at": None if reason else int(time.time()),
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(_items(reply, status)),
        "usage": _usage(body, reply),
    }


def _items(reply: Reply, status: str) -> Iterator[dict[str, JSON]]:
    thoughts = reply.extra.get("reasoning_content")
    if thoughts:
        summary = [{"type": "summary_text", "text": thoughts}]
        yield {"id": speech.fresh("rs_"), "type": "reasoning", "summary": summary}
    if reply.text or reply.extra.get("refusal"):
        yield {
            "id": speech.fresh("msg_"),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [_part(reply)],
        }
    for call in reply.tool_calls:
        yield {
            "id": speech.fresh("fc_"),
            "type": "function_call",
            "status": "completed",
            "call_id": speech.call_id(call, "call_"),
            "name": call.name,
            "arguments": call.arguments,
        }


def _part(reply: Reply) -> JSON:
    if reply.extra.get("refusal"):
        return {"type": "refusal", "refusal": reply.extra["refusal"]}
    cited = reply.extra.get("annotations", [])
    return {"type": "output_text", "annotations": cited, "logprobs": [], "text": reply.text}


def _usage(body: Mapping[str, JSON], reply: Reply) -> JSON:
    items = body["input"] if isinstance(body["input"], list) else [{"content": body["input"]}]
    texts = [body.get("instructions") or "", *(speech.text_of(one.get("content")) for one in items)]
    usage = speech.usage(reply, sum(map(speech.tokens, texts)))
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total,
    }


def events(body: Mapping[str, JSON], reply: Reply) -> list[bytes]:
    """The reply as server-sent events; text and arguments come word by word."""
    begun = _envelope(body)
    ended = _ended(begun, body, reply)
    said: list[Event] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *(event for index, item in enumerate(ended["output"]) for event in _item(index, item)),
        {"type": f"response.{ended['status']}", "response": ended},
    ]
    return [
        speech.event(one["type"], {**one, "sequence_number": number})
        for number, one in enumerate(said)
    ]


def failure(message: str) -> bytes:
    """The event by which the provider breaks a stream off."""
    said = {"code": "server_error", "message": message, "param": None, "sequence_number": 0}
    return speech.event("error", {"type": "error", **said})


def _item(index: int, item: Mapping[str, JSON]) -> Iterator[Event]:
    where = {"output_index": index, "item_id": item["id"]}
    kind = item["type"]
    field = {"message": "content", "reasoning": "summary", "function_call": "arguments"}[kind]
    begun = {**item, field: type(item[field])()}
    begun |= {"status": "in_progress"} if "status" in item else {}
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    if kind == "function_call":
        yield from _spoken(
            "response.function_call_arguments", item["arguments"], "arguments", where
        )
    elif kind == "reasoning":
        yield from _summary(item["summary"][0], {**where, "summary_index": 0})
    else:
        yield from _content(item["content"][0], {**where, "content_index": 0})
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _spoken(kind: str, text: str, field: str, where: Mapping[str, JSON]) -> Iterator[Event]:
    for word in speech.words(text):
        yield {"type": f"{kind}.delta", "delta": word, **where}
    yield {"type": f"{kind}.done", field: text, **where}


def _summary(part: Mapping[str, JSON], where: Mapping[str, JSON]) -> Iterator[Event]:
    begun = {**part, "text": ""}
    yield {"type": "response.reasoning_summary_part.added", "part": begun, **where}
    yield from _spoken("response.reasoning_summary_text", part["text"], "text", where)
    yield {"type": "response.reasoning_summary_part.done", "part": part, **where}


def _content(part: Mapping[str, JSON], where: Mapping[str, JSON]) -> Iterator[Event]:
    kind, field = part["type"], "text" if part["type"] == "output_text" else "refusal"
    begun = {**part, field: "", **({"annotations": []} if field == "text" else {})}
    yield {"type": "response.content_part.added", "part": begun, **where}
    more: Mapping[str, JSON] = {**where, "logprobs": []} if field == "text" else where
    *deltas, done = _spoken(f"response.{kind}", part[field], field, more)
    yield from deltas
    for index, annotation in enumerate(part.get("annotations") or []):
        said = {"annotation_index": index, "annotation": annotation}
        yield {"type": "response.output_text.annotation.added", **said, **where}
    yield done
    yield {"type": "response.content_part.done", "part": part, **where}
