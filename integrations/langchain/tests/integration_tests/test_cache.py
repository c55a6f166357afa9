"""`set_llm_cache(CachebackCache())` with real models, against a provider on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_openai import OpenAI
from openai import InternalServerError
from pydantic import BaseModel, SecretStr

from cacheback import (
    Answer,
    BlockedError,
    Controls,
    NotCachedError,
    SemanticCache,
    Tier,
    ToolCall,
    info,
)
from cacheback import Reply as ReplyTo
from cacheback.testing import Faulty, Reply, ScriptedUpstream
from langchain_cacheback import CachebackCache

MakeModel = Callable[..., Any]
QUESTION, REWORDED = "What is the capital of France?", "capital of France?"


@pytest.fixture
def llm_cache(cache: SemanticCache) -> Iterator[CachebackCache]:
    """LangChain's own way: one cache for all models of the program."""
    ours = CachebackCache(cache)
    set_llm_cache(ours)
    yield ours
    set_llm_cache(None)


pytestmark = pytest.mark.usefixtures("llm_cache")


def tier(message: AIMessage) -> Tier | None:
    """Who answered; None for upstream, as LangChain lets a cache write nothing into a miss."""
    told = info(message.response_metadata)
    return told.tier if told else None


class TestHits:
    def test_by_text_and_by_meaning(self, chat: MakeModel, upstream: ScriptedUpstream) -> None:
        model = chat()
        asked = [model.invoke(text) for text in (QUESTION, QUESTION, REWORDED)]
        assert [tier(message) for message in asked] == [None, Tier.EXACT, Tier.SEMANTIC]
        assert len({message.content for message in asked}) == 1
        assert upstream.calls == 1

    async def test_async(self, chat: MakeModel, upstream: ScriptedUpstream) -> None:
        model = chat()
        asked = [await model.ainvoke(text) for text in (QUESTION, QUESTION, REWORDED)]
        assert [tier(message) for message in asked] == [None, Tier.EXACT, Tier.SEMANTIC]
        assert upstream.calls == 1

    def test_a_hit_is_the_message_with_a_fresh_id(self, chat: MakeModel) -> None:
        model = chat()
        first, second, third = (model.invoke(QUESTION) for _ in range(3))
        assert len({first.id, second.id, third.id}) == 3
        assert second.content == first.content
        assert second.usage_metadata == {**first.usage_metadata, "total_cost": 0}
        metadata = {**second.response_metadata}
        told = metadata.pop("cacheback")
        assert metadata == first.response_metadata
        assert told["saved"]["tokens"] == first.usage_metadata["total_tokens"]

    def test_the_question_alone_is_embedded(self, chat: MakeModel, cache: SemanticCache) -> None:
        history = [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello!")]
        chat().invoke([*history, HumanMessage(QUESTION)])
        assert [entry.question for entry in cache.entries()] == [QUESTION]

    def test_a_model_that_completes_text(
        self, upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        model = OpenAI(model="babbage", api_key=SecretStr("k"), base_url=upstream.openai_url)
        assert model.invoke(QUESTION) == model.invoke(QUESTION) == model.invoke(REWORDED)
        assert upstream.calls == 1
        assert cache.stats().hits == {"exact": 1, "semantic": 1}

    def test_tool_calls_come_back_whole(
        self, openai: MakeModel, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(tool_calls=(ToolCall("call_1", "add", '{"a": 1}'),)))
        model = openai().bind_tools([add])
        first, second = (model.invoke("Add 1 to it") for _ in range(2))
        assert second.tool_calls == first.tool_calls
        assert second.tool_calls == [
            {"name": "add", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}
        ]
        assert upstream.calls == 1


def add(a: int) -> int:
    """Add."""
    return a


class City(BaseModel):
    """A city."""

    name: str


class TestScope:
    @pytest.mark.parametrize(
        "other",
        [
            {"model": "gpt-4o"},
            {"temperature": 1.5},
            {"default_headers": {"X-Team": "b"}},
            {"max_tokens": 9},
        ],
    )
    def test_no_answer_crosses_models(
        self, openai: MakeModel, upstream: ScriptedUpstream, other: dict[str, Any]
    ) -> None:
        openai().invoke(QUESTION)
        assert tier(openai(**other).invoke(QUESTION)) is None
        assert upstream.calls == 2

    @pytest.mark.parametrize("other", [{"timeout": 9.0}, {"name": "Ann"}, {"tags": ["a"]}])
    def test_what_does_not_matter_does_not_split(
        self, openai: MakeModel, other: dict[str, Any]
    ) -> None:
        openai().invoke(QUESTION)
        assert tier(openai(**other).invoke(QUESTION)) is Tier.EXACT

    @pytest.mark.parametrize(
        "earlier",
        [
            [SystemMessage("Be rude.")],
            [HumanMessage("Hi"), AIMessage("Hello!")],
            [ToolMessage("x", tool_call_id="1")],
        ],
    )
    def test_no_answer_crosses_conversations(
        self, openai: MakeModel, earlier: list[AnyMessage]
    ) -> None:
        openai().invoke(QUESTION)
        messages = [*earlier, HumanMessage(QUESTION)]
        assert tier(openai().invoke(messages)) is None
        assert tier(openai().invoke(messages)) is Tier.EXACT

    def test_the_scope_comes_before_the_nearest(
        self, openai: MakeModel, upstream: ScriptedUpstream
    ) -> None:
        """Existing caches take the nearest of all and then look whose it is: a false miss."""
        openai().invoke(QUESTION)
        openai(model="gpt-4o").invoke(REWORDED)
        assert tier(openai().invoke(REWORDED)) is Tier.SEMANTIC
        assert upstream.calls == 2

    def test_two_keys_share_unless_a_namespace_parts_them(
        self, openai: MakeModel, cache: SemanticCache
    ) -> None:
        """LangChain hides keys from a cache."""
        openai(api_key="one").invoke(QUESTION)
        assert tier(openai(api_key="two").invoke(QUESTION)) is Tier.EXACT
        apart = CachebackCache(cache, controls=Controls(namespace="two"))
        assert tier(openai(api_key="two", cache=apart).invoke(QUESTION)) is None

    def test_a_tenant_of_one_s_own(self, openai: MakeModel, tmp_path: Path) -> None:
        found = []
        for tenant in ("one", "two", "one"):
            with SemanticCache(tmp_path, tenant=tenant) as own:
                found.append(tier(openai(cache=CachebackCache(own)).invoke(QUESTION)))
        assert found == [None, None, Tier.EXACT]


class TestExactOnly:
    def test_tools(self, openai: MakeModel, upstream: ScriptedUpstream) -> None:
        model = openai().bind_tools([add])
        found = [tier(model.invoke(text)) for text in (QUESTION, REWORDED, QUESTION)]
        assert found == [None, None, Tier.EXACT]
        assert upstream.calls == 2

    def test_structured_output_as_json(self, openai: MakeModel, upstream: ScriptedUpstream) -> None:
        model = openai().with_structured_output(City.model_json_schema(), method="json_schema")
        upstream.script('{"name": "Paris"}', '{"name": "Lyon"}')
        found = [model.invoke(text) for text in (QUESTION, REWORDED, QUESTION)]
        assert found == [{"name": "Paris"}, {"name": "Lyon"}, {"name": "Paris"}]

    def test_two_schemas_of_one_name_share_nothing(
        self, openai: MakeModel, upstream: ScriptedUpstream, cache: SemanticCache
    ) -> None:
        """LangChain tells a cache a class by its name only, so nothing of it is cached."""

        class Town(BaseModel):
            """A city."""

            size: int

        Town.__name__, Town.__qualname__ = "City", City.__qualname__
        upstream.script('{"name": "Paris"}', '{"size": 1}', '{"name": "Paris"}')
        for schema in (City, Town, City):
            found = openai().with_structured_output(schema, method="json_schema").invoke("A city?")
            assert type(found) is schema
        assert upstream.calls == 3
        assert cache.stats().misses == {"stateful": 3}
        assert cache.stats().entries == 0


class TestNotStored:
    @pytest.mark.parametrize(
        "reply", [Reply(text="Par", finish_reason="length"), Reply(text="no", status=500)]
    )
    def test_what_is_cut_short_or_failed(
        self, openai: MakeModel, upstream: ScriptedUpstream, cache: SemanticCache, reply: Reply
    ) -> None:
        upstream.script(reply)
        with suppress(InternalServerError):
            openai().invoke(QUESTION)
        assert cache.stats().entries == 0

    def test_no_secret_is_stored(self, openai: MakeModel, tmp_path: Path) -> None:
        with SemanticCache(tmp_path / "own") as own:
            secret = {"Authorization": "Bearer s3cret", "X-Key": "s3cret"}
            model = openai(api_key="s3cret", default_headers=secret, cache=CachebackCache(own))
            model.invoke(QUESTION, extra_headers={"X-Other": "s3cret"})
            assert own.stats().entries == 1
        for file in (tmp_path / "own").rglob("*"):
            assert b"s3cret" not in file.read_bytes()


class TestNeverInTheWay:
    @pytest.mark.parametrize("part", ["store", "embedder", "judge"])
    def test_whatever_fails_is_a_miss(
        self, openai: MakeModel, upstream: ScriptedUpstream, cache: SemanticCache, part: str
    ) -> None:
        model = openai()
        model.invoke(QUESTION)
        inner = getattr(cache.engine.parts, part)
        methods = {name for name in dir(inner) if not name.startswith("_")}
        callables = {name for name in methods if callable(getattr(inner, name))} - {
            "close",
            "stats",
        }
        object.__setattr__(cache.engine.parts, part, Faulty(inner, callables, ZeroDivisionError))
        assert model.invoke(REWORDED).content
        assert upstream.calls == 2
        object.__setattr__(cache.engine.parts, part, inner)

    def test_what_cannot_be_read_is_a_miss_and_counted(
        self, cache: SemanticCache, llm_cache: CachebackCache
    ) -> None:
        strange: Any = object()
        llm_cache.update("a prompt", strange, [Generation(text="x")])
        assert llm_cache.lookup("a prompt", strange) is None
        assert cache.stats().faults == {"wire_failed": 2}

    def test_an_answer_that_cannot_be_told_is_a_miss_and_counted(
        self, cache: SemanticCache, llm_cache: CachebackCache
    ) -> None:
        request = llm_cache._request("a prompt", "llm")
        assert request is not None
        cache.record(request, ReplyTo(None, Answer("x", (ToolCall("1", "add", "no JSON"),))))
        assert llm_cache.lookup("a prompt", "llm") is None
        assert cache.stats().faults == {"wire_failed": 1}


class TestOtherTiers:
    def test_only_if_cached(self, openai: MakeModel, cache: SemanticCache) -> None:
        only = CachebackCache(cache, controls=Controls(mode="only-if-cached"))
        with pytest.raises(NotCachedError):
            openai(cache=only).invoke(QUESTION)
        openai().invoke(QUESTION)
        assert tier(openai(cache=only).invoke(QUESTION)) is Tier.EXACT

    async def test_a_blocked_question(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        cache.negative.add(QUESTION)
        with pytest.raises(BlockedError):
            openai().invoke(QUESTION)
        with pytest.raises(BlockedError):
            await openai().ainvoke(REWORDED)
        assert upstream.calls == 0

    def test_concurrent_lookups_wait_for_nothing(self, openai: MakeModel) -> None:
        """A lookup is not told of the call that follows it, so nobody may wait for that."""
        assert len(openai().batch([QUESTION] * 8)) == 8


class TestLookup:
    def test_what_was_stored_comes_back_as_a_list_of_its_own(
        self, llm_cache: CachebackCache
    ) -> None:
        llm_cache.update("a prompt", "llm", (Generation(text="x", generation_info={"a": [1]}),))
        first, second = (llm_cache.lookup("a prompt", "llm") for _ in range(2))
        assert type(first) is list
        assert first == second
        assert first[0].generation_info is not None
        first[0].generation_info["a"].append(2)
        assert llm_cache.lookup("a prompt", "llm") == second

    def test_a_message_comes_back_but_for_its_id_and_our_mark(
        self, llm_cache: CachebackCache
    ) -> None:
        stored = ChatGeneration(message=AIMessage("x", id="chatcmpl-1"))
        llm_cache.update("a prompt", "llm", [stored])
        found = llm_cache.lookup("a prompt", "llm")
        assert found is not None
        message = found[0].message  # type: ignore[attr-defined]
        assert message.response_metadata.pop("cacheback")["tier"] == "exact"
        assert message.id.startswith("lc_run--")
        assert message.model_copy(update={"id": "chatcmpl-1"}) == stored.message

    def test_an_empty_list_is_not_stored(self, llm_cache: CachebackCache) -> None:
        llm_cache.update("a prompt", "llm", [])
        assert llm_cache.lookup("a prompt", "llm") is None


class TestClear:
    def test_it_deletes_what_it_wrote_and_nothing_else(self, cache: SemanticCache) -> None:
        ours, others = (
            CachebackCache(cache),
            CachebackCache(cache, controls=Controls(namespace="n")),
        )
        for one in (ours, others):
            one.update("a prompt", "llm", [Generation(text="x")])
        cache.populate("a question", "an answer")
        ours.clear(older_than=60)
        assert cache.stats().entries == 3
        ours.clear()
        assert ours.lookup("a prompt", "llm") is None
        assert others.lookup("a prompt", "llm") is not None
        assert cache.lookup("a question") is not None

    async def test_async(self, cache: SemanticCache) -> None:
        ours = CachebackCache(cache)
        await ours.aupdate("a prompt", "llm", [Generation(text="x")])
        cache.populate("a question", "an answer")
        await ours.aclear()
        assert await ours.alookup("a prompt", "llm") is None
        assert cache.stats().entries == 1


def test_controls_reach_the_entries(cache: SemanticCache) -> None:
    controls = Controls(ttl=60, tags=("mine",))
    CachebackCache(cache, controls=controls).update("a prompt", "llm", [Generation(text="x")])
    (entry,) = cache.entries()
    assert entry.expires_at is not None
    assert entry.expires_at - entry.created_at == pytest.approx(60)
    assert "mine" in entry.tags
    assert entry.provenance == "upstream"
