"""Legacy completions as OpenAI and its followers speak them: a prompt in, a text out.

What may live here: what the fields of a request and of a reply mean. What it may not know: HTTP,
clocks, randomness. Foreign JSON is never an error: `parse` and `answer` return None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cacheback.models import JSON, Answer, Reason, Usage
from cacheback.wire import openai_usage, shapes
from cacheback.wire.codec import Parsed
from cacheback.wire.openai_chunks import Choice, ChunkRecorder, ChunkWriter, chunks, expected
from cacheback.wire.pieces import pieces
from cacheback.wire.shapes import is_list

FORMAT = "openai.completions"
ID_PREFIX = "cmpl-"
_PROVIDER = "openai"
_KIND = "text_completion"

# What cannot change the answer: who asks, and how it is transported.
_WITHOUT_EFFECT = frozenset({"metadata", "stream", "stream_options", "user"})

# Saying one of these is the same as not saying it (OpenAI API reference, "Create completion").
_DEFAULTS: Mapping[str, JSON] = {"best_of": 1, "echo": False, "n": 1}

# What makes a reply another kind of object; kept apart from the parameters.
_SHAPE = ("n", "logprobs", "echo")

# How a complete answer ends. The default limit is 16 tokens, so that many end by `length`.
_WHOLE = frozenset({"stop"})


def parse(body: JSON) -> Parsed | None:
    """Read a request's body; None when it is not a completion request as we know it."""
    if not isinstance(body, Mapping):
        return None
    prompt = _prompt(body.get("prompt"))
    if prompt is None:
        return None
    fields = shapes.fields(body, _DEFAULTS)
    question = prompt if isinstance(prompt, str) else ""
    named = {"model", "prompt", *_SHAPE, *_WITHOUT_EFFECT}
    parts = {
        "model": fields.get("model"),
        "history": None if isinstance(prompt, str) else [{"prompt": prompt}],
        "response_format": {name: fields[name] for name in _SHAPE if name in fields},
        "parameters": {name: value for name, value in fields.items() if name not in named},
    }
    return Parsed(
        question=question,
        parts=shapes.filled(parts),
        limits=tuple(_limits(fields, question)),
        stream=body.get("stream") is True,
        temperature=shapes.number(fields.get("temperature")),
    )


def _prompt(given: JSON) -> JSON:
    """A text, or several prompts or tokens as they are; None when it is neither."""
    if isinstance(given, str):
        return given
    if not is_list(given) or not given:
        return None
    return given[0] if len(given) == 1 and isinstance(given[0], str) else given


def _limits(fields: Mapping[str, JSON], question: str) -> Iterator[Reason]:
    if not question.strip():
        yield Reason.NO_QUESTION
    if "echo" in fields:  # the reply repeats the prompt, and must not repeat another's
        yield Reason.STRUCTURED_EXACT_ONLY
    if "n" in fields:
        yield Reason.CHOICES_EXACT_ONLY
    if "logprobs" in fields:
        yield Reason.LOGPROBS_EXACT_ONLY


def answer(payload: JSON) -> Answer | None:
    """Read a reply's body; None when it is an error, cut short, empty, or not as we know it."""
    if not isinstance(payload, Mapping) or payload.get("error") is not None:
        return None
    choices = payload.get("choices")
    if not is_list(choices) or not choices or not all(_whole(choice) for choice in choices):
        return None
    return Answer(
        text=choices[0]["text"],
        finish_reason=choices[0]["finish_reason"],
        usage=openai_usage.usage(payload.get("usage")),
        model=shapes.text(payload.get("model")),
        provider=_PROVIDER,
        format=FORMAT,
        raw=payload,
    )


def _whole(choice: JSON) -> bool:
    match choice:
        case {"text": str(text), "finish_reason": str(reason)}:
            return reason in _WHOLE and text != ""
    return False


def render(
    answer: Answer,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str = "",
) -> dict[str, JSON]:
    """The body that an OpenAI SDK expects, with a fresh id, time (Unix seconds) and our marks."""
    body = answer.raw if answer.format == FORMAT and answer.raw else _dressed(answer, model)
    told = {"usage": openai_usage.told(answer.usage)} if body.get("usage") is None else {}
    return {**body, **told, "id": id, "created": created, **marks}


def _dressed(answer: Answer, model: str) -> dict[str, JSON]:
    choice = {"index": 0, "text": answer.text, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": "",
        "object": _KIND,
        "created": 0,
        "model": answer.model or model,
        "choices": [choice],
    }


def mark(payload: Mapping[str, JSON], marks: Mapping[str, JSON]) -> dict[str, JSON]:
    """A provider's own body with our marks at its top level."""
    return {**payload, **marks}


def recorder(body: JSON) -> ChunkRecorder:
    """A recorder for the stream that answers this request."""
    prompts = _prompt(body.get("prompt")) if isinstance(body, Mapping) else None
    several = len(prompts) if is_list(prompts) and not isinstance(prompts[0], int) else 1
    return ChunkRecorder(answer, _as_merged, kind=_KIND, expected=several * expected(body))


def _as_merged(choice: Choice) -> Choice:
    return {"logprobs": None, **choice}


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
    return chunks(rendered, body, _spoken(rendered["choices"]), kind=_KIND)


def _spoken(choices: JSON) -> Iterator[Choice]:
    """The choice of each chunk; all log probabilities go with the first one of their choice."""
    for index, choice in enumerate(choices):
        logprobs = choice.get("logprobs")
        for piece in pieces(choice["text"]):
            yield {"index": index, "text": piece, "logprobs": logprobs, "finish_reason": None}
            logprobs = None
        yield {**choice, "index": index, "text": "", "logprobs": None}


def voice(
    body: JSON,
    *,
    id: str,  # noqa: A002 - the field's own name
    created: int,
    marks: Mapping[str, JSON],
    model: str,
) -> CompletionVoice:
    """What tells a text as the stream that the request asks for, while it is being written."""
    rendered = render(Answer("", model=model), id=id, created=created, marks=marks)
    return CompletionVoice(rendered, body)


class CompletionVoice:
    """Conforms to `codec.Voice`; `rendered` is the answer with an empty text."""

    def __init__(self, rendered: Mapping[str, JSON], body: JSON) -> None:
        self._writer = ChunkWriter(rendered, body, kind=_KIND)
        (self._last,) = _spoken(rendered["choices"])

    def opening(self) -> bytes:
        return b""

    def text(self, piece: str) -> bytes:
        return self._writer.chunk({**self._last, "text": piece, "finish_reason": None})

    def closing(self, usage: Usage | None) -> bytes:
        told = openai_usage.told(usage)
        return self._writer.chunk(self._last) + b"".join(self._writer.end(told))

    def failure(self, message: str) -> bytes:
        return self._writer.failure(message)
