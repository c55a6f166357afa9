"""Streams of cached models: recorded as they pass, replayed with all that a miss tells."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, message_chunk_to_message
from pydantic import BaseModel

from cacheback import SemanticCache, Tier, ToolCall, info
from cacheback.testing import Reply, ScriptedUpstream
from langchain_cacheback import cached

MakeModel = Callable[..., Any]
QUESTION, REWORDED = "What is the capital of France?", "capital of France?"


def whole(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """What a reader of a stream adds up."""
    first, *more = chunks
    for one in more:
        first += one
    return first


def tier(message: BaseMessage) -> Tier | None:
    """Who answered; None for upstream, whose chunks pass untouched."""
    told = info(message.response_metadata)
    return told.tier if told else None


def bare(message: AIMessageChunk) -> BaseMessage:
    """A message without what a hit has of its own."""
    found = message_chunk_to_message(message)
    found.id = None
    found.response_metadata.pop("cacheback", None)
    (found.usage_metadata or {}).pop("total_cost", None)  # type: ignore[attr-defined]
    return found


class TestReplay:
    def test_by_text_and_by_meaning(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)
        asked = [whole(list(model.stream(text))) for text in (QUESTION, QUESTION, REWORDED)]
        assert [tier(one) for one in asked] == [None, Tier.EXACT, Tier.SEMANTIC]
        assert bare(asked[0]) == bare(asked[1]) == bare(asked[2])
        assert len({one.id for one in asked}) == 3
        assert upstream.calls == 1

    async def test_async(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)
        asked = [
            whole([chunk async for chunk in model.astream(text)])
            for text in (QUESTION, QUESTION, REWORDED)
        ]
        assert [tier(one) for one in asked] == [None, Tier.EXACT, Tier.SEMANTIC]
        assert bare(asked[0]) == bare(asked[1]) == bare(asked[2])
        assert upstream.calls == 1

    def test_word_by_word_with_usage_on_the_last(
        self, chat: MakeModel, cache: SemanticCache
    ) -> None:
        model = cached(chat(), cache)
        list(model.stream(QUESTION))
        *words, last = model.stream(QUESTION)
        assert len(words) > 10
        assert not any(one.usage_metadata for one in words)
        assert last.usage_metadata is not None
        assert last.usage_metadata["output_tokens"] > 0
        assert last.chunk_position == "last"

    def test_what_came_whole_is_streamed_and_the_other_way_round(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)
        invoked = model.invoke(QUESTION)
        assert whole(list(model.stream(QUESTION))).text == invoked.text
        streamed = whole(list(model.stream("Why is the sky blue?")))
        found = model.invoke("Why is the sky blue?")
        assert found.text == streamed.text
        counted: Any = streamed.usage_metadata
        assert found.usage_metadata["input_tokens"] == counted["input_tokens"]
        assert upstream.calls == 2

    def test_tool_calls(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        calls = (ToolCall("1", "add", '{"a": 1}'), ToolCall("2", "add", '{"a": 2}'))
        upstream.script(Reply(tool_calls=calls))
        model = cached(chat(), cache).bind_tools([add])
        first, second = (whole(list(model.stream("Add 1 and 2"))) for _ in range(2))
        assert [call["args"] for call in second.tool_calls] == [{"a": 1}, {"a": 2}]
        assert second.tool_calls == first.tool_calls
        assert upstream.calls == 1

    def test_structured_output(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script('{"name": "Paris"}')
        model = cached(openai(), cache).with_structured_output(City, method="json_schema")
        for _ in range(2):
            assert list(model.stream("A city?"))[-1] == City(name="Paris")
        assert upstream.calls == 1

    def test_the_format_that_was_asked_for(self, chat: MakeModel, cache: SemanticCache) -> None:
        model = cached(chat(output_version="v1"), cache)
        first, second = (whole(list(model.stream(QUESTION))) for _ in range(2))
        assert second.content_blocks == first.content_blocks
        assert second.content[0]["type"] == "text"  # type: ignore[index]


def add(a: int) -> int:
    """Add."""
    return a


class City(BaseModel):
    """A city."""

    name: str


class Heard(BaseCallbackHandler):
    """Counts what LangChain tells a handler."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.text = ""

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self.events["start"] += 1

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.events["token"] += 1
        self.text += token if isinstance(token, str) else "".join(t.get("text", "") for t in token)

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.events["end"] += 1

    def on_llm_error(self, *_: Any, **__: Any) -> None:
        self.events["error"] += 1


class TestCallbacks:
    def test_a_hit_tells_what_a_miss_does(self, chat: MakeModel, cache: SemanticCache) -> None:
        model = cached(chat(), cache)
        cold, warm = Heard(), Heard()
        for heard in (cold, warm):
            list(model.stream(QUESTION, config={"callbacks": [heard]}))
        assert warm.text == cold.text
        assert [heard.events["start"] for heard in (cold, warm)] == [1, 1]
        assert [heard.events["end"] for heard in (cold, warm)] == [1, 1]
        assert warm.events["token"] > 10

    def test_so_does_an_invocation_of_a_model_that_streams(
        self, openai: MakeModel, cache: SemanticCache
    ) -> None:
        model = cached(openai(streaming=True), cache)
        cold, warm = Heard(), Heard()
        for heard in (cold, warm):
            model.invoke(QUESTION, config={"callbacks": [heard]})
        assert warm.text == cold.text
        assert warm.events["token"] > 10
        assert cache.stats().hits == {"exact": 1}

    async def test_followers_of_a_stream_hear_it_each(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(chat(), cache)
        listeners = [Heard() for _ in range(3)]

        async def read(heard: Heard) -> None:
            async for _ in model.astream(QUESTION, config={"callbacks": [heard]}):
                pass

        await asyncio.gather(*(read(heard) for heard in listeners))
        assert upstream.calls == 1
        assert len({heard.text for heard in listeners}) == 1
        assert {heard.events["end"] for heard in listeners} == {1}

    async def test_events(self, chat: MakeModel, cache: SemanticCache) -> None:
        model = cached(chat(), cache)
        seen: list[Counter[str]] = []
        for _ in range(2):
            kinds: Counter[str] = Counter()
            async for event in model.astream_events(QUESTION):
                kinds[event["event"]] += 1
            seen.append(kinds)
        for kinds in seen:
            assert kinds["on_chat_model_start"] == kinds["on_chat_model_end"] == 1
            assert kinds["on_chat_model_stream"] > 10

    async def test_what_a_chunk_is_made_into_is_no_other_reader_s(
        self, chat: MakeModel, cache: SemanticCache
    ) -> None:
        """LangChain writes ids and metadata into chunks that it is given."""
        model = cached(chat(), cache)

        async def read() -> list[AIMessageChunk]:
            return [chunk async for chunk in model.astream(QUESTION)]

        one, other = await asyncio.gather(read(), read())
        assert whole(one).id != whole(other).id
        one[1].content = "changed"
        assert whole(await read()).text == whole(other).text != whole(one).text


class TestOtherWays:
    """What else ends in a stream of chunks: OpenAI's other endpoint, and events by protocol."""

    def test_responses(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model = cached(openai(use_responses_api=True), cache)
        asked = [whole(list(model.stream(text))) for text in (QUESTION, QUESTION, REWORDED)]
        assert [tier(one) for one in asked] == [None, Tier.EXACT, Tier.SEMANTIC]
        assert bare(asked[0]) == bare(asked[1]) == bare(asked[2])
        assert len({one.id for one in asked}) == 3
        assert model.invoke(QUESTION).text == asked[0].text
        assert upstream.calls == 1

    def test_tool_calls_of_responses(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(tool_calls=(ToolCall("call_1", "add", '{"a": 1}'),)))
        model = cached(openai(use_responses_api=True), cache).bind_tools([add])
        first, second = (whole(list(model.stream("Add 1 to it"))) for _ in range(2))
        assert bare(first) == bare(second)
        assert second.tool_calls[0]["args"] == {"a": 1}
        assert upstream.calls == 1

    @pytest.mark.skipif(
        not hasattr(BaseChatModel, "_iter_v2_events"), reason="they came with later releases"
    )
    def test_events_by_protocol(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        model: Any = cached(chat(), cache)
        cold, warm = (model.stream_events(QUESTION, version="v3") for _ in range(2))
        assert str(cold.text) == str(warm.text)
        assert warm.output.usage_metadata["output_tokens"] > 0
        assert upstream.calls == 1


class TestNotStored:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(text="Par", finish_reason="length"),
            Reply(text="one two three", fail_after=2),
            Reply(text="one two three", cut_after=300),
        ],
    )
    def test_what_did_not_come_whole(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream, reply: Reply
    ) -> None:
        upstream.script(reply)
        model = cached(chat(), cache)
        with suppress(Exception):  # what a provider's own error is, each SDK says in its own way
            list(model.stream(QUESTION))
        assert cache.stats().entries == 0
        assert whole(list(model.stream(QUESTION))).text
        assert cache.stats().entries == 1

    def test_what_nobody_read_to_its_end(self, chat: MakeModel, cache: SemanticCache) -> None:
        stream = cached(chat(), cache).stream(QUESTION)
        next(stream)
        stream.close()
        assert cache.stats().entries == 0

    async def test_async(self, chat: MakeModel, cache: SemanticCache) -> None:
        stream = cached(chat(), cache).astream(QUESTION)
        await anext(stream)
        await stream.aclose()
        assert cache.stats().entries == 0


def test_tokens_pass_as_they_come(
    chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    """Whoever kept them back until the stream is whole would have nothing to pass here."""
    upstream.script(Reply(text="one two three four", fail_after=5))
    heard = Heard()
    with pytest.raises(Exception, match=r"(?i)error"):
        list(cached(chat(), cache).stream(QUESTION, config={"callbacks": [heard]}))
    assert heard.text.startswith("one two")
    assert heard.events["error"] == 1
