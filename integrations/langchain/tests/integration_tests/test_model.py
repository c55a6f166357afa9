"""`cached(model)`: real models with a memory, against a provider on loopback."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel, SecretStr

from cacheback import (
    BlockedError,
    ConfigurationError,
    Controls,
    InputError,
    NotCachedError,
    SemanticCache,
    Tier,
    ToolCall,
    info,
)
from cacheback.testing import Reply, ScriptedUpstream
from langchain_cacheback import CachebackCache, cached

MakeModel = Callable[..., Any]
QUESTION, REWORDED = "What is the capital of France?", "capital of France?"


def tier(message: AIMessage) -> Tier:
    told = info(message.response_metadata)
    assert told is not None
    return told.tier


def add(a: int) -> int:
    """Add."""
    return a


class City(BaseModel):
    """A city."""

    name: str


class TestHits:
    def test_by_text_and_by_meaning(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)
        asked = [model.invoke(text) for text in (QUESTION, QUESTION, REWORDED)]
        assert [tier(one) for one in asked] == [Tier.UPSTREAM, Tier.EXACT, Tier.SEMANTIC]
        assert len({one.content for one in asked}) == 1
        assert len({one.id for one in asked}) == 3
        assert upstream.calls == 1

    async def test_async(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)
        asked = [await model.ainvoke(text) for text in (QUESTION, QUESTION, REWORDED)]
        assert [tier(one) for one in asked] == [Tier.UPSTREAM, Tier.EXACT, Tier.SEMANTIC]
        assert upstream.calls == 1

    def test_a_hit_is_the_message(self, chat: MakeModel, cache: SemanticCache) -> None:
        model = cached(chat(), cache)
        first, second = (model.invoke(QUESTION) for _ in range(2))
        for one in (first, second):
            del one.response_metadata["cacheback"]
            one.id = None
        assert second.usage_metadata.pop("total_cost") == 0
        assert second == first

    def test_tool_calls(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(tool_calls=(ToolCall("call_1", "add", '{"a": 1}'),)))
        model = cached(chat(), cache).bind_tools([add])
        first, second = (model.invoke("Add 1 to it") for _ in range(2))
        assert second.tool_calls == first.tool_calls
        assert second.tool_calls[0]["args"] == {"a": 1}
        assert [tier(first), tier(second)] == [Tier.UPSTREAM, Tier.EXACT]
        assert tier(model.invoke("Add 1 to it now")) is Tier.UPSTREAM

    def test_several_generations(self, openai: MakeModel, cache: SemanticCache) -> None:
        model = cached(openai(n=2), cache)
        first, second = (model.generate([[HumanMessage(QUESTION)]]) for _ in range(2))
        assert [len(one.generations[0]) for one in (first, second)] == [2, 2]
        assert second.llm_output == first.llm_output
        assert cache.stats().hits == {"exact": 1}


class TestItself:
    def test_it_is_of_its_own_class_and_the_model_stays_as_it_was(
        self, chat: MakeModel, cache: SemanticCache
    ) -> None:
        model = chat()
        ours = cached(model, cache)
        assert isinstance(ours, type(model))
        assert type(ours).__name__ == type(model).__name__
        assert dumpd(ours) == dumpd(model)
        assert ours._get_llm_string() == model._get_llm_string()
        assert type(model) in (ChatOpenAI, ChatAnthropic)
        assert model.cache is None

    @pytest.mark.parametrize(
        "copied",
        [
            copy.copy,
            lambda model: model.model_copy(),
            lambda model: model.model_copy(update={"tags": ["a"]}),
            lambda model: model.with_config(tags=["a"]),
            lambda model: model.with_retry(),
            lambda model: model.bind(),
            lambda model: model.configurable_fields(
                temperature=ConfigurableField(id="t")
            ).with_config(configurable={"t": None}),
            lambda model: ChatPromptTemplate.from_messages([("human", "{input}")]) | model,
        ],
    )
    def test_what_is_made_of_it_has_the_memory_too(
        self, openai: MakeModel, cache: SemanticCache, copied: Callable[[Any], Any]
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(QUESTION)
        assert tier(copied(model).invoke(QUESTION)) is Tier.EXACT

    def test_a_field_that_is_changed_counts(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        """LangChain's own caches are told what the model was when it was first called."""
        model = cached(openai(), cache)
        model.invoke(QUESTION)
        model.temperature = 1.5
        assert tier(model.invoke(QUESTION)) is Tier.UPSTREAM
        assert upstream.requests[-1].json["temperature"] == 1.5

    def test_another_cache_replaces_the_first(
        self, openai: MakeModel, cache: SemanticCache
    ) -> None:
        model = cached(openai(), cache)
        model.invoke(QUESTION)
        with SemanticCache(":memory:") as another:
            assert tier(cached(model, another).invoke(QUESTION)) is Tier.UPSTREAM
            assert cache.stats().lookups == 1

    def test_no_other_cache_is_asked(self, openai: MakeModel, cache: SemanticCache) -> None:
        set_llm_cache(InMemoryCache())
        try:
            model = cached(openai(cache=CachebackCache(cache_dir=":memory:")), cache)
            model.invoke(QUESTION)
            assert tier(model.invoke(QUESTION)) is Tier.EXACT
        finally:
            set_llm_cache(None)

    def test_only_chat_models(self, openai: MakeModel, cache: SemanticCache) -> None:
        others: list[Any] = [openai().bind_tools([add]), OpenAI(api_key=SecretStr("k"))]
        for other in others:
            with pytest.raises(InputError, match="wrap the model first"):
                cached(other, cache)

    def test_a_cache_of_its_own(self, openai: MakeModel) -> None:
        model = cached(openai(), cache_dir=":memory:", similarity_threshold=1.0)
        model.invoke(QUESTION)
        assert tier(model.invoke(REWORDED)) is Tier.UPSTREAM

    @pytest.mark.parametrize(
        "take", [cached, lambda _, *given, **all: CachebackCache(*given, **all)]
    )
    def test_what_is_no_cache(
        self, take: Callable[..., Any], openai: MakeModel, cache: SemanticCache
    ) -> None:
        with pytest.raises(ConfigurationError, match="a directory is given as cache_dir"):
            take(openai(), "~/.cacheback")
        with pytest.raises(ConfigurationError, match="cache_ttl is given beside a cache"):
            take(openai(), cache, cache_ttl=60)


class TestScope:
    def test_two_keys_are_two_tenants(self, chat: MakeModel, cache: SemanticCache) -> None:
        cached(chat(api_key="one"), cache).invoke(QUESTION)
        assert tier(cached(chat(api_key="two"), cache).invoke(QUESTION)) is Tier.UPSTREAM
        assert tier(cached(chat(api_key="one"), cache).invoke(QUESTION)) is Tier.EXACT

    def test_unless_one_is_named(self, chat: MakeModel) -> None:
        with SemanticCache(":memory:", tenant="us") as shared:
            cached(chat(api_key="one"), shared).invoke(QUESTION)
            assert tier(cached(chat(api_key="two"), shared).invoke(QUESTION)) is Tier.EXACT

    def test_a_key_that_a_function_gives_tells_nobody(self, openai: MakeModel) -> None:
        for tenant, found in ((None, Tier.UPSTREAM), ("us", Tier.EXACT)):
            with SemanticCache(":memory:", tenant=tenant) as cache:
                model = cached(openai(api_key=lambda: "k"), cache)
                model.invoke(QUESTION)
                assert tier(model.invoke(QUESTION)) is found

    def test_what_is_secret_and_no_key_counts(
        self, anthropic: MakeModel, cache: SemanticCache
    ) -> None:
        def served(name: str) -> Any:
            servers = [{"type": "url", "url": f"http://{name}", "name": name}]
            model = anthropic(mcp_servers=servers, betas=["mcp-client-2025-04-04"])
            return cached(model, cache).invoke(QUESTION)

        assert [tier(served(name)) for name in ("a", "b", "a")] == [
            Tier.UPSTREAM,
            Tier.UPSTREAM,
            Tier.EXACT,
        ]

    def test_a_default_model_is_named(
        self, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        """A dump leaves defaults out, and the next release may have another."""
        cached(ChatOpenAI(api_key=SecretStr("k"), base_url=upstream.openai_url), cache).invoke(
            QUESTION
        )
        (entry,) = cache.entries()
        parts = cache.store.scope_parts(entry.scope)
        assert parts is not None
        assert parts["model"] == "gpt-3.5-turbo"

    def test_models_that_cannot_be_dumped_are_told_apart_by_their_fields(
        self, cache: SemanticCache
    ) -> None:
        def ask(**fields: Any) -> AIMessage:
            return cached(Mine(**fields), cache).invoke(QUESTION)

        assert tier(ask()) is Tier.UPSTREAM
        assert tier(ask(warmth=1)) is Tier.UPSTREAM
        assert tier(ask(key=SecretStr("s"))) is Tier.UPSTREAM
        assert tier(ask()) is Tier.EXACT

    def test_two_schemas_of_one_name(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        class Town(BaseModel):
            """A city."""

            size: int

        Town.__name__, Town.__qualname__ = "City", City.__qualname__
        upstream.script('{"name": "Paris"}', '{"size": 1}')
        model = cached(openai(), cache)
        for schema, value in ((City, {"name": "Paris"}), (Town, {"size": 1})) * 2:
            found = model.with_structured_output(schema, method="json_schema").invoke("A city?")
            assert type(found) is schema
            assert found.model_dump() == value
        assert upstream.calls == 2


class TestStructuredOutput:
    @pytest.mark.parametrize("method", ["json_schema", "function_calling"])
    def test_it_stays_what_it_is(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream, method: str
    ) -> None:
        call = ToolCall("call_1", "City", '{"name": "Paris"}')
        upstream.script(
            '{"name": "Paris"}' if method == "json_schema" else Reply(tool_calls=(call,))
        )
        model = cached(openai(), cache).with_structured_output(City, method=method)
        found = [model.invoke("A city?") for _ in range(2)]
        assert found == [City(name="Paris")] * 2
        assert upstream.calls == 1
        assert ("response_format" in upstream.requests[0].json) == (method == "json_schema")

    def test_what_was_parsed_is_an_object_again(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script('{"name": "Paris"}')
        model = cached(openai(), cache).with_structured_output(
            City, method="json_schema", include_raw=True
        )
        for _ in range(2):
            found = model.invoke("A city?")
            assert found["raw"].additional_kwargs["parsed"] == City(name="Paris")
        assert upstream.calls == 1

    def test_it_is_never_answered_by_meaning(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script('{"name": "Paris"}', '{"name": "Lyon"}')
        model = cached(openai(), cache).with_structured_output(City, method="json_schema")
        assert [model.invoke(text).name for text in (QUESTION, REWORDED)] == ["Paris", "Lyon"]


class TestSingleFlight:
    def test_a_batch_of_equals_is_one_call(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.hold()
        found: list[list[AIMessage]] = []
        model = cached(chat(), cache)
        thread = threading.Thread(target=lambda: found.append(model.batch([QUESTION] * 5)))
        thread.start()
        upstream.wait_for(1)
        upstream.release()
        thread.join()
        (answers,) = found
        assert upstream.calls == 1
        assert len({one.id for one in answers}) == 5
        assert len({one.content for one in answers}) == 1

    async def test_async(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        answers = await cached(chat(), cache).abatch([QUESTION] * 20)
        assert upstream.calls == 1
        assert len({one.id for one in answers}) == 20

    async def test_an_invocation_follows_a_stream(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)

        async def stream() -> str:
            return "".join([chunk.text async for chunk in model.astream(QUESTION)])

        streamed, again, invoked = await asyncio.gather(stream(), stream(), model.ainvoke(QUESTION))
        assert streamed == again == invoked.text
        assert upstream.calls == 1

    async def test_who_follows_a_failure_calls(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(status=500, text="no"))
        model = cached(openai(), cache)
        found = await model.abatch([QUESTION] * 2, return_exceptions=True)
        assert sorted(isinstance(one, AIMessage) for one in found) == [False, True]
        assert upstream.calls == 2


class TestControls:
    def test_streams(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        def ask(**controls: Any) -> str:
            model = cached(openai(), cache, controls=Controls(**controls))
            return "".join(chunk.text for chunk in model.stream(QUESTION))

        with pytest.raises(NotCachedError):
            ask(mode="only-if-cached")
        bypassed = ask(mode="bypass")
        assert cache.stats().entries == 0
        assert ask() == ask(mode="only-if-cached") == ask(mode="refresh") == bypassed
        assert upstream.calls == 3

    def test_a_blocked_question(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        cache.negative.add(QUESTION)
        model = cached(openai(), cache)
        with pytest.raises(BlockedError):
            model.invoke(REWORDED)
        with pytest.raises(BlockedError):
            list(model.stream(REWORDED))
        assert upstream.calls == 0

    def test_a_blocked_question_that_a_function_answers(self, openai: MakeModel) -> None:
        with SemanticCache(":memory:", on_negative_hit=lambda *_: "Ask me no more.") as own:
            own.negative.add(QUESTION)
            model = cached(openai(), own)
            assert model.invoke(QUESTION).text == "Ask me no more."
            assert "".join(chunk.text for chunk in model.stream(QUESTION)) == "Ask me no more."
            assert tier(model.invoke(QUESTION)) is Tier.NEGATIVE

    def test_modes(self, openai: MakeModel, cache: SemanticCache) -> None:
        def ask(**controls: Any) -> Any:
            return cached(openai(), cache, controls=Controls(**controls)).invoke(QUESTION)

        with pytest.raises(NotCachedError):
            ask(mode="only-if-cached")
        assert tier(ask(mode="bypass")) is Tier.UPSTREAM
        assert tier(ask(tags=("mine",))) is Tier.UPSTREAM
        assert tier(ask(mode="only-if-cached")) is Tier.EXACT
        assert tier(ask(mode="refresh")) is Tier.UPSTREAM
        assert tier(ask(namespace="n")) is Tier.UPSTREAM
        assert cache.invalidate(tags=["mine"]) in (0, 1)

    def test_a_rate_is_limited_for_calls_only(
        self, openai: MakeModel, cache: SemanticCache
    ) -> None:
        limiter = Counting()
        model = cached(cached(openai(rate_limiter=limiter), cache), cache)
        for _ in range(3):
            model.invoke(QUESTION)
            list(model.stream(QUESTION))
        assert limiter.asked == 1

    async def test_async(self, openai: MakeModel, cache: SemanticCache) -> None:
        limiter = Counting()
        model = cached(openai(rate_limiter=limiter), cache)
        for _ in range(3):
            await model.ainvoke(QUESTION)
            _ = [chunk async for chunk in model.astream(QUESTION)]
        assert limiter.asked == 1


class TestNeverInTheWay:
    def test_what_cannot_be_read_is_called(
        self,
        openai: MakeModel,
        cache: SemanticCache,
        upstream: ScriptedUpstream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr("langchain_cacheback.memory.conversation", fail)
        model = cached(openai(), cache)
        assert model.invoke(QUESTION).text
        assert "".join(chunk.text for chunk in model.stream(QUESTION))
        assert upstream.calls == 2
        assert cache.stats().faults == {"wire_failed": 2}

    @pytest.mark.parametrize("name", ["answer_of", "generations_of"])
    async def test_what_cannot_be_told_is_called(
        self,
        openai: MakeModel,
        cache: SemanticCache,
        upstream: ScriptedUpstream,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
    ) -> None:
        def fail(*_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr(f"langchain_cacheback.memory.{name}", fail)
        model = cached(openai(), cache)
        for _ in range(2):
            assert (await model.ainvoke(QUESTION)).text
        for _ in range(2):
            assert "".join([chunk.text async for chunk in model.astream("Why is the sky blue?")])
        assert upstream.calls == 4
        assert cache.stats().faults["wire_failed"] >= 2

    def test_errors_are_the_provider_s_own(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        from openai import RateLimitError

        upstream.script(Reply(status=429, text="slow down"), Reply(status=429, text="slow down"))
        model = cached(openai(), cache)
        with pytest.raises(RateLimitError):
            model.invoke(QUESTION)
        with pytest.raises(RateLimitError):
            list(model.stream(QUESTION))
        assert tier(model.invoke(QUESTION)) is Tier.UPSTREAM


def test_a_model_without_streams_is_still_without(cache: SemanticCache) -> None:
    model = cached(Mine(), cache)
    assert [chunk.text for chunk in model.stream(QUESTION)] == ["Mine."]
    assert [chunk.text for chunk in model.stream(QUESTION)] == ["Mine."]
    assert cache.stats().hits == {"exact": 1}


def test_a_fake_model_streams(cache: SemanticCache) -> None:
    model = cached(FakeListChatModel(responses=["One two."]), cache)
    assert "".join(chunk.text for chunk in model.stream(QUESTION)) == "One two."


class Counting(InMemoryRateLimiter):
    """Counts who asks."""

    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += blocking
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire(blocking=blocking)


class Mine(BaseChatModel):
    """A model of one's own, of the simplest kind."""

    warmth: float = 0
    key: SecretStr | None = None
    client: Any = None

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Mine."))])

    @property
    def _llm_type(self) -> str:
        return "mine"
