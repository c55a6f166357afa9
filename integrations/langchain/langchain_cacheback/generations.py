"""Generations: what LangChain's models answer, to a stored answer and back.

What may live here: the fields of generations and messages as JSON of our own. Nothing is loaded by
`langchain_core.load`: stored data names no classes but the few below, and is checked when read.
What does not come back exactly as it was is not stored at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, Generation
from pydantic import BaseModel

from cacheback import Answer, Outcome, ToolCall, Usage, marks

FORMAT = "langchain.generations"
_MARK = "cacheback"

# How a complete answer ends, in the words of the providers; without such a word it counts as
# complete when the call succeeded. `length`, `content_filter`, `refusal` and the like do not, and
# an ending that we have never heard of is not known to be whole.
_WHOLE = frozenset(
    {
        "complete",
        "completed",
        "end_turn",
        "eos",
        "eos_token",
        "finish_reason_stop",
        "function_call",
        "stop",
        "stop_sequence",
        "tool_calls",
        "tool_use",
    }
)
_ENDINGS = ("finish_reason", "stop_reason", "done_reason", "status")

_MESSAGE: Mapping[str, type | tuple[type, ...]] = {
    "content": (str, list),
    "additional_kwargs": dict,
    "response_metadata": dict,
    "tool_calls": list,
    "invalid_tool_calls": list,
    "usage_metadata": dict,
    "name": str,
}
_GENERATION: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "info": dict,
    "message": dict,
}


def answer_of(
    generations: Sequence[Generation], output: Mapping[str, Any] | None = None
) -> Answer | None:
    """The answer to store, or None for one that is cut short, empty or not ours to keep.

    `output` is what a model told of the call as a whole.
    """
    if not generations or not all(is_whole(one) for one in generations):
        return None
    raw = {"generations": [_dumped(one) for one in generations], "output": dict(output or {})}
    try:
        kept = json.loads(json.dumps(raw, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None
    if kept != raw or not _same(generations, kept["generations"]):
        return None
    return _answer(generations[0], kept)


def is_whole(generation: Generation) -> bool:
    """True unless a generation tells that it was cut short."""
    ending = _ending(generation)
    if isinstance(generation, ChatGeneration) and not isinstance(generation.message, AIMessage):
        return False
    return ending is None or ending.lower() in _WHOLE


def generations_of(answer: Answer) -> list[Generation]:
    """What LangChain is given for a stored answer: objects of its own, without an id.

    An answer that came otherwise, such as a text that somebody put into the cache, is dressed as
    the answer of a chat model.
    """
    raw = answer.raw if answer.format == FORMAT else None
    if raw is None or not is_ours(raw):
        return [ChatGeneration(message=_dressed(answer))]
    return [_loaded(one) for one in raw["generations"]]


def output_of(answer: Answer) -> dict[str, Any]:
    """What the model told of the call as a whole; empty where it told nothing."""
    raw = answer.raw if answer.format == FORMAT else None
    if raw is None or not is_ours(raw):
        return {}
    return cast("dict[str, Any]", _copied(raw["output"]))


def mark(message: BaseMessage, outcome: Outcome) -> None:
    """Tell in a message what the cache did, where `cacheback.info(response_metadata)` reads it."""
    told = {_MARK: marks(outcome)[_MARK]}
    message.response_metadata = {**message.response_metadata, **told}


def is_ours(raw: Mapping[str, Any]) -> bool:
    """True for JSON as `answer_of` makes it. Anybody can write into a memory, by an import."""
    match raw:
        case {"generations": [_, *_] as generations, "output": dict()}:
            return all(_is_generation(one) for one in generations)
    return False


def _is_generation(one: Any) -> bool:
    if not _fits(one, _GENERATION) or ("message" in one) == ("text" in one):
        return False
    message = one.get("message", {"content": ""})
    calls = [*message.get("tool_calls", ()), *message.get("invalid_tool_calls", ())]
    return _fits(message, _MESSAGE) and "content" in message and all(_is_call(c) for c in calls)


def _fits(fields: Any, types: Mapping[str, type | tuple[type, ...]]) -> bool:
    return isinstance(fields, dict) and all(
        isinstance(value, types.get(name, ())) for name, value in fields.items()
    )


def _is_call(call: Any) -> bool:
    return isinstance(call, dict) and {"name", "args", "id"} <= call.keys()


# To JSON ----------------------------------------------------------------------------------------


def _dumped(generation: Generation) -> dict[str, Any]:
    fields: dict[str, Any] = {"info": generation.generation_info}
    if isinstance(generation, ChatGeneration):
        message = message_chunk_to_message(generation.message)
        fields["message"] = {name: _plain(getattr(message, name)) for name in _MESSAGE}
        fields["message"] = {k: v for k, v in fields["message"].items() if v not in (None, [], {})}
        fields["message"].setdefault("content", message.content)
    else:
        fields["text"] = generation.text
    return {name: value for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    """A message's field without our marks; what was parsed is told by its fields."""
    if not isinstance(value, dict):
        return value
    kept = {name: one for name, one in value.items() if name != _MARK}
    if isinstance(kept.get("parsed"), BaseModel):
        kept["parsed"] = kept["parsed"].model_dump(mode="json")
    return kept


def _same(generations: Sequence[Generation], dumped: Sequence[Any]) -> bool:
    """Whether what is stored says all that the generations do, but for their ids."""
    return all(
        _dumped(_loaded(stored)) == _dumped(one) and type(one) in (Generation, ChatGeneration)
        for one, stored in zip(generations, dumped, strict=True)
    )


def _answer(first: Generation, raw: dict[str, Any]) -> Answer:
    if not isinstance(first, ChatGeneration):
        return Answer(text=first.text, finish_reason=_ending(first), format=FORMAT, raw=raw)
    message = cast("AIMessage", first.message)
    told = message.response_metadata
    usage = message.usage_metadata
    return Answer(
        text=first.text,
        tool_calls=tuple(
            ToolCall(call["id"] or "", call["name"], json.dumps(call["args"]))
            for call in message.tool_calls
        ),
        reasoning=_reasoning(message),
        finish_reason=_ending(first),
        usage=Usage(usage["input_tokens"], usage["output_tokens"]) if usage else None,
        model=_text(told.get("model_name") or told.get("model") or raw["output"].get("model_name")),
        provider=_text(told.get("model_provider")),
        format=FORMAT,
        raw=raw,
    )


def _ending(generation: Generation) -> str | None:
    told = dict(generation.generation_info or {})
    if isinstance(generation, ChatGeneration):
        told |= generation.message.response_metadata
    return ending_of(told)


def ending_of(told: Mapping[str, Any]) -> str | None:
    """How an answer ended, in the provider's word; None where nothing is told of it."""
    return next((told[name] for name in _ENDINGS if isinstance(told.get(name), str)), None)


def _reasoning(message: AIMessage) -> str | None:
    given = message.additional_kwargs.get("reasoning_content")
    blocks = message.content if isinstance(message.content, list) else []
    thought = [
        block.get("thinking") or block.get("reasoning") or ""
        for block in blocks
        if isinstance(block, dict) and block.get("type") in ("thinking", "reasoning")
    ]
    return _text(given) or "".join(one for one in thought if isinstance(one, str)) or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# From JSON --------------------------------------------------------------------------------------


def _loaded(fields: Mapping[str, Any]) -> Generation:
    fields = _copied(fields)
    info = fields.get("info")
    if "message" in fields:
        return ChatGeneration(message=AIMessage(**fields["message"]), generation_info=info)
    return Generation(text=fields["text"], generation_info=info)


def _copied(value: Any) -> Any:
    """A copy of JSON: LangChain changes what it is given, and others share what is stored."""
    if isinstance(value, Mapping):
        return {name: _copied(one) for name, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _dressed(answer: Answer) -> AIMessage:
    usage = answer.usage
    return AIMessage(
        content=answer.text,
        tool_calls=[
            {"name": call.name, "args": json.loads(call.arguments), "id": call.id}
            for call in answer.tool_calls
        ],
        usage_metadata=None
        if usage is None
        else {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.total,
        },
        response_metadata={"model_name": answer.model} if answer.model else {},
    )
