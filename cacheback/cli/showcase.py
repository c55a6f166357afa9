"""The second half of `cacheback demo`: a stream, and the Anthropic SDK, each asked twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cacheback.adapters.openai import CachedOpenAI
    from cacheback.cache import SemanticCache

_ANTHROPIC_MODEL = "claude-opus-5"


@dataclass(frozen=True, slots=True)
class Twice:
    """A call, made and made again: seconds to the first text and to the last, and the texts."""

    name: str
    first: tuple[float, float]
    again: tuple[float, float]
    same: bool


def stream(client: CachedOpenAI, question: str, model: str) -> Twice:
    """A streamed chat completion: the stored stream is replayed as one."""
    messages: Any = [{"role": "user", "content": question}]

    def texts() -> Iterator[str]:
        for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

    return _twice("CachedOpenAI, streamed", texts)


def message(cache: SemanticCache, base_url: str, question: str) -> Twice:
    """A message through the Anthropic SDK, from a stand-in provider at `base_url`."""
    from cacheback.adapters.anthropic import CachedAnthropic  # noqa: PLC0415 - the SDK is an extra

    messages: Any = [{"role": "user", "content": question}]
    with CachedAnthropic(cache=cache, base_url=base_url, api_key="not-needed") as client:

        def texts() -> Iterator[str]:
            reply = client.messages.create(
                model=_ANTHROPIC_MODEL, max_tokens=200, messages=messages
            )
            yield "".join(block.text for block in reply.content if block.type == "text")

        return _twice("CachedAnthropic", texts)


def _twice(name: str, texts: Callable[[], Iterator[str]]) -> Twice:
    (first, told), (again, repeated) = _timed(texts), _timed(texts)
    return Twice(name, first, again, told == repeated)


def _timed(texts: Callable[[], Iterator[str]]) -> tuple[tuple[float, float], str]:
    begun = time.perf_counter()
    first, told = 0.0, ""
    for text in texts():
        if text and not told:
            first = time.perf_counter() - begun
        told += text
    return (first, time.perf_counter() - begun), told
