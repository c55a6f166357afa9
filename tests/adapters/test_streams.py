"""Streams: recorded while they pass, replayed, shared while they arrive."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from cacheback import AsyncCachedOpenAI, CachedOpenAI, Reason, SemanticCache, ToolCall, info
from cacheback.testing import Reply, ScriptedUpstream

if TYPE_CHECKING:
    import openai

FRANCE = "What is the capital of France?"
MESSAGES: Any = [{"role": "user", "content": FRANCE}]
TEXT = "The capital of France is Paris, which lies on the Seine."


def stream(client: openai.OpenAI, question: str = FRANCE, **options: Any) -> Any:
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        stream=True,
        **options,
    )


def text(chunks: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def ask(client: openai.OpenAI, question: str = FRANCE, **options: Any) -> Any:
    return client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}], **options
    )


class TestRecording:
    def test_a_miss_passes_and_a_hit_is_replayed(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        assert text(stream(client)) == TEXT
        chunks = list(stream(client))
        assert upstream.calls == 1
        assert text(chunks) == TEXT
        assert len(chunks) > 3
        told = info(chunks[0])
        assert told is not None
        assert told.reason is Reason.SAME_TEXT

    def test_a_paraphrase_is_replayed_as_well(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        list(stream(client))
        assert text(stream(client, "capital of France?")) == TEXT
        assert upstream.calls == 1

    def test_a_stored_stream_answers_a_call_without_streaming(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        list(stream(client, stream_options={"include_usage": True}))
        hit = ask(client)
        assert hit.cacheback_hit
        assert hit.choices[0].message.content == TEXT
        assert hit.usage.total_tokens > 0

    def test_and_the_other_way_round(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        usage = ask(client).usage
        chunks = list(stream(client, stream_options={"include_usage": True}))
        assert text(chunks) == TEXT
        assert chunks[-1].usage == usage
        assert upstream.calls == 1
        assert all(chunk.usage is None for chunk in stream(client))

    def test_the_sdk_s_helpers_take_a_hit(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        for expected in (False, True):
            with client.chat.completions.stream(model="m", messages=MESSAGES) as events:
                kinds = [event.type for event in events]
                final = events.get_final_completion()
            assert "content.done" in kinds
            assert final.choices[0].message.content == TEXT
            assert bool(getattr(final, "cacheback_hit", False)) is expected
        assert upstream.calls == 1

    def test_tool_calls(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
        calls = tuple(ToolCall(f"call_{i}", "f", f'{{"i": {i}}}') for i in range(2))
        upstream.script(Reply(tool_calls=calls))
        list(stream(client, tools=[tool]))
        with client.chat.completions.stream(
            model="gpt-4o-mini", messages=MESSAGES, tools=[tool]
        ) as events:
            message = events.get_final_completion().choices[0].message
        assert [one.function.arguments for one in message.tool_calls or ()] == [
            '{"i": 0}',
            '{"i": 1}',
        ]
        assert upstream.calls == 1

    def test_gzip(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(Reply(TEXT, gzip=True))
        assert text(stream(client)) == TEXT
        assert text(stream(client)) == TEXT
        assert upstream.calls == 1


class TestNotWhole:
    def test_closed_early(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        arriving = stream(client)
        next(iter(arriving))
        arriving.close()
        assert not client.cache.entries()
        assert ask(client).cacheback_hit is False

    def test_never_read(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        unread = stream(client)
        unread.close()
        del unread
        assert text(stream(client))
        assert upstream.calls == 2

    def test_forgotten(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        kept = stream(client)
        assert text(stream(client))  # joins it, and reads it for both
        assert text(kept)
        assert upstream.calls == 1

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(TEXT, finish_reason="length"),
            Reply(TEXT, cut_after=700),
            Reply(
                body=b'data: {"error": {"message": "overloaded"}}\n\ndata: [DONE]\n\n',
                headers={"content-type": "text/event-stream"},
            ),
            Reply(body=b"data: [DONE]\n\n", headers={"content-type": "text/event-stream"}),
        ],
        ids=["length", "cut", "error", "nothing"],
    )
    def test_is_not_stored(
        self, client: CachedOpenAI, upstream: ScriptedUpstream, reply: Reply
    ) -> None:
        upstream.script(reply)
        with suppress(Exception):  # what the SDK makes of it is not ours to say
            list(stream(client))
        assert not client.cache.entries()


class TestOneCall:
    def test_for_a_hundred_streams_of_threads(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        upstream.hold()
        with ThreadPoolExecutor(100) as pool:
            asked = [pool.submit(lambda: text(stream(client))) for _ in range(100)]
            upstream.wait_for(1)
            upstream.release()
            assert {one.result() for one in asked} == {TEXT}
        assert upstream.calls == 1
        assert len(client.cache.entries()) == 1

    def test_a_stream_and_a_call_share_it(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        upstream.hold()
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(lambda: text(stream(client))) for _ in range(4)]
            asked += [pool.submit(lambda: ask(client).choices[0].message.content) for _ in range(4)]
            upstream.wait_for(1)
            upstream.release()
            assert {one.result() for one in asked} == {TEXT}
        assert upstream.calls == 1

    def test_a_leader_that_goes_away_takes_it_from_nobody(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        leader = stream(client)
        next(iter(leader))
        follower = stream(client)
        leader.close()
        assert text(follower) == TEXT
        assert upstream.calls == 1
        assert ask(client).cacheback_hit


@pytest.fixture
async def aclient(upstream: ScriptedUpstream, cache: SemanticCache) -> Any:
    async with AsyncCachedOpenAI(
        cache=cache, base_url=upstream.openai_url, api_key="sk-test"
    ) as client:
        yield client


async def aask(client: openai.AsyncOpenAI, question: str = FRANCE, **options: Any) -> Any:
    return await client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}], **options
    )


async def atext(client: openai.AsyncOpenAI, question: str = FRANCE) -> str:
    chunks = await aask(client, question, stream=True)
    return text([chunk async for chunk in chunks])


class TestAsync:
    async def test_calls(self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        miss = await aask(aclient)
        for question in (FRANCE, "capital of France?"):
            hit = await aask(aclient, question)
            assert hit.cacheback_hit
            assert hit.choices == miss.choices
        assert upstream.calls == 1

    async def test_streams(self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        for question in (FRANCE, FRANCE, "capital of France?"):
            assert await atext(aclient, question) == TEXT
        assert upstream.calls == 1

    async def test_the_sdk_s_helpers(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        for _ in range(2):
            async with aclient.chat.completions.stream(model="m", messages=MESSAGES) as events:
                final = await events.get_final_completion()
            assert final.choices[0].message.content == TEXT
        assert upstream.calls == 1

    async def test_one_call_for_a_hundred_tasks(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        upstream.hold()
        tasks = [asyncio.create_task(atext(aclient)) for _ in range(50)]
        tasks += [asyncio.create_task(_content(aclient)) for _ in range(50)]
        await asyncio.to_thread(upstream.wait_for, 1)
        upstream.release()
        assert set(await asyncio.gather(*tasks)) == {TEXT}
        assert upstream.calls == 1

    async def test_the_call_of_a_cancelled_leader_goes_on_for_its_followers(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT, "one too many")
        upstream.hold()
        leader = asyncio.create_task(_content(aclient))
        await asyncio.to_thread(upstream.wait_for, 1)
        followers = [asyncio.create_task(_content(aclient)) for _ in range(5)]
        await _followed(aclient.cache)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        upstream.release()
        assert set(await asyncio.gather(*followers)) == {TEXT}
        assert upstream.calls == 1
        assert [entry.answer.text for entry in aclient.cache.entries()] == [TEXT]

    async def test_the_call_of_a_cancelled_leader_that_fails_is_made_again(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(status=400), TEXT)
        upstream.hold()
        leader = asyncio.create_task(_content(aclient))
        await asyncio.to_thread(upstream.wait_for, 1)
        follower = asyncio.create_task(_content(aclient))
        await _followed(aclient.cache)
        leader.cancel()
        upstream.release()
        assert await follower == TEXT
        assert upstream.calls == 2

    async def test_a_leader_that_is_cancelled_before_its_stream_begins_hands_over(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script("lost", TEXT)
        upstream.hold()
        leader = asyncio.create_task(aask(aclient, stream=True))
        await asyncio.to_thread(upstream.wait_for, 1)
        follower = asyncio.create_task(_content(aclient))
        await _followed(aclient.cache)
        leader.cancel()
        await asyncio.to_thread(upstream.wait_for, 2)
        upstream.release()
        assert await follower == TEXT
        assert upstream.calls == 2

    async def test_the_call_of_a_cancelled_leader_ends_where_nobody_follows(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.hold()
        leader = asyncio.create_task(_content(aclient))
        await asyncio.to_thread(upstream.wait_for, 1)
        before = asyncio.all_tasks()
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert asyncio.all_tasks() <= before - {leader}
        assert not aclient.cache.engine.flights._open
        upstream.release()
        assert not aclient.cache.entries()

    async def test_closed_early_is_not_stored(self, aclient: AsyncCachedOpenAI) -> None:
        arriving = await aask(aclient, stream=True)
        await anext(aiter(arriving))
        await arriving.close()
        assert not aclient.cache.entries()

    async def test_a_blocking_call_in_the_loop_s_thread_does_not_wait_for_its_tasks(
        self,
        aclient: AsyncCachedOpenAI,
        make_client: Callable[..., CachedOpenAI],
        upstream: ScriptedUpstream,
    ) -> None:
        blocking = make_client()
        upstream.hold()
        task = asyncio.create_task(_content(aclient))
        await asyncio.to_thread(upstream.wait_for, 1)
        upstream.release()
        assert ask(blocking).choices
        assert await task

    async def test_threads_and_tasks_share_entries(
        self,
        aclient: AsyncCachedOpenAI,
        make_client: Callable[..., CachedOpenAI],
        upstream: ScriptedUpstream,
    ) -> None:
        await aask(aclient)
        assert (await asyncio.to_thread(ask, make_client())).cacheback_hit
        assert upstream.calls == 1

    async def test_closing_closes_its_own_cache(
        self, upstream: ScriptedUpstream, tmp_path: Any
    ) -> None:
        async with AsyncCachedOpenAI(
            cache_dir=tmp_path / "own", base_url=upstream.openai_url, api_key="x"
        ) as client:
            await aask(client)
        with pytest.raises(Exception, match="closed"):
            client.cache.lookup(FRANCE)


async def _content(client: openai.AsyncOpenAI) -> str:
    reply = await aask(client)
    return reply.choices[0].message.content or ""


class TestAbandoned:
    """A stream that nobody reads must not hold up anybody else."""

    def test_dropped_unread(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        dropped = stream(client)
        del dropped
        gc.collect()
        assert ask(client, timeout=30).cacheback_hit is False
        assert ask(client).cacheback_hit
        assert upstream.calls == 2

    def test_kept_but_not_read(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        kept = iter(stream(client))
        next(kept)
        # Who does not stream reads the stream to its end, for itself and for whoever began it.
        assert ask(client, timeout=30).choices[0].message.content == TEXT
        assert upstream.calls == 1
        assert list(kept)

    def test_dropped_by_one_and_read_by_another(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        first, second = stream(client), stream(client)
        next(iter(first))
        del first
        gc.collect()
        assert text(second) == TEXT
        assert ask(client).cacheback_hit
        assert upstream.calls == 1

    async def test_on_an_event_loop(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT)
        async for _ in await aask(aclient, stream=True):
            assert await _content(aclient) == TEXT
            break
        assert upstream.calls == 1

    def test_when_its_connection_is_dead_by_now(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(TEXT, cut_after=700))
        kept = stream(client)
        next(iter(kept))
        assert ask(client, timeout=30).choices
        assert text(stream(client))


class TestColours:
    """Threads and tasks read no stream of the other's; they call by themselves."""

    async def test_a_task_does_not_wait_for_a_thread_s_stream(
        self, aclient: AsyncCachedOpenAI, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT, TEXT, TEXT)
        leading = iter(stream(client))
        next(leading)
        assert await atext(aclient) == TEXT
        assert await _content(aclient) == TEXT
        assert text(leading)

    async def test_nor_the_other_way_round(
        self, aclient: AsyncCachedOpenAI, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(TEXT, TEXT, TEXT)
        leading = aiter(await aask(aclient, stream=True))
        await anext(leading)
        assert text(stream(client)) == TEXT
        assert ask(client).choices[0].message.content == TEXT
        assert [chunk async for chunk in leading]


class TestFailingUpstream:
    def test_followers_do_not_queue_behind_one_failure_after_the_other(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=0)
        upstream.script(*[Reply("broken", status=500, delay=0.1)] * 20)
        upstream.hold()
        with ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(ask, client) for _ in range(20)]
            upstream.wait_for(1)
            upstream.release()
            assert all(one.exception() for one in asked)
        assert upstream.peak > 1

    async def test_a_full_pool_of_threads_does_not_stop_the_leader(
        self, aclient: AsyncCachedOpenAI, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.hold()
        leader = asyncio.create_task(_content(aclient))
        await asyncio.to_thread(upstream.wait_for, 1)
        blocking = [asyncio.create_task(asyncio.to_thread(ask, client)) for _ in range(40)]
        await asyncio.sleep(0.1)
        upstream.release()
        assert await asyncio.wait_for(leader, 30)
        assert await asyncio.gather(*blocking)
        assert upstream.calls == 1


async def _followed(cache: SemanticCache) -> None:
    """Until somebody waits for the only flight."""
    open_ = cache.engine.flights._open
    while not any(one.landing.followed for one in open_.values()):  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)
