"""How an answer ended: whether the whole of it came.

Integrations do not tell it in one place. Where it is told, in the provider's own reply (`raw`) or
beside the message, only an ending that we know to be a whole one counts; where it is told nowhere,
the answer is whole when its call has returned, or its stream was read to its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatResponse
from llama_index.llms.cacheback.kinds import Response

# The words of OpenAI, Anthropic, Google, Cohere, Mistral, Ollama, Bedrock and Hugging Face, in
# small letters. What is cut off (length, max_tokens, content_filter, safety …) is not among them,
# and an ending that we have never heard of is not known to be whole.
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
        "tool_call",
        "tool_calls",
        "tool_use",
    }
)
_FIELDS = ("finish_reason", "stop_reason", "done_reason")
# Where replies have their choices, and a stream's last event the whole reply.
_WITHIN = ("choices", "candidates", "response", "delta")
_ABSENT = object()


class Ending:
    """Watches the responses of a call, one or a stream's, for how they end."""

    def __init__(self, *responses: Response) -> None:
        self._told = False
        self._reasons: list[str] = []
        for response in responses:
            self.see(response)

    def see(self, response: Response) -> None:
        """Take one response in; the last that tells an ending counts."""
        found = list(_endings(response.raw))
        if isinstance(response, ChatResponse):
            found += _fields(response.message.additional_kwargs)
        found += _fields(response.additional_kwargs)
        self._told = self._told or bool(found)
        self._reasons = [one for one in found if one] or self._reasons

    @property
    def reason(self) -> str | None:
        """How it ended, in the provider's own word; None where it is not told."""
        return self._reasons[0] if self._reasons else None

    @property
    def whole(self) -> bool:
        if not self._told:
            return True
        return bool(self._reasons) and all(one.lower() in _WHOLE for one in self._reasons)


def _endings(raw: Any) -> Iterator[str]:
    yield from _fields(raw)
    for name in _WITHIN:
        inner = _of(raw, name)
        for one in inner if isinstance(inner, list | tuple) else [inner]:
            yield from _fields(one)


def _fields(value: Any) -> list[str]:
    """What is told in the fields that tell an ending; "" where one is there and empty yet."""
    told = [_of(value, name, _ABSENT) for name in _FIELDS]
    status = _of(value, "status")  # a number is that of HTTP
    told.append(status if isinstance(status, str) else _ABSENT)
    return [_word(one) for one in told if one is not _ABSENT]


def _word(value: Any) -> str:
    """An ending's word; enumerations have it as a name."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(getattr(value, "name", value))


def _of(value: Any, name: str, default: Any = None) -> Any:
    return value.get(name, default) if isinstance(value, Mapping) else getattr(value, name, default)
