"""Messages as Anthropic speaks them, beta or not: request bodies in, answers in and out.

What may live here: what the fields of a request and of a message mean. What it may not know: HTTP,
clocks, randomness. Foreign JSON is never an error: `parse` and `answer` return None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from cacheback.models import JSON, Answer, Reason, ToolCall, Usage
from cacheback.wire import anthropic_stream, shapes
from cacheback.wire.anthropic_turns import Conversation, conversation, system
from cacheback.wire.codec import Parsed
from cacheback.wire.content import Item
from cacheback.wire.shapes import are_objects

FORMAT = "anthropic.messages"
ID_PREFIX = "msg_"
_PROVIDER = "anthropic"

# What cannot change the answer: who asks, how it is transported or cached upstream.
_WITHOUT_EFFECT = frozenset({"cache_control", "metadata", "stream"})

# Saying one of these is the same as not saying it (Anthropic API reference, "Create a Message").
_DEFAULTS: Mapping[str, JSON] = {
    "mcp_servers": [],
    "service_tier": "auto",
    "stop_sequences": [],
    "tools": [],
}

# How a complete answer may end. `max_tokens` and `model_context_window_exceeded` are cut off,
# `pause_turn` wants to be continued, and a `refusal` is a safety system's, which may cut a message
# anywhere and may let the same question pass the next time. An unknown ending may be anything.
_WHOLE = frozenset({"end_turn", "stop_sequence", "tool_use"})

# Blocks that are what they say. Others live in a container at the provider's that expires, or are
# an action that took place there; and of a block that we have never heard of we do not know.
_LASTING = frozenset(
    {
        "redacted_thinking",
        "server_tool_use",
        "text",
        "thinking",
        "tool_search_tool_result",
        "tool_use",
        "web_fetch_tool_result",
        "web_search_tool_result",
    }
)


def parse(body: JSON) -> Parsed | None:
    """Read a request's body; None when it is not a request for a message as we know it."""
    if not isinstance(body, Mapping):
        return None
    turns = conversation(body.get("messages"))
    if turns is None:
        return None
    fields = shapes.fields(body, _DEFAULTS)
    shape, style = _output(fields)
    return Parsed(
        question=turns.question,
        parts=shapes.filled(dict(_parts(fields, turns, shape, style))),
        limits=tuple(_limits(fields, turns, shape)),
        stream=body.get("stream") is True,
        temperature=shapes.number(fields.get("temperature")),
    )


def _output(fields: Mapping[str, JSON]) -> tuple[JSON, JSON]:
    """The wanted format, in either place where it may stand, and the rest of `output_config`."""
    config = fields.get("output_config")
    if not isinstance(config, Mapping):
        return fields.get("output_format"), config
    said = {name: value for name, value in config.items() if value is not None}
    return said.pop("format", fields.get("output_format")), said


def _parts(
    fields: Mapping[str, JSON], turns: Conversation, shape: JSON, style: JSON
) -> Iterator[tuple[str, JSON]]:
    yield "model", fields.get("model")
    yield "system", system(fields.get("system"))
    yield "history", turns.history
    yield "attachments", turns.attachments
    yield "tools", _tools(fields)
    yield "tool_choice", fields.get("tool_choice")
    yield "response_format", shape
    rest = {name: value for name, value in fields.items() if name not in _NAMED}
    yield "parameters", rest | ({"output_config": style} if style else {})


_NAMED = frozenset(
    {
        "mcp_servers",
        "messages",
        "model",
        "output_config",
        "output_format",
        "system",
        "tool_choice",
        "tools",
        *_WITHOUT_EFFECT,
    }
)


def _tools(fields: Mapping[str, JSON]) -> JSON:
    """The tools, without hints for upstream's cache; with servers of tools, each by its name."""
    tools = fields.get("tools")
    if are_objects(tools):
        tools = [_uncached(tool) for tool in tools]
    if "mcp_servers" not in fields:
        return tools
    return shapes.filled({"tools": tools, "mcp_servers": fields["mcp_servers"]})


def _uncached(tool: Mapping[str, JSON]) -> Item:
    return {name: value for name, value in tool.items() if name != "cache_control"}


def _limits(fields: Mapping[str, JSON], turns: Conversation, shape: JSON) -> Iterator[Reason]:
    if "container" in fields:  # it holds files from earlier turns
        yield Reason.STATEFUL
    if not turns.question.strip():
        yield Reason.NO_QUESTION
    if turns.has_tools or (_tools(fields) and not _no_tools(fields.get("tool_choice"))):
        yield Reason.TOOLS_EXACT_ONLY
    if shape is not None:
        yield Reason.STRUCTURED_EXACT_ONLY


def _no_tools(choice: JSON) -> bool:
    return isinstance(choice, Mapping) and choice.get("type") == "none"


def answer(payload: JSON) -> Answer | None:
    """Read a message; None when it is an error, cut short, empty, or not as we know it."""
    if not isinstance(payload, Mapping) or not _is_whole(payload):
        return None
    blocks = payload.get("content")
    if not are_objects(blocks) or not all(_lasts(block) for block in blocks):
        return None
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = tuple(_call(block) for block in blocks if block["type"] == "tool_use")
    if not (text or calls):
        return None
    thoughts = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    return Answer(
        text=text,
        tool_calls=calls,
        reasoning="\n".join(thoughts) or None,
        finish_reason=payload["stop_reason"],
        usage=_usage(payload.get("usage")),
        model=shapes.text(payload.get("model")),
        provider=_PROVIDER,
        format=FORMAT,
        raw=payload,
    )


def _is_whole(payload: Mapping[str, JSON]) -> bool:
    """True for a message that ended by itself and has no container, which would expire."""
    reason = payload.get("stop_reason")
    is_message = payload.get("type") == "message" and payload.get("container") is None
    return is_message and isinstance(reason, str) and reason in _WHOLE


def _lasts(block: Mapping[str, JSON]) -> bool:
    match block:
        case (
            {"type": "text", "text": str()}
            | {"type": "thinking", "thinking": str()}
            | {"type": "tool_use", "id": str(), "name": str(), "input": Mapping()}
        ):
            return True
        case {"type": "text" | "thinking" | "tool_use"}:
            return False
    kind = block.get("type")
    return isinstance(kind, str) and kind in _LASTING


def _call(block: Mapping[str, JSON]) -> ToolCall:
    return ToolCall(block["id"], block["name"], json.dumps(block["input"], ensure_ascii=False))


def _usage(given: JSON) -> Usage | None:
    """All tokens that went in: `input_tokens` alone leaves out those that a cache upstream held."""
    match given:
        case {"input_tokens": int(fresh), "output_tokens": int(output_tokens)}:
            cached = (given.get(name) for name in _CACHED)
            return Usage(fresh + sum(n for n in cached if isinstance(n, int)), output_tokens)
    return None


_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")


def render(
    answer: Answer,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,  # noqa: ARG001 - a message does not tell its time
    marks: Mapping[str, JSON],
    model: str = "",
) -> dict[str, JSON]:
    """The message that an Anthropic SDK expects, with a fresh id and our marks."""
    body = answer.raw if answer.format == FORMAT and answer.raw else _dressed(answer, id, model)
    return {**body, "id": id, **marks}


def _dressed(answer: Answer, id: str, model: str) -> dict[str, JSON]:  # noqa: A002 - as above
    # Without its reasoning: a thinking block needs a signature that only the provider can give.
    usage = answer.usage or Usage()
    text = [{"type": "text", "text": answer.text}] if answer.text else []
    return {
        "type": "message",
        "role": "assistant",
        "model": answer.model or model,
        "content": [*text, *_tool_uses(answer, id)],
        "stop_reason": "tool_use" if answer.tool_calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens},
    }


def _tool_uses(answer: Answer, id: str) -> Iterator[JSON]:  # noqa: A002 - as above
    for index, call in enumerate(answer.tool_calls):
        own = call.id or f"toolu_{id.partition('_')[2]}_{index}"
        yield {"type": "tool_use", "id": own, "name": call.name, "input": _input(call.arguments)}


def _input(arguments: str) -> JSON:
    """A call's arguments as the object that they must be here."""
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        given = None
    return given if isinstance(given, dict) else {"input": arguments}


def mark(payload: Mapping[str, JSON], marks: Mapping[str, JSON]) -> dict[str, JSON]:
    """A provider's own body with our marks at its top level."""
    return {**payload, **marks}


def recorder(body: JSON) -> anthropic_stream.MessageRecorder:  # noqa: ARG001 - the codec's
    """A recorder for the stream that answers a request."""
    return anthropic_stream.MessageRecorder(answer)


def render_stream(
    answer: Answer,
    body: JSON,  # noqa: ARG001 - the codec's
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str = "",
) -> Iterator[bytes]:
    """As `render`, but as the events of a stream; our marks stand in the message it starts with."""
    rendered = render(answer, id=id, created=created, marks=marks, model=model)
    return anthropic_stream.events(rendered)


def voice(
    body: JSON,  # noqa: ARG001 - the codec's
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str,
) -> anthropic_stream.MessageVoice:
    """What tells a text as the stream that the request asks for, while it is being written."""
    rendered = render(Answer("", model=model), id=id, created=created, marks=marks)
    return anthropic_stream.MessageVoice(rendered)
