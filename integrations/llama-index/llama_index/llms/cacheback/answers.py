"""Responses of LlamaIndex to answers of cacheback and back, without loss as far as JSON carries.

What a response holds is written as JSON and validated by its own class when it is read; nothing is
unpickled. `raw`, and whatever an integration keeps in `additional_kwargs`, comes back as plain
dicts and lists; what has no form as JSON comes back as None.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.callbacks.token_counting import get_tokens_from_response
from llama_index.core.llms import LLM
from llama_index.llms.cacheback.endings import Ending
from llama_index.llms.cacheback.kinds import CHAT, Kind, Response, text_of
from pydantic import BaseModel, ValidationError

from cacheback import Answer, ToolCall, Usage


def whole(answer: Answer, ending: Ending) -> Answer | None:
    """The answer if it may be kept: it was not cut short, and says something."""
    return answer if ending.whole and (answer.text or answer.tool_calls) else None


def answer_of(kind: Kind, response: Response, llm: LLM, ending: Ending) -> Answer:
    """A response as an answer."""
    blocks = response.message.blocks if isinstance(response, ChatResponse) else []
    thoughts = [one.content for one in blocks if isinstance(one, ThinkingBlock) and one.content]
    return Answer(
        text=text_of(response),
        tool_calls=tuple(_call(one) for one in blocks if isinstance(one, ToolCallBlock)),
        reasoning="\n".join(thoughts) or None,
        finish_reason=ending.reason,
        usage=usage_of(response),
        model=_text(_of(response.raw, "model")) or llm.metadata.model_name,
        provider=provider_of(llm),
        format=kind.format,
        raw={
            "class": _name(type(response)),
            "response": response.model_dump(mode="json", fallback=_nothing, warnings=False),
        },
    )


def response_of(kind: Kind, answer: Answer) -> Response:
    """The response that an answer was, made anew: whoever gets it may change it.

    An answer of another kind, or one that somebody has put into the memory, is told by what it
    says.
    """
    made = _stored(kind, answer)
    if made is not None:
        return made
    if kind is CHAT:
        message = ChatMessage(role=MessageRole.ASSISTANT, blocks=list(_blocks(answer)))
        return ChatResponse(message=message)
    return CompletionResponse(text=answer.text)


def _stored(kind: Kind, answer: Answer) -> Response | None:
    if answer.format != kind.format or not isinstance(answer.raw, Mapping):
        return None
    cls = _class_of(kind, answer.raw.get("class"))
    try:
        return cls.model_validate(answer.raw.get("response"))
    except (ValidationError, TypeError):
        return None


def _class_of(kind: Kind, name: Any) -> type[Response]:
    """The class of this name among those that the program has: stored names import nothing."""
    found = (cls for cls in _family(kind.response) if _name(cls) == name)
    return next(found, kind.response)


def _family(cls: type[Response]) -> Iterator[type[Response]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _blocks(answer: Answer) -> Iterator[ContentBlock]:
    if answer.reasoning:
        yield ThinkingBlock(content=answer.reasoning)
    if answer.text:
        yield TextBlock(text=answer.text)
    for call in answer.tool_calls:
        yield ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments)


def _call(block: ToolCallBlock) -> ToolCall:
    given = block.tool_kwargs
    arguments = given if isinstance(given, str) else json.dumps(given, default=str)
    return ToolCall(block.tool_call_id or "", block.tool_name, arguments)


def usage_of(response: Response) -> Usage | None:
    """The tokens that a response took, where the integration tells them."""
    raw = response.raw
    if isinstance(raw, Mapping | BaseModel):
        told = get_tokens_from_response(response)
        if any(told):
            return Usage(*(int(count or 0) for count in told))
    noted = response.additional_kwargs
    asked, said = noted.get("prompt_tokens"), noted.get("completion_tokens")
    return Usage(asked, said) if isinstance(asked, int) and isinstance(said, int) else None


def provider_of(llm: LLM) -> str:
    """The provider's name as the integration's package has it: llama_index.llms.openai → openai.

    Of the class that the integration made, whatever a program derives from it.
    """
    modules = [cls.__module__.split(".") for cls in type(llm).__mro__]
    found = (path[2] for path in modules if path[:2] == ["llama_index", "llms"])
    return next(found, type(llm).class_name())


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _nothing(_: Any) -> None:
    """Stands for what has no form as JSON."""
