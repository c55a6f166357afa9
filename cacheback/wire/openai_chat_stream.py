"""Chat completions word by word: many deltas as one message, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cacheback.models import JSON, Usage
from cacheback.wire import openai_usage
from cacheback.wire.openai_chunks import Choice, ChunkWriter
from cacheback.wire.pieces import pieces, with_tokens
from cacheback.wire.shapes import are_objects, is_list

# What a model says piece by piece, in the order in which it says it.
_REASONING = ("reasoning_content", "reasoning")
_SPOKEN = ("content", "refusal")
_CALLS = ("tool_calls", "function_call")


def whole(choice: Choice) -> Choice:
    """A choice as a call without streaming returns it, of its merged chunks."""
    delta = choice.get("delta")
    said = delta.items() if isinstance(delta, Mapping) else ()
    message: dict[str, JSON] = {"role": "assistant", "content": None, "refusal": None}
    message.update((name, value) for name, value in said if value is not None)
    if are_objects(message.get("tool_calls")):
        message["tool_calls"] = [_without_index(call) for call in message["tool_calls"]]
    if message["content"] == "" and any(message.get(name) for name in ("refusal", *_CALLS)):
        message["content"] = None
    rest = {name: value for name, value in choice.items() if name != "delta"}
    return {"logprobs": None, **rest, "message": message}


def _without_index(call: Mapping[str, JSON]) -> Choice:
    return {name: value for name, value in call.items() if name != "index"}


def spoken(choices: Iterable[Mapping[str, JSON]]) -> Iterator[Choice]:
    """The choice of each chunk of a stream that says these choices, one after the other."""
    for index, choice in enumerate(choices):
        for delta, logprobs in _deltas(choice["message"], choice.get("logprobs")):
            yield {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
        rest = {name: value for name, value in choice.items() if name != "message"}
        yield {**rest, "index": index, "delta": {}, "logprobs": None}


def _deltas(message: Mapping[str, JSON], logprobs: JSON) -> Iterator[tuple[Choice, JSON]]:
    """Each delta of a message, with the log probabilities of its tokens or None.

    What is not in a form that can be said piece by piece goes with the first, as it is.
    """
    texts = {
        name: message[name]
        for name in (*_REASONING, *_SPOKEN)
        if isinstance(message.get(name), str)
    }
    first = {name: value for name, value in message.items() if name not in (*texts, *_CALLS)}
    opened = {"content": ""} if "content" in texts else {}
    yield {"role": "assistant", "content": None, "refusal": None, **first, **opened}, None
    for name, text in texts.items():
        tokens = _tokens(logprobs, name)
        for piece, group in with_tokens(text, tokens):
            yield {name: piece}, {**_NO_TOKENS, name: list(group)} if group else None
    for delta in (*_tool_calls(message.get("tool_calls")), *_older_call(message)):
        yield delta, None


_NO_TOKENS: Mapping[str, JSON] = {"content": None, "refusal": None}


def _tokens(logprobs: JSON, name: str) -> list[JSON]:
    found = logprobs.get(name) if isinstance(logprobs, Mapping) else None
    return list(found) if is_list(found) else []


def _tool_calls(calls: JSON) -> Iterator[Choice]:
    for index, call in enumerate(calls if are_objects(calls) else ()):
        match call:
            case {"function": {"arguments": str(text)}}:
                kind, field = "function", "arguments"
            case {"custom": {"input": str(text)}}:
                kind, field = "custom", "input"
            case _:
                yield {"tool_calls": [{**call, "index": index}]}
                continue
        said = {**call[kind], field: ""}
        yield {"tool_calls": [{**call, "index": index, kind: said}]}
        for piece in pieces(text):
            yield {"tool_calls": [{"index": index, kind: {field: piece}}]}


def _older_call(message: Mapping[str, JSON]) -> Iterator[Choice]:
    match message.get("function_call"):
        case {"arguments": str(arguments), **rest}:
            yield {"function_call": {**rest, "arguments": ""}}
            for piece in pieces(arguments):
                yield {"function_call": {"arguments": piece}}


class ChatVoice:
    """Conforms to `codec.Voice`; `rendered` is the answer with an empty text."""

    def __init__(self, rendered: Mapping[str, JSON], body: JSON) -> None:
        self._writer = ChunkWriter(rendered, body, kind="chat.completion.chunk")
        self._first, self._last = spoken(rendered["choices"])

    def opening(self) -> bytes:
        return self._writer.chunk(self._first)

    def text(self, piece: str) -> bytes:
        return self._writer.chunk({**self._first, "delta": {"content": piece}})

    def closing(self, usage: Usage | None) -> bytes:
        told = openai_usage.told(usage)
        return self._writer.chunk(self._last) + b"".join(self._writer.end(told))

    def failure(self, message: str) -> bytes:
        return self._writer.failure(message)
