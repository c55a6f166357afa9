"""Responses as OpenAI speaks them: request bodies in, answers in and out.

What may live here: what the fields of a request and of a response mean. What it may not know: HTTP,
clocks, randomness. Foreign JSON is never an error: `parse` and `answer` return None.

The provider keeps responses unless `store` is false, and a later request may name one by its id, as
`previous_response_id`. So a hit has the id of the response that was stored, and not a fresh one,
which the provider would not know: going on from it would fail. What is kept upstream and what is
not (`store: false`) never answer each other for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cacheback.models import JSON, Answer, Reason
from cacheback.wire import openai_outputs, openai_responses_stream, shapes
from cacheback.wire.codec import Parsed
from cacheback.wire.openai_items import Conversation, conversation

FORMAT = "openai.responses"
ID_PREFIX = "resp_"
_PROVIDER = "openai"

# What cannot change the answer: who asks, how it is transported, billed, kept or cached upstream.
_WITHOUT_EFFECT = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "stream",
        "stream_options",
        "user",
    }
)

# Saying one of these is the same as not saying it (OpenAI API reference, "Create a response").
_DEFAULTS: Mapping[str, JSON] = {
    "background": False,
    "include": [],
    "service_tier": "auto",
    "tools": [],
    "top_logprobs": 0,
    "truncation": "disabled",
}

_PLAIN = {"type": "text"}
_LOGPROBS = "message.output_text.logprobs"

# Fields in which a response repeats what its request said of the one who asked. A hit answers
# another request, and must not tell who asked first.
_OF_THE_ASKER: Mapping[str, JSON] = {
    "metadata": {},
    "prompt_cache_key": None,
    "safety_identifier": None,
    "user": None,
}


def parse(body: JSON) -> Parsed | None:
    """Read a request's body; None when it is not a request for a response as we know it."""
    if not isinstance(body, Mapping):
        return None
    turns = conversation(body.get("input"))
    if turns is None:
        return None
    fields = shapes.fields(body, _DEFAULTS)
    shape, style = _text(fields)
    return Parsed(
        question=turns.question,
        parts=shapes.filled(dict(_parts(fields, turns, shape, style))),
        limits=tuple(_limits(body, fields, turns, shape)),
        stream=body.get("stream") is True,
        temperature=shapes.number(fields.get("temperature")),
    )


def _text(fields: Mapping[str, JSON]) -> tuple[dict[str, JSON], JSON]:
    """What makes a response another kind of object, and the rest of `text` (verbosity)."""
    text = fields.get("text")
    said = {k: v for k, v in text.items() if v is not None} if isinstance(text, Mapping) else text
    shape: dict[str, JSON] = {}
    if isinstance(said, dict):
        wanted = said.pop("format", None)
        shape = {} if wanted in (None, _PLAIN) else {"format": wanted}
    shape |= {name: fields[name] for name in _SHAPE if name in fields}
    return shape, said


_SHAPE = ("include", "top_logprobs")


def _parts(
    fields: Mapping[str, JSON], turns: Conversation, shape: JSON, style: JSON
) -> Iterator[tuple[str, JSON]]:
    yield "model", fields.get("model")
    yield "system", _system(fields.get("instructions"), turns)
    yield "history", turns.history
    yield "attachments", turns.attachments
    yield "tools", fields.get("tools")
    yield "tool_choice", fields.get("tool_choice")
    yield "response_format", shape
    rest = {name: value for name, value in fields.items() if name not in _NAMED}
    yield "parameters", rest | ({"text": style} if style else {})


_NAMED = frozenset(
    {"model", "instructions", "input", "tools", "tool_choice", "text", *_SHAPE, *_WITHOUT_EFFECT}
)


def _system(instructions: JSON, turns: Conversation) -> JSON:
    """Plain instructions as they are; with messages beside them, each by its name."""
    if not turns.system:
        return instructions
    return [*([] if instructions is None else [{"instructions": instructions}]), *turns.system]


def _limits(
    body: Mapping[str, JSON], fields: Mapping[str, JSON], turns: Conversation, shape: JSON
) -> Iterator[Reason]:
    if turns.refers or _is_stateful(body):
        yield Reason.STATEFUL
    if not turns.question.strip():
        yield Reason.NO_QUESTION
    if turns.has_tools or ("tools" in fields and fields.get("tool_choice") != "none"):
        yield Reason.TOOLS_EXACT_ONLY
    if "format" in shape:
        yield Reason.STRUCTURED_EXACT_ONLY
    included = shape.get("include")
    if "top_logprobs" in shape or (shapes.is_list(included) and _LOGPROBS in included):
        yield Reason.LOGPROBS_EXACT_ONLY


def _is_stateful(body: Mapping[str, JSON]) -> bool:
    """True when a request builds on what the provider keeps, or says that it wants it kept.

    Not saying `store` means true to the provider, but it is the common way to ask, and most who
    do so never come back for what was kept; only saying it is taken as wanting it.
    """
    kept = any(body.get(name) is not None for name in ("previous_response_id", "conversation"))
    return kept or any(body.get(name) not in (None, False) for name in ("store", "background"))


def answer(payload: JSON) -> Answer | None:
    """Read a response; None when it is an error, cut short, empty, or not as we know it."""
    if not isinstance(payload, Mapping) or not _whole(payload):
        return None
    said = openai_outputs.read(payload.get("output"))
    if said is None:
        return None
    masked = {name: value for name, value in _OF_THE_ASKER.items() if name in payload}
    return Answer(
        text=said.text,
        tool_calls=said.tool_calls,
        reasoning=said.reasoning,
        finish_reason="completed",
        usage=openai_outputs.usage(payload.get("usage")),
        model=shapes.text(payload.get("model")),
        provider=_PROVIDER,
        format=FORMAT,
        raw={**payload, **masked},
    )


def _whole(payload: Mapping[str, JSON]) -> bool:
    nothing_wrong = all(payload.get(name) is None for name in ("error", "incomplete_details"))
    return payload.get("status") == "completed" and nothing_wrong


def render(
    answer: Answer,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str = "",
) -> dict[str, JSON]:
    """The body that an OpenAI SDK expects, with a fresh time (Unix seconds) and our marks.

    Its id is the provider's own, and `id` only where there is none. The ids of the items in it
    stay as they are: items may refer to each other, and may be sent back.
    """
    if answer.format == FORMAT and answer.raw:
        body = {"id": id, **answer.raw}
    else:
        body = {**openai_outputs.dressed(answer, id, model), "id": id}
    if body.get("completed_at") is not None:
        body["completed_at"] = created
    return {**body, "created_at": created, **marks}


def mark(payload: Mapping[str, JSON], marks: Mapping[str, JSON]) -> dict[str, JSON]:
    """A provider's own body with our marks at its top level."""
    return {**payload, **marks}


def recorder(body: JSON) -> openai_responses_stream.ResponseRecorder:  # noqa: ARG001 - the codec's
    """A recorder for the stream that answers a request."""
    return openai_responses_stream.ResponseRecorder(answer)


def render_stream(
    answer: Answer,
    body: JSON,  # noqa: ARG001 - the codec's
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str = "",
) -> Iterator[bytes]:
    """As `render`, but as the events of a stream; our marks stand in the response they carry."""
    rendered = render(answer, id=id, created=created, marks=marks, model=model)
    return openai_responses_stream.events(rendered)


def voice(
    body: JSON,  # noqa: ARG001 - the codec's
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str,
) -> openai_responses_stream.ResponseVoice:
    """What tells a text as the stream that the request asks for, while it is being written."""
    rendered = render(Answer("", model=model), id=id, created=created, marks=marks)
    return openai_responses_stream.ResponseVoice(rendered)
