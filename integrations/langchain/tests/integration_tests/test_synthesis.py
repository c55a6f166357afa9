"""Answers that a chat model of LangChain writes from near ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import Field

from cacheback import CachebackError, SemanticCache, Tier, info
from cacheback.testing import Call, Reply, ScriptedUpstream
from langchain_cacheback import CachebackCache, ChatSynthesizer, cached

MakeModel = Callable[..., Any]
KNOWN = "How long does a refund to a credit card take?"
NEAR = "How long does a refund to a debit card take?"
CHEAP = "gpt-4.1-nano"


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """One provider for both models: the cheap one cites its only source."""

    def answer(call: Call) -> str | Reply:
        if call.json["model"] != CHEAP:
            return "Five working days."
        return "SOURCES: 1\nFive working days for debit cards, too."

    with ScriptedUpstream(answer) as server:
        yield server


@pytest.fixture
def cache(openai: MakeModel) -> Iterator[SemanticCache]:
    cheap = ChatSynthesizer(openai(model=CHEAP))
    with SemanticCache(":memory:", synthesis_mode="auto", synthesizer=cheap) as cache:
        yield cache


def asked(upstream: ScriptedUpstream) -> list[str]:
    return [call.json["model"] for call in upstream.requests]


def tier(message: Any) -> Tier:
    told = info(message.response_metadata)
    assert told is not None
    return told.tier


def test_a_model_is_a_synthesizer_of_its_own_name(openai: MakeModel, anthropic: MakeModel) -> None:
    one, other = ChatSynthesizer(openai()), ChatSynthesizer(anthropic())
    assert (one.model, one.provider) == ("gpt-4o-mini", "openai")
    assert (other.model, other.provider) == ("claude-opus-5", "anthropic")


class TestInvoked:
    def test_it_writes(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(KNOWN)
        written, again = model.invoke(NEAR), model.invoke(NEAR)
        assert written.text == again.text == "Five working days for debit cards, too."
        assert [tier(written), tier(again)] == [Tier.SYNTHESIS, Tier.EXACT]
        assert written.response_metadata["model_name"] == CHEAP
        assert written.usage_metadata["output_tokens"] > 0
        assert asked(upstream) == ["gpt-4o-mini", CHEAP]
        told = info(written.response_metadata)
        assert told is not None
        assert told.synthesized
        assert told.sources == (1,)

    async def test_async(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        await model.ainvoke(KNOWN)
        assert tier(await model.ainvoke(NEAR)) is Tier.SYNTHESIS
        assert asked(upstream) == ["gpt-4o-mini", CHEAP]

    def test_it_refuses(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(KNOWN)
        upstream.script("INSUFFICIENT")
        assert tier(model.invoke(NEAR)) is Tier.UPSTREAM
        assert asked(upstream) == ["gpt-4o-mini", CHEAP, "gpt-4o-mini"]
        assert cache.stats().synthesis == {"synthesis_refused": 1}

    def test_what_was_cut_short_is_no_answer(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(KNOWN)
        upstream.script(Reply(text="SOURCES: 1\nFive", finish_reason="length"))
        assert tier(model.invoke(NEAR)) is Tier.UPSTREAM
        assert cache.stats().synthesis == {"synthesis_cut": 1}

    def test_never_with_tools(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        def add(a: int) -> int:
            """Add."""
            return a

        model = cached(openai(), cache).bind_tools([add])
        for question in (KNOWN, NEAR):
            model.invoke(question)
        assert asked(upstream) == ["gpt-4o-mini"] * 2


class TestThroughACache:
    @pytest.fixture(autouse=True)
    def _global(self, cache: SemanticCache) -> Iterator[None]:
        set_llm_cache(CachebackCache(cache))
        yield
        set_llm_cache(None)

    def test_it_writes_and_is_itself_asked_each_time(
        self, openai: MakeModel, upstream: ScriptedUpstream
    ) -> None:
        model = openai()
        model.invoke(KNOWN)
        assert tier(model.invoke(NEAR)) is Tier.SYNTHESIS
        assert tier(model.invoke(NEAR)) is Tier.EXACT
        assert asked(upstream) == ["gpt-4o-mini", CHEAP]

    async def test_async(self, openai: MakeModel, upstream: ScriptedUpstream) -> None:
        model = openai()
        await model.ainvoke(KNOWN)
        assert tier(await model.ainvoke(NEAR)) is Tier.SYNTHESIS
        assert asked(upstream) == ["gpt-4o-mini", CHEAP]


class Whole(BaseChatModel):
    """A model without streams, which LangChain's caches are asked for, therefore."""

    asked: list[str] = Field(default_factory=list)

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        self.asked.append(messages[-1].content)
        message = AIMessage("SOURCES: 1\nFive working days, as ever.")
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "whole"


def test_a_synthesizer_is_never_answered_from_the_cache_that_it_writes_for(
    openai: MakeModel,
) -> None:
    model = Whole()
    synthesizer = ChatSynthesizer(cached(model, cache_dir=":memory:"))
    with SemanticCache(":memory:", synthesis_mode="auto", synthesizer=synthesizer) as cache:
        set_llm_cache(CachebackCache(cache))
        try:
            openai().invoke(KNOWN)
            assert tier(openai().invoke(NEAR)) is Tier.SYNTHESIS
            assert cache.stats().entries == 2
            cache.delete(2)
            assert tier(openai().invoke(NEAR)) is Tier.SYNTHESIS
        finally:
            set_llm_cache(None)
    assert len(model.asked) == 2
    assert model.asked[0] == model.asked[1]


class Tokens(BaseCallbackHandler):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.text = ""

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.text += token


class TestStreamed:
    def test_word_by_word(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(KNOWN)
        heard = Tokens()
        chunks = list(model.stream(NEAR, config={"callbacks": [heard]}))
        assert len([one for one in chunks if one.text]) > 3
        whole = chunks[0]
        for one in chunks[1:]:
            whole += one
        assert whole.text == heard.text == "Five working days for debit cards, too."
        assert tier(whole) is Tier.SYNTHESIS
        assert whole.usage_metadata["output_tokens"] > 0
        assert whole.response_metadata["model_name"] == CHEAP
        assert tier(model.invoke(NEAR)) is Tier.EXACT
        assert asked(upstream) == ["gpt-4o-mini", CHEAP]

    async def test_async_and_read_along(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        await model.ainvoke(KNOWN)

        async def read() -> str:
            return "".join([one.text async for one in model.astream(NEAR)])

        texts = await asyncio.gather(read(), read())
        assert set(texts) == {"Five working days for debit cards, too."}
        assert asked(upstream) == ["gpt-4o-mini", CHEAP]

    async def test_one_that_breaks_off_is_an_error(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(KNOWN)
        broken = Reply(text="SOURCES: 1\nFive working days for all.", fail_after=6)
        upstream.script(broken, broken)
        with pytest.raises(CachebackError, match="broke off"):
            list(model.stream(NEAR))
        with pytest.raises(CachebackError, match="broke off"):
            _ = [one async for one in model.astream(NEAR)]
        assert cache.stats().entries == 1

    async def test_what_the_synthesizer_says_is_not_told_to_the_graph(
        self, openai: MakeModel, cache: SemanticCache
    ) -> None:
        """Its first line is for us alone, and LangChain hands callbacks down to whatever runs."""
        model = cached(openai(), cache)
        model.invoke(KNOWN)

        async def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [await model.ainvoke(state["messages"])]}

        graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
        app = graph.compile()
        ask: Any = {"messages": [("human", NEAR)]}
        told: list[Any] = [one async for one, _ in app.astream(ask, stream_mode="messages")]
        assert "SOURCES" not in "".join(one.text for one in told)
        assert all(isinstance(one, AIMessageChunk) for one in told)
        assert "".join(one.text for one in told) == "Five working days for debit cards, too."
