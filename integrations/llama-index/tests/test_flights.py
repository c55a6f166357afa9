"""Identical calls at the same time are one call, in threads and on an event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI

from cacheback import SemanticCache
from cacheback.testing import Reply, ScriptedUpstream

MESSAGES = [ChatMessage(role="user", content="How long do refunds take?")]
MANY = 5


@pytest.fixture
def llm(openai: OpenAI, cache: SemanticCache) -> Any:
    return CachebackLLM(openai, cache)


async def read(llm: Any) -> Any:
    return [item async for item in await llm.astream_chat(MESSAGES)]


async def test_tasks(llm: Any, upstream: ScriptedUpstream) -> None:
    replies = await asyncio.gather(*(llm.achat(MESSAGES) for _ in range(MANY)))
    assert upstream.calls == 1
    assert len({reply.message.content for reply in replies}) == 1
    hits = [reply.additional_kwargs["cacheback_hit"] for reply in replies]
    assert sorted(hits) == [False] + [True] * (MANY - 1)


async def test_tasks_that_stream(llm: Any, upstream: ScriptedUpstream) -> None:
    streams = await asyncio.gather(*(read(llm) for _ in range(MANY)))
    assert upstream.calls == 1
    for items in streams:
        assert "".join(one.delta for one in items) == items[-1].message.content
    hits = [items[-1].additional_kwargs.get("cacheback_hit", False) for items in streams]
    assert sorted(hits) == [False] + [True] * (MANY - 1)
    assert len({items[-1].message.content for items in streams}) == 1
    assert all(one[-1].message.blocks == streams[0][-1].message.blocks for one in streams)


async def test_a_follower_of_a_stream_that_does_not_stream(
    llm: Any, upstream: ScriptedUpstream
) -> None:
    items, reply = await asyncio.gather(read(llm), llm.achat(MESSAGES))
    assert upstream.calls == 1
    assert reply.message.content == items[-1].message.content


async def test_when_the_first_fails_another_calls(llm: Any, upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(status=400, text="no"))
    replies = await asyncio.gather(
        *(llm.achat(MESSAGES) for _ in range(MANY)), return_exceptions=True
    )
    failed = [one for one in replies if isinstance(one, Exception)]
    assert len(failed) == 1
    assert upstream.calls == 2


def test_threads(llm: Any, upstream: ScriptedUpstream) -> None:
    upstream.hold()
    with ThreadPoolExecutor(MANY) as pool:
        replies = [pool.submit(llm.chat, MESSAGES) for _ in range(MANY)]
        upstream.wait_for(1)
        upstream.release()
        said = {reply.result().message.content for reply in replies}
    assert len(said) == 1
    assert upstream.calls == 1


def test_threads_that_stream(llm: Any, upstream: ScriptedUpstream) -> None:
    """The one that called gets the integration's items, those that follow get ours."""
    stream = llm.stream_chat(MESSAGES)
    first = next(stream)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(lambda: list(llm.stream_chat(MESSAGES))).result()
    leading = [first, *stream]
    assert upstream.calls == 1
    assert type(leading[0].raw).__name__ == "ChatCompletionChunk"
    assert following[0].raw is None
    for items in (leading, following):
        assert "".join(one.delta for one in items) == leading[-1].message.content
    assert following[-1].message.blocks == leading[-1].message.blocks
    assert len(following) == len(leading) + 1  # what it had followed is told whole at the end
