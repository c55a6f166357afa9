"""The `output` of OpenAI's Responses: what its items say, and items that say an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cacheback.models import JSON, Answer, ToolCall, Usage
from cacheback.wire.shapes import are_objects

Item = Mapping[str, JSON]
Items = Sequence[Item]

_EXPIRING_CITATION = "container_file_citation"


@dataclass(frozen=True, slots=True)
class Said:
    """What an output says. `text` is "" when it is only calls or pictures."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    reasoning: str | None


def read(output: JSON) -> Said | None:
    """Read an output; None when it says nothing, is not complete, or may not be kept."""
    if not are_objects(output) or not all(_lasts(item) for item in output):
        return None
    text = "".join(_texts(output))
    calls = tuple(_calls(output))
    pictured = any(item["type"] == "image_generation_call" for item in output)
    return Said(text, calls, _reasoning(output)) if text or calls or pictured else None


def _lasts(item: Item) -> bool:
    """True for a complete item that is what it says.

    Others ask for an action by the caller's machine, are an action that took place at the
    provider's, or live in a container there that expires; and of an item that we have never heard
    of we do not know.
    """
    if item.get("status") not in (None, "completed"):
        return False
    match item:
        case {"type": "message", "content": content}:
            return are_objects(content) and all(_is_part(part) for part in content)
        case (
            {"type": "function_call", "call_id": str(), "name": str(), "arguments": str()}
            | {"type": "custom_tool_call", "call_id": str(), "name": str(), "input": str()}
            | {"type": "image_generation_call", "result": str()}
            | {"type": "file_search_call" | "reasoning" | "web_search_call"}
        ):
            return True
    return False


def _is_part(part: Item) -> bool:
    match part:
        case {"type": "output_text", "text": str()}:
            cited = part.get("annotations") or []
            return are_objects(cited) and all(
                one.get("type") != _EXPIRING_CITATION for one in cited
            )
        case {"type": "refusal", "refusal": str()}:
            return True
    return False


def _texts(output: Items) -> Iterator[str]:
    for item in output:
        for part in item["content"] if item["type"] == "message" else ():
            yield part["text"] if part["type"] == "output_text" else part["refusal"]


def _calls(output: Items) -> Iterator[ToolCall]:
    for item in output:
        if item["type"] == "function_call":
            yield ToolCall(item["call_id"], item["name"], item["arguments"])
        elif item["type"] == "custom_tool_call":
            yield ToolCall(item["call_id"], item["name"], item["input"])


def _reasoning(output: Items) -> str | None:
    """What the model thought, or its summary of that where the thoughts are not told."""
    told = [item for item in output if item["type"] == "reasoning"]
    thoughts = [text for item in told for text in _thoughts(item.get("content"))]
    thoughts = thoughts or [text for item in told for text in _thoughts(item.get("summary"))]
    return "\n".join(thoughts) or None


def _thoughts(parts: JSON) -> list[str]:
    if not are_objects(parts):
        return []
    return [part["text"] for part in parts if isinstance(part.get("text"), str)]


def usage(given: JSON) -> Usage | None:
    match given:
        case {"input_tokens": int(input_tokens), "output_tokens": int(output_tokens)}:
            return Usage(input_tokens, output_tokens)
    return None


def dressed(answer: Answer, id: str, model: str) -> dict[str, JSON]:  # noqa: A002 - as in `render`
    """A response that says an answer which came otherwise; its items are named after its id."""
    return {
        "object": "response",
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": answer.model or model,
        "output": list(_items(answer, suffix(id))),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": counted(answer.usage),
    }


def counted(usage: Usage | None) -> dict[str, JSON]:
    """A usage as JSON; zeros where it is not known."""
    usage = usage or Usage()
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total,
    }


def message(text: str, suffix: str) -> dict[str, JSON]:
    """The item that says a text."""
    return {
        "id": f"msg_{suffix}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def suffix(id: str) -> str:  # noqa: A002 - as in `render`
    """What the ids of a response's items end with."""
    return id.partition("_")[2] or id


def _items(answer: Answer, suffix: str) -> Iterator[JSON]:
    if answer.text:
        yield message(answer.text, suffix)
    for index, call in enumerate(answer.tool_calls):
        yield {
            "id": f"fc_{suffix}_{index}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id or f"call_{suffix}_{index}",
            "name": call.name,
            "arguments": call.arguments,
        }
