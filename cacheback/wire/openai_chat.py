"""Chat completions as OpenAI speaks them: request bodies in, answers in and out.

What may live here: what the fields of a request and of a reply mean. What it may not know: HTTP,
streams, clocks, randomness. Foreign JSON is never an error: `parse` and `answer` return None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cacheback.models import JSON, Answer, Reason, ToolCall
from cacheback.wire import openai_chat_stream, openai_usage, shapes
from cacheback.wire.codec import Parsed
from cacheback.wire.openai_chunks import ChunkRecorder, chunks, expected
from cacheback.wire.openai_messages import Conversation, conversation
from cacheback.wire.shapes import is_list

FORMAT = "openai.chat"
ID_PREFIX = "chatcmpl-"
_PROVIDER = "openai"

# What cannot change the answer: who asks, how it is transported, billed or cached upstream.
_WITHOUT_EFFECT = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream",
        "stream_options",
        "user",
    }
)

# Saying one of these is the same as not saying it (OpenAI API reference, "Create chat completion").
_DEFAULTS: Mapping[str, JSON] = {
    "logprobs": False,
    "n": 1,
    "response_format": {"type": "text"},
    "service_tier": "auto",
}

# What makes a reply another kind of object; kept apart from the parameters, because somebody who
# lets those be ignored still expects two choices when asking for two.
_SHAPE = ("response_format", "n", "logprobs", "top_logprobs", "modalities", "audio")

# How a complete answer may end. `length` and `content_filter` are cut off, and an ending that we
# have never heard of is not known to be whole.
_WHOLE = frozenset({"stop", "tool_calls", "function_call"})


def parse(body: JSON) -> Parsed | None:
    """Read a request's body; None when it is not a chat completion request as we know it."""
    if not isinstance(body, Mapping):
        return None
    turns = conversation(body.get("messages"))
    if turns is None:
        return None
    fields = shapes.fields(body, _DEFAULTS)
    return Parsed(
        question=turns.question,
        parts=shapes.filled(dict(_parts(fields, turns))),
        limits=tuple(_limits(body, fields, turns)),
        stream=body.get("stream") is True,
        temperature=shapes.number(fields.get("temperature")),
    )


def _parts(fields: Mapping[str, JSON], turns: Conversation) -> Iterator[tuple[str, JSON]]:
    yield "model", fields.get("model")
    yield "system", turns.system
    yield "history", turns.history
    yield "attachments", turns.attachments
    yield "tools", _tools(fields)
    yield "tool_choice", _tool_choice(fields)
    yield "response_format", {name: fields[name] for name in _SHAPE if name in fields}
    named = {"model", "messages", *_TOOL_FIELDS, *_CHOICE_FIELDS, *_SHAPE, *_WITHOUT_EFFECT}
    yield "parameters", {name: value for name, value in fields.items() if name not in named}


_TOOL_FIELDS = ("tools", "functions", "web_search_options")
_CHOICE_FIELDS = ("tool_choice", "function_call")


def _tools(fields: Mapping[str, JSON]) -> JSON:
    """The list of tools; with one of the older ways to give tools, each way by its name."""
    given = {name: fields[name] for name in _TOOL_FIELDS if fields.get(name) not in (None, [])}
    return given["tools"] if list(given) == ["tools"] else given


def _tool_choice(fields: Mapping[str, JSON]) -> JSON:
    if "function_call" not in fields:
        return fields.get("tool_choice")
    return {name: fields[name] for name in _CHOICE_FIELDS if name in fields}


def _limits(
    body: Mapping[str, JSON], fields: Mapping[str, JSON], turns: Conversation
) -> Iterator[Reason]:
    if body.get("store") not in (None, False):
        yield Reason.STATEFUL
    if not turns.question.strip():
        yield Reason.NO_QUESTION
    if turns.has_tools or _may_call(fields):
        yield Reason.TOOLS_EXACT_ONLY
    if "response_format" in fields:
        yield Reason.STRUCTURED_EXACT_ONLY
    if "n" in fields:
        yield Reason.CHOICES_EXACT_ONLY
    if "logprobs" in fields or "top_logprobs" in fields:
        yield Reason.LOGPROBS_EXACT_ONLY


def _may_call(fields: Mapping[str, JSON]) -> bool:
    """True when this turn may end in a tool call: the answer is then an action, not a text."""
    return bool(_tools(fields)) and _tool_choice(fields) != "none"


def answer(payload: JSON) -> Answer | None:
    """Read a reply's body; None when it is an error, cut short, empty, or not as we know it."""
    if not isinstance(payload, Mapping) or payload.get("error") is not None:
        return None
    choices = payload.get("choices")
    if not is_list(choices) or not choices or not all(_whole(choice) for choice in choices):
        return None
    message = choices[0]["message"]
    calls = _calls(message)
    text = message.get("content") or message.get("refusal") or ""
    if calls is None or not isinstance(text, str) or not (text or calls):
        return None
    return Answer(
        text=text,
        tool_calls=calls,
        reasoning=_reasoning(message),
        finish_reason=choices[0]["finish_reason"],
        usage=openai_usage.usage(payload.get("usage")),
        model=shapes.text(payload.get("model")),
        provider=_PROVIDER,
        format=FORMAT,
        raw=payload,
    )


def _reasoning(message: Mapping[str, JSON]) -> str | None:
    """What the model thought, under either of the two names that OpenAI's followers use."""
    return shapes.text(message.get("reasoning_content")) or shapes.text(message.get("reasoning"))


def _whole(choice: JSON) -> bool:
    """True when a choice ended by itself and holds nothing that expires at the provider's.

    A spoken answer is named by an id that later turns refer to and that the provider forgets.
    """
    match choice:
        case {"finish_reason": str(reason), "message": Mapping() as message}:
            return reason in _WHOLE and message.get("audio") is None
    return False


def _calls(message: Mapping[str, JSON]) -> tuple[ToolCall, ...] | None:
    """The calls that a message makes, or None when one of them cannot be read."""
    given = message.get("tool_calls") or []
    if not is_list(given):
        return None
    older = message.get("function_call")
    if older is not None:
        given = [*given, {"id": "", "function": older}]
    calls = [_call(one) for one in given]
    return None if None in calls else tuple(call for call in calls if call)


def _call(given: JSON) -> ToolCall | None:
    match given:
        case {"id": str(id_), "function": {"name": str(name), "arguments": str(arguments)}}:
            return ToolCall(id_, name, arguments)
        case {"id": str(id_), "custom": {"name": str(name), "input": str(text)}}:
            return ToolCall(id_, name, text)
    return None


def render(
    answer: Answer,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str = "",
) -> dict[str, JSON]:
    """The body that an OpenAI SDK expects, with a fresh id and time (Unix seconds) and our marks.

    The provider's own body is given back as it was; an answer that came otherwise, such as a text
    that somebody put into the cache, is dressed as one. `model` is named if the answer names none.
    """
    body = answer.raw if answer.format == FORMAT and answer.raw else _dressed(answer, model)
    # A stream that was recorded tells no usage unless its caller asked; `response.usage.…` is
    # read from JSON answers without a thought.
    told = {"usage": openai_usage.told(answer.usage)} if body.get("usage") is None else {}
    return {**body, **told, "id": id, "created": created, **marks}


def _dressed(answer: Answer, model: str) -> dict[str, JSON]:
    message: dict[str, JSON] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool_calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [_rendered(call) for call in answer.tool_calls]
    return {
        "id": "",
        "object": "chat.completion",
        "created": 0,
        "model": answer.model or model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if answer.tool_calls else "stop",
            }
        ],
    }


def _rendered(call: ToolCall) -> JSON:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def mark(payload: Mapping[str, JSON], marks: Mapping[str, JSON]) -> dict[str, JSON]:
    """A provider's own body with our marks at its top level."""
    return {**payload, **marks}


def recorder(body: JSON) -> ChunkRecorder:
    """A recorder for the stream that answers this request."""
    return ChunkRecorder(
        answer, openai_chat_stream.whole, kind="chat.completion", expected=expected(body)
    )


def render_stream(
    answer: Answer,
    body: JSON,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str = "",
) -> Iterator[bytes]:
    """As `render`, but as the events of the stream that the request asks for."""
    rendered = render(answer, id=id, created=created, marks=marks, model=model)
    choices = openai_chat_stream.spoken(rendered["choices"])
    return chunks(rendered, body, choices, kind="chat.completion.chunk")


def voice(
    body: JSON,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str,
) -> openai_chat_stream.ChatVoice:
    """What tells a text as the stream that the request asks for, while it is being written."""
    rendered = render(Answer("", model=model), id=id, created=created, marks=marks)
    return openai_chat_stream.ChatVoice(rendered, body)
