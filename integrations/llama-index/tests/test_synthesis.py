"""Answers written from near ones, with any LLM as the model that writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.cacheback import CachebackLLM, LLMSynthesizer
from llama_index.llms.openai import OpenAI

from cacheback import CachebackError, SemanticCache, info
from cacheback.testing import Reply, ScriptedUpstream

SOURCE = "How long does a refund to a credit card take?"
QUESTION = "How long does a refund to a debit card take?"
WRITTEN = "Five business days, to debit cards as well."
REPLY = f"SOURCES: 1\n{WRITTEN}"


def asked(question: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=question)]


@pytest.fixture(params=["openai", "anthropic"])
def cheap(request: pytest.FixtureRequest, make_openai: Callable[..., OpenAI]) -> Any:
    """The model that writes: of either provider."""
    if request.param == "anthropic":
        return request.getfixturevalue("anthropic")
    usage = {"stream_options": {"include_usage": True}}
    return make_openai(model="gpt-4o-mini", additional_kwargs=usage)


@pytest.fixture
def llm(make_openai: Callable[..., OpenAI], cheap: Any, embedder: Any) -> Any:
    """An LLM that knows one near answer, which no guard lets pass."""
    settings = {"embedder": embedder, "synthesis_mode": "auto", "synthesizer": cheap}
    llm = CachebackLLM(make_openai(model="gpt-4o"), ":memory:", **settings)
    llm.chat(asked(SOURCE))
    yield llm
    llm.cacheback.cache.close()


def told(response: Any) -> Any:
    marks = info(response.additional_kwargs)
    assert marks is not None
    return marks.hit, marks.synthesized, marks.tier, response.message.content


async def read(llm: Any, asynchronous: bool) -> Any:
    """All items of a stream."""
    if asynchronous:
        return [one async for one in await llm.astream_chat(asked(QUESTION))]
    return list(llm.stream_chat(asked(QUESTION)))


async def test_a_synthesis(llm: Any, cheap: Any, upstream: ScriptedUpstream) -> None:
    upstream.script(REPLY)
    assert told(llm.chat(asked(QUESTION))) == (False, True, "synthesis", WRITTEN)
    body = upstream.requests[-1].json
    assert body["model"] == cheap.model
    assert SOURCE in str(body)
    assert told(await llm.achat(asked(QUESTION))) == (True, True, "exact", WRITTEN)
    (*_, last) = llm.stream_chat(asked(QUESTION))
    assert told(last) == (True, True, "exact", WRITTEN)
    assert upstream.calls == 2
    (entry,) = [one for one in llm.cacheback.cache.entries() if one.provenance == "synthesis"]
    assert len(entry.sources) == 1
    assert entry.answer.usage is not None
    assert entry.answer.usage.total > 0


async def test_on_an_event_loop(llm: Any, upstream: ScriptedUpstream) -> None:
    upstream.script(REPLY)
    replies = await asyncio.gather(*(llm.achat(asked(QUESTION)) for _ in range(3)))
    assert {reply.message.content for reply in replies} == {WRITTEN}
    assert upstream.calls == 2


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_as_a_stream(llm: Any, upstream: ScriptedUpstream, asynchronous: bool) -> None:
    upstream.script(REPLY)
    items = await read(llm, asynchronous)
    assert "".join(one.delta for one in items) == WRITTEN
    assert all(one.message.content.startswith(items[0].delta) for one in items)
    assert told(items[-1]) == (False, True, "synthesis", WRITTEN)
    assert upstream.calls == 2


def test_it_is_told_while_it_is_written(llm: Any, upstream: ScriptedUpstream) -> None:
    upstream.script(REPLY)
    stream = llm.stream_chat(asked(QUESTION))
    first = next(stream)
    assert WRITTEN.startswith(first.delta)
    with ThreadPoolExecutor(1) as pool:  # and somebody else reads along
        following = pool.submit(lambda: list(llm.stream_chat(asked(QUESTION)))).result()
    assert [one.delta for one in (first, *stream)] == [one.delta for one in following]
    assert len(following) > 2
    assert following[-1].message.content == WRITTEN
    assert upstream.calls == 2


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_one_that_is_broken_off_is_an_error(
    llm: Any, upstream: ScriptedUpstream, asynchronous: bool
) -> None:
    upstream.script(Reply(text=REPLY, finish_reason="length"))
    with pytest.raises(CachebackError, match="cut off"):
        await read(llm, asynchronous)
    assert llm.cacheback.cache.stats().entries == 1


@pytest.mark.parametrize(
    "reply",
    [
        "INSUFFICIENT",
        "I think that it takes five days.",
        Reply(text=REPLY, finish_reason="length"),
        Reply(status=400, text="no"),
    ],
)
def test_else_the_llm_itself_is_asked(llm: Any, upstream: ScriptedUpstream, reply: Any) -> None:
    upstream.script(reply, "Ten days.")
    assert told(llm.chat(asked(QUESTION))) == (False, False, "upstream", "Ten days.")
    assert upstream.calls == 3


def test_it_dies_with_its_source(llm: Any, upstream: ScriptedUpstream) -> None:
    upstream.script(REPLY, REPLY)
    llm.chat(asked(QUESTION))
    cache: SemanticCache = llm.cacheback.cache
    (source,) = [one.id for one in cache.entries() if one.provenance == "upstream"]
    cache.delete(source)
    assert not cache.stats().entries


def test_a_cache_that_exists_takes_one_too(
    anthropic: Anthropic, openai: OpenAI, make_cache: Any, upstream: ScriptedUpstream
) -> None:
    cache = make_cache(synthesis_mode="auto", synthesizer=LLMSynthesizer(anthropic))
    llm = CachebackLLM(openai, cache)
    llm.complete(SOURCE)
    upstream.script(REPLY)
    assert llm.complete(QUESTION).text == WRITTEN
    assert LLMSynthesizer(anthropic).model == "claude-sonnet-4-5"
    assert LLMSynthesizer(anthropic).provider == "anthropic"
