"""Shadow mode through the real SDKs: nothing is served, everything is judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import cacheback
from cacheback import (
    BlockedError,
    CachedOpenAI,
    Info,
    NotCachedError,
    Reason,
    SemanticCache,
    Tier,
    info,
    options,
)
from cacheback.drive import asettle, settle
from cacheback.models import Judgement, Saved
from cacheback.testing import Reply, ScriptedUpstream

pytest.importorskip("anthropic")

FRANCE = "What is the capital of France?"
NEAR = "capital of France?"
PARIS = "The capital of France is Paris."

Make = Callable[..., SemanticCache]


@pytest.fixture
def shadow(make_cache: Make) -> SemanticCache:
    return make_cache(mode="shadow")


def chatting(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}], **more}


# One way of asking for each class and colour; what the caller reads -------------------------------


def chat(client: Any, question: str) -> str:
    told: str = client.chat.completions.create(**chatting(question)).choices[0].message.content
    return told


def chat_stream(client: Any, question: str) -> str:
    with client.chat.completions.create(**chatting(question, stream=True)) as stream:
        return "".join(one.choices[0].delta.content or "" for one in stream if one.choices)


async def achat(client: Any, question: str) -> str:
    reply = await client.chat.completions.create(**chatting(question))
    told: str = reply.choices[0].message.content
    return told


async def achat_stream(client: Any, question: str) -> str:
    async with await client.chat.completions.create(**chatting(question, stream=True)) as stream:
        chunks = [one async for one in stream if one.choices]
    return "".join(one.choices[0].delta.content or "" for one in chunks)


def response_stream(client: Any, question: str) -> str:
    with client.responses.stream(model="gpt-4o-mini", input=question) as stream:
        told: str = stream.get_final_response().output_text
    return told


def messaging(question: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    return {"model": "claude-test", "max_tokens": 99, "messages": messages}


def message(client: Any, question: str) -> str:
    told: str = client.messages.create(**messaging(question)).content[0].text
    return told


async def amessage_stream(client: Any, question: str) -> str:
    async with client.messages.stream(**messaging(question)) as stream:
        return "".join([text async for text in stream.text_stream])


WAYS: dict[str, tuple[str, Callable[..., Any]]] = {
    "chat": ("CachedOpenAI", chat),
    "chat stream": ("CachedOpenAI", chat_stream),
    "async chat": ("AsyncCachedOpenAI", achat),
    "async chat stream": ("AsyncCachedOpenAI", achat_stream),
    "response stream": ("CachedOpenAI", response_stream),
    "message": ("CachedAnthropic", message),
    "async message stream": ("AsyncCachedAnthropic", amessage_stream),
}


# Chat completions tell it in a stream only where they are asked to.
WITHOUT_USAGE = ("chat stream", "async chat stream")


def asks(cache: SemanticCache, upstream: ScriptedUpstream, name: str, *questions: str) -> list[str]:
    """Ask one after the other; what was begun beside is over when this returns."""
    client_class, way = WAYS[name]
    url = upstream.openai_url if "OpenAI" in client_class else upstream.anthropic_url
    client = getattr(cacheback, client_class)(
        cache=cache, base_url=url, api_key="sk-test", max_retries=0
    )
    if "Async" not in client_class:
        with client:
            told = [way(client, question) for question in questions]
        assert settle(60)
        return told

    async def ask() -> list[str]:
        async with client:
            told = [await way(client, question) for question in questions]
        assert await asettle(60)
        return told

    return asyncio.run(ask())


def judgements(cache: SemanticCache) -> list[Judgement]:
    assert settle(60)
    cache.engine.parts.notes.record()
    return cache.store.learned.judgements()


def counters(cache: SemanticCache) -> dict[str, float]:
    cache.stats()
    return dict(cache.store.stats().counters)


@pytest.mark.parametrize("name", WAYS)
class TestEveryWay:
    def test_upstream_answers_and_is_compared(
        self, name: str, shadow: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(PARIS, PARIS.upper(), "Nobody can say.", PARIS)
        told = asks(shadow, upstream, name, FRANCE, NEAR, NEAR, FRANCE)
        assert told == [PARIS, PARIS.upper(), "Nobody can say.", PARIS]
        assert upstream.calls == 4
        second, first = judgements(shadow)
        assert (first.question, first.other, first.served) == (NEAR, FRANCE, False)
        assert (first.label, first.labelled_by) == ("right", "answers")
        assert (first.saved.tokens > 0) == (name not in WITHOUT_USAGE)
        assert second.label != "right"
        lessons = [one for one in shadow.store.learned.read(0)[1] if one.right]
        assert [(one.by, one.paid, one.entry_id) for one in lessons] == [
            ("answers", False, first.entry_id)
        ]

    def test_only_what_would_have_missed_is_stored(
        self, name: str, shadow: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        asks(shadow, upstream, name, FRANCE, NEAR, FRANCE, NEAR)
        (entry,) = shadow.entries()
        assert (entry.question, entry.hits) == (FRANCE, 0)
        stats = shadow.stats()
        assert (stats.hits, stats.misses, stats.saved) == ({}, {}, Saved(0, None, 0.0))
        counted = counters(shadow)
        assert counted["shadow.misses"] == 1
        assert counted["shadow.hits.semantic"] == 2
        assert counted["shadow.hits.exact"] == 1
        assert (counted["shadow.saved.tokens"] > 0) == (name not in WITHOUT_USAGE)
        assert stats.faults == {}

    def test_an_answer_that_fails_is_nobodys_evidence(
        self, name: str, shadow: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(PARIS, Reply(status=500, text="Out of order."))
        with pytest.raises(Exception, match="Out of order"):
            asks(shadow, upstream, name, FRANCE, NEAR)
        assert settle(60)
        (judgement,) = judgements(shadow)
        assert (judgement.label, judgement.labelled_by) == (None, None)
        assert shadow.store.learned.read(0)[1] == []


@pytest.fixture
def client(make_client: Callable[..., Any], shadow: SemanticCache) -> CachedOpenAI:
    made: CachedOpenAI = make_client(cache=shadow)
    return made


def told(client: Any, question: str, **more: Any) -> Info:
    found = info(client.chat.completions.create(**chatting(question, **more)))
    assert found is not None
    return found


def test_the_caller_hears_of_it(client: CachedOpenAI, shadow: SemanticCache) -> None:
    told(client, FRANCE)
    (entry,) = shadow.entries()
    would = told(client, NEAR)
    assert (would.hit, would.tier, would.reason) == (False, Tier.UPSTREAM, Reason.SHADOW)
    assert would.similarity == pytest.approx(0.946, abs=0.02)
    assert would.detail == f"semantic hit of entry {entry.id}"
    assert (would.entry, would.saved) == (None, Saved())
    assert told(client, FRANCE).detail == f"exact hit of entry {entry.id}"
    asked = chatting(NEAR)
    headers = client.chat.completions.with_raw_response.create(**asked).headers
    assert headers["x-cacheback-hit"] == "false"
    assert headers["x-cacheback-reason"] == "shadow"


def test_one_request_of_a_cache_that_serves(
    make_client: Callable[..., Any], cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    serving = make_client(cache=cache)
    shadowing = options(serving, mode="shadow")
    told(serving, FRANCE)
    assert told(shadowing, NEAR).reason is Reason.SHADOW
    assert told(serving, NEAR).tier is Tier.SEMANTIC
    assert upstream.calls == 2
    assert sorted(one.served for one in judgements(cache)) == [False, True]
    assert cache.stats().misses == {"empty": 1}


def test_lookup_finds_nothing_and_search_tells_why(shadow: SemanticCache) -> None:
    shadow.populate(FRANCE, PARIS)
    assert shadow.lookup(NEAR) is None
    assert shadow.lookup(FRANCE) is None
    assert shadow.search(NEAR).tier is Tier.SEMANTIC
    (judgement,) = judgements(shadow)
    assert (judgement.question, judgement.served) == (NEAR, False)
    assert "shadow.misses" not in counters(shadow)


def test_memory_alone_has_nothing_to_say(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    told(client, FRANCE)
    for question in (FRANCE, NEAR, "Who wrote Hamlet?"):
        with pytest.raises(NotCachedError):
            chat(options(client, mode="only-if-cached"), question)
    assert upstream.calls == 1


def test_a_refresh_and_a_bypass_are_what_they_are(
    client: CachedOpenAI, shadow: SemanticCache
) -> None:
    told(client, FRANCE)
    assert told(options(client, mode="refresh"), FRANCE).reason is Reason.REFRESHED
    assert told(options(client, mode="bypass"), FRANCE).reason is Reason.BYPASSED
    assert shadow.stats().misses == {"bypassed": 1, "refreshed": 1}


def test_what_is_blocked_stays_blocked(client: CachedOpenAI, shadow: SemanticCache) -> None:
    shadow.negative.add(FRANCE, reason="geography")
    with pytest.raises(BlockedError):
        chat(client, FRANCE)


def test_nothing_is_written_from_near_ones(
    make_cache: Make, make_client: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    def never(_: Any) -> str:
        raise AssertionError("a model was asked to write")

    cache = make_cache(mode="shadow", synthesis_mode="always", synthesizer=never)
    client = make_client(cache=cache)
    told(client, "How long does a refund to a credit card take?")
    told(client, "How long does a refund to a debit card take?")
    assert told(client, "How long does a refund to a debit card take").tier is Tier.UPSTREAM
    assert upstream.calls == 3
    assert cache.stats().synthesis == {}


def test_identical_callers_each_call(
    client: CachedOpenAI, shadow: SemanticCache, upstream: ScriptedUpstream
) -> None:
    upstream.hold()
    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(chat, client, FRANCE) for _ in range(6)]
        try:
            upstream.wait_for(6)
        finally:
            upstream.release()
        assert len({one.result() for one in asking}) == 1
    assert upstream.calls == 6
    assert shadow.stats().hits == {}
    assert counters(shadow)["shadow.misses"] == 6


def test_a_batch_is_asked_for_whole(
    client: CachedOpenAI, shadow: SemanticCache, upstream: ScriptedUpstream
) -> None:
    def embed(*inputs: str) -> Any:
        return client.embeddings.create(model="m", input=list(inputs))

    embed("a", "b")
    stored = [entry.id for entry in shadow.entries()]
    again = embed("b", "c")
    assert upstream.requests[1].json["input"] == ["b", "c"]
    assert not again.cacheback_hit
    assert [entry.id for entry in shadow.entries()][:2] == stored
    assert counters(shadow)["shadow.hits.exact"] == 1
    assert counters(shadow)["shadow.misses"] == 3
    assert shadow.stats().hits == {}


def test_a_stream_that_nobody_reads_on_is_noted(
    client: CachedOpenAI, shadow: SemanticCache
) -> None:
    chat(client, FRANCE)
    stream = client.chat.completions.create(**chatting(NEAR, stream=True))
    next(iter(stream))
    stream.close()
    assert settle(60)
    (judgement,) = judgements(shadow)
    assert judgement.label is None


def test_upstream_s_own_bytes_pass(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    chat(client, FRANCE)
    for question in (FRANCE, NEAR):
        upstream.script(PARIS)
        asked = chatting(question, stream=True)
        raw = client.chat.completions.with_streaming_response.create(**asked)
        with raw as response:
            body = b"".join(response.iter_bytes())
        assert body.count(b"data: ") > 3
        assert b"cacheback" not in body
        assert response.headers["x-cacheback-reason"] == "shadow"


def test_a_model_is_asked_whether_two_answers_say_the_same(
    make_cache: Make, make_client: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    with ScriptedUpstream() as referee:
        cache = make_cache(
            mode="shadow",
            referee_model="local/small",
            synthesis_model_base_url=referee.openai_url,
        )
        client = make_client(cache=cache)
        upstream.script("Paris.", "It is the city on the Seine where the government sits.")
        referee.script("SAME")
        for question in (FRANCE, NEAR):
            told(client, question)
        (judgement,) = judgements(cache)
        assert (judgement.label, judgement.labelled_by) == ("right", "model")
        assert referee.requests[0].json["model"] == "small"
        spent = cache.stats().spent["referee"]
        assert (spent.calls, spent.money) == (1, 0.0)
        assert spent.tokens > 100
        assert cache.stats().saved.tokens == -spent.tokens
