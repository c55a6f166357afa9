"""A stream that upstream has begun and not ended: what passes already, and who receives it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from cacheback import AsyncCachedOpenAI, CachedOpenAI, SemanticCache
from cacheback.testing import (
    Reply,
    ScriptedUpstream,
    openai_chat,
    openai_completions,
    openai_responses,
    response,
)
from cacheback.testing.loopback import Call, LoopbackServer, Send

TEXT = "The capital of France is Paris, which lies on the Seine."
FRANCE = "What is the capital of France?"
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": FRANCE}]}
RESPONSE: dict[str, Any] = {"model": "m", "input": FRANCE}
LEGACY: dict[str, Any] = {"model": "m", "prompt": FRANCE}


class Pausing:
    """Streams the beginning of an answer, and the rest when it is told to go on."""

    def __init__(self) -> None:
        self.calls = 0
        self.sent = b""
        self._go_on = threading.Event()
        self._server = LoopbackServer(self._respond)
        self._server.start()

    @staticmethod
    def beginning(events: list[bytes]) -> int:
        """How many events are sent at once."""
        return len(events) // 2

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/v1"

    def go_on(self) -> None:
        self._go_on.set()

    def close(self) -> None:
        self.go_on()
        self._server.close()

    def _respond(self, call: Call, send: Send) -> None:
        self.calls += 1
        speaks: Any = {"messages": openai_chat, "input": openai_responses}
        dialect = next((one for key, one in speaks.items() if key in call.json), openai_completions)
        events = dialect.events(call.json, Reply(TEXT))
        self.sent = b"".join(events)
        pieces = response.streamed(200, {"content-type": "text/event-stream"}, events)
        begun = self.beginning(events)
        for piece in pieces[:begun]:
            send(piece)
        self._go_on.wait()
        for piece in pieces[begun:]:
            send(piece)


@pytest.fixture
def pausing() -> Iterator[Pausing]:
    server = Pausing()
    yield server
    server.close()


@pytest.fixture
def client(pausing: Pausing, cache: SemanticCache) -> Iterator[CachedOpenAI]:
    with CachedOpenAI(cache=cache, base_url=pausing.url, api_key="sk", max_retries=0) as client:
        yield client


def chat(client: Any) -> Any:
    return client.chat.completions.create(**CHAT, stream=True)


def text(chunks: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


STREAMS: dict[str, Callable[[Any], Any]] = {
    "chat": lambda client: client.chat.completions.create(**CHAT, stream=True),
    "response": lambda client: client.responses.create(**RESPONSE, stream=True),
    "legacy": lambda client: client.completions.create(**LEGACY, stream=True),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_beginning_passes_before_the_end_is_sent(
    client: CachedOpenAI, pausing: Pausing, name: str
) -> None:
    arriving = iter(STREAMS[name](client))
    next(arriving)
    assert not client.cache.entries()
    pausing.go_on()
    assert list(arriving)
    assert len(client.cache.entries()) == 1


@pytest.mark.parametrize("name", STREAMS)
def test_not_a_byte_is_changed(client: CachedOpenAI, pausing: Pausing, name: str) -> None:
    pausing.go_on()
    streaming: Any = {
        "chat": lambda: client.chat.completions.with_streaming_response.create(**CHAT, stream=True),
        "response": lambda: client.responses.with_streaming_response.create(
            **RESPONSE, stream=True
        ),
        "legacy": lambda: client.completions.with_streaming_response.create(**LEGACY, stream=True),
    }
    with streaming[name]() as raw:
        assert raw.headers["x-cacheback-hit"] == "false"
        assert b"".join(raw.iter_bytes()) == pausing.sent
    with streaming[name]() as raw:
        assert raw.headers["x-cacheback-hit"] == "true"
        assert b"".join(raw.iter_bytes())
    assert pausing.calls == 1


@pytest.mark.parametrize("leading", [True, False])
def test_who_wants_another_form_receives_it_whole_in_that(
    client: CachedOpenAI, pausing: Pausing, leading: bool
) -> None:
    def ask(counted: bool) -> Any:
        options: Any = {"stream_options": {"include_usage": True}} if counted else {}
        return client.chat.completions.create(**CHAT, **options, stream=True)

    def counts(chunks: list[Any]) -> bool:
        assert text(chunks) == TEXT
        return any(chunk.usage for chunk in chunks)

    first = ask(leading)
    pausing.go_on()
    assert counts(list(ask(not leading))) is not leading
    assert counts(list(first)) is leading
    assert pausing.calls == 1


def test_followers_receive_it_while_it_arrives(client: CachedOpenAI, pausing: Pausing) -> None:
    readers = [iter(chat(client)) for _ in range(3)]
    begun = [next(reader) for reader in readers]
    assert begun[0] == begun[1] == begun[2]
    assert not client.cache.entries()
    pausing.go_on()
    assert {text([first, *rest]) for first, rest in zip(begun, readers, strict=True)} == {TEXT}
    assert pausing.calls == 1


async def test_also_on_an_event_loop(cache: SemanticCache, pausing: Pausing) -> None:
    async with AsyncCachedOpenAI(
        cache=cache, base_url=pausing.url, api_key="sk", max_retries=0
    ) as client:
        readers = [aiter(await chat(client)) for _ in range(3)]
        begun = [await anext(reader) for reader in readers]
        assert not await asyncio.to_thread(cache.entries)
        pausing.go_on()
        for first, reader in zip(begun, readers, strict=True):
            assert text([first, *[chunk async for chunk in reader]]) == TEXT
    assert pausing.calls == 1


async def test_a_cancelled_reader_takes_it_from_nobody(
    cache: SemanticCache, pausing: Pausing
) -> None:
    begun = Pausing.beginning(openai_chat.events(CHAT, Reply(TEXT)))
    async with AsyncCachedOpenAI(
        cache=cache, base_url=pausing.url, api_key="sk", max_retries=0
    ) as client:
        leading = await chat(client)
        leader, follower = aiter(leading), aiter(await chat(client))
        for _ in range(begun):
            await anext(leader)
        waiting = asyncio.create_task(_next(leader))  # for upstream, on behalf of all
        told = [await anext(follower) for _ in range(begun)]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await leading.close()
        pausing.go_on()
        assert text([*told, *[chunk async for chunk in follower]]) == TEXT
        assert (await client.chat.completions.create(**CHAT)).cacheback_hit
    assert pausing.calls == 1


async def _next(reader: Any) -> Any:
    return await anext(reader)


@pytest.mark.parametrize("name", STREAMS)
def test_one_that_is_closed_early_is_not_stored(
    client: CachedOpenAI, pausing: Pausing, name: str
) -> None:
    arriving = STREAMS[name](client)
    next(iter(arriving))
    arriving.close()
    pausing.go_on()
    assert not client.cache.entries()
    assert list(STREAMS[name](client))
    assert pausing.calls == 2


NOT_WHOLE = {
    "length": Reply(TEXT, finish_reason="length"),
    "cut": Reply(TEXT, cut_after=600),
    "error": Reply(TEXT, fail_after=4),
}


@pytest.mark.parametrize("reply", NOT_WHOLE.values(), ids=NOT_WHOLE)
@pytest.mark.parametrize("name", STREAMS)
def test_what_is_not_whole_is_not_stored(
    cache: SemanticCache, upstream: ScriptedUpstream, name: str, reply: Reply
) -> None:
    upstream.script(reply, TEXT)
    with CachedOpenAI(
        cache=cache, base_url=upstream.openai_url, api_key="sk", max_retries=0
    ) as client:
        with suppress(Exception):  # what the SDK makes of it is not ours to say
            list(STREAMS[name](client))
        assert not cache.entries()
        assert list(STREAMS[name](client))
    assert len(cache.entries()) == 1
    assert upstream.calls == 2
