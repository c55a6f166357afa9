"""The cache never breaks the call."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import MockLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI
from pydantic import BaseModel

from cacheback import ConfigurationError, SemanticCache
from cacheback.testing import ScriptedUpstream

QUESTION = "How long do refunds take?"
MESSAGES = [ChatMessage(role="user", content=QUESTION)]


async def use(llm: Any) -> None:
    """All eight endpoints."""
    assert llm.chat(MESSAGES).message.content
    assert llm.complete(QUESTION).text
    assert list(llm.stream_chat(MESSAGES))
    assert list(llm.stream_complete(QUESTION))
    assert (await llm.achat(MESSAGES)).message.content
    assert (await llm.acomplete(QUESTION)).text
    assert [one async for one in await llm.astream_chat(MESSAGES)]
    assert [one async for one in await llm.astream_complete(QUESTION)]


async def test_a_store_that_fails(
    openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream, monkeypatch: Any
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("disk on fire")

    for name in ("find", "put", "vectors"):
        if hasattr(cache.store, name):
            monkeypatch.setattr(cache.store, name, fail)
    await use(CachebackLLM(openai, cache))
    assert upstream.calls == 8
    assert cache.stats().faults


async def test_a_cache_that_is_closed_or_off(
    openai: OpenAI, make_cache: Any, upstream: ScriptedUpstream
) -> None:
    closed, off = make_cache(), make_cache(cache_enabled=False)
    closed.close()
    for cache in (closed, off):
        calls = upstream.calls
        await use(CachebackLLM(openai, cache))
        assert upstream.calls == calls + 8


class Person(BaseModel):
    """A person."""

    name: str
    age: int


async def test_structured_output_as_well(
    anthropic: Anthropic, cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    llm, prompt = CachebackLLM(anthropic, cache), PromptTemplate("Make up a person.")
    llm.structured_predict(Person, prompt)
    (entry,) = cache.entries()
    scope = cache.store.scope_parts(entry.scope)
    cache.populate(entry.question, "no JSON at all", scope=scope)
    assert llm.structured_predict(Person, prompt).name == "Ada"
    assert (await llm.astructured_predict(Person, prompt)).name == "Ada"
    assert cache.stats().faults == {"wire_failed": 2}
    cache.close()
    assert llm.structured_predict(Person, prompt).name == "Ada"
    assert (await llm.astructured_predict(Person, prompt)).name == "Ada"
    assert upstream.calls == 5


class Unwritable(ChatResponse):
    """A response that cannot be written down."""

    def model_dump(self, **_: Any) -> Any:
        raise RuntimeError("no")


class Odd(MockLLM):
    """An LLM that gives such responses."""

    def chat(self, *_: Any, **__: Any) -> ChatResponse:
        return Unwritable(message=ChatMessage(role="assistant", content="Yes."))

    def stream_chat(self, messages: Any, **_: Any) -> Any:
        yield self.chat(messages)


def test_a_response_that_cannot_be_read(cache: SemanticCache) -> None:
    llm = CachebackLLM(Odd(), cache)
    for _ in range(2):
        assert llm.chat(MESSAGES).message.content == "Yes."
        assert [one.message.content for one in llm.stream_chat(MESSAGES)] == ["Yes."]
    assert not cache.stats().entries
    assert cache.stats().faults == {"wire_failed": 4}


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda _: CachebackLLM("gpt-4o"), "LLM of LlamaIndex"),  # type: ignore[arg-type]
        (lambda llm: CachebackLLM(CachebackLLM(llm, ":memory:")), "memory already"),
        (lambda llm: CachebackLLM(llm, ":memory:", similarity_threshold=7), "threshold"),
        (
            lambda llm: CachebackLLM(llm, SemanticCache(":memory:"), cache_ttl=5),
            "cache_ttl is given beside a cache",
        ),
    ],
)
def test_mistakes_are_named_at_once(make: Any, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        make(MockLLM())
