"""Hits that are checked with upstream, through the real SDKs; and nobody notices."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any

import pytest

from cacheback import AsyncCachedOpenAI, CachedOpenAI, SemanticCache, Tier, info, options, wrap
from cacheback.core import learning
from cacheback.core.calibration import Calibration
from cacheback.drive import asettle, settle
from cacheback.testing import Reply, ScriptedUpstream

openai = pytest.importorskip("openai")

FRANCE = "What is the capital of France?"
NEAR = "capital of France?"
PARIS = "The capital of France is Paris."
OTHER = "I am afraid that this is not a question which I can help you with today."


def chatting(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}], **more}


@pytest.fixture
def checked(
    make_cache: Callable[..., SemanticCache], monkeypatch: pytest.MonkeyPatch
) -> SemanticCache:
    """A cache that checks each of its hits."""

    def calibrate(_: float, __: Any) -> Calibration:
        return Calibration(0.5, 1.0)

    monkeypatch.setattr(learning, "calibrate", calibrate)
    return make_cache(max_error=0.01)


@pytest.fixture
def client(make_client: Callable[..., CachedOpenAI], checked: SemanticCache) -> CachedOpenAI:
    return make_client(cache=checked, max_retries=0)


def ask(client: Any, question: str, **more: Any) -> Any:
    return client.chat.completions.create(**chatting(question, **more))


def stream(client: Any, question: str) -> str:
    with ask(client, question, stream=True) as chunks:
        return "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)


def labels(cache: SemanticCache) -> list[str | None]:
    cache.engine.parts.notes.record()
    return [one.label for one in cache.store.learned.judgements()]


def test_upstream_is_asked_what_the_caller_asked(
    client: CachedOpenAI, checked: SemanticCache, upstream: ScriptedUpstream
) -> None:
    upstream.script(PARIS, PARIS)
    usage = ask(client, FRANCE).usage
    hit = ask(options(client, tags=["geo"]), NEAR, user="someone")
    assert hit.cacheback_hit
    assert settle(60)
    assert upstream.calls == 2
    audit = upstream.requests[1]
    assert audit.json == chatting(NEAR, user="someone")
    assert not [name for name in audit.headers if "cacheback" in name]
    assert labels(checked) == ["right"]
    stats = checked.stats()
    spent, saved = stats.spent, stats.saved
    assert spent["audit"].calls == spent["upstream"].calls == 1
    assert spent["audit"].tokens > 0
    assert saved.tokens == usage.total_tokens - spent["audit"].tokens
    assert saved.money == pytest.approx(spent["upstream"].money - spent["audit"].money)


def test_a_hit_that_was_wrong_is_right_the_next_time(
    client: CachedOpenAI, checked: SemanticCache, upstream: ScriptedUpstream
) -> None:
    upstream.script(PARIS, OTHER)
    ask(client, FRANCE)
    assert ask(client, NEAR).choices[0].message.content == PARIS
    assert settle(60)
    again = ask(client, NEAR)
    assert again.choices[0].message.content == OTHER
    told = info(again)
    assert told is not None
    assert told.tier is Tier.EXACT
    assert labels(checked) == ["wrong"]


def test_a_stream_is_checked_with_a_stream(
    client: CachedOpenAI, checked: SemanticCache, upstream: ScriptedUpstream
) -> None:
    upstream.script(PARIS, OTHER)
    assert stream(client, FRANCE) == PARIS
    assert stream(client, NEAR) == PARIS
    assert settle(60)
    assert upstream.requests[1].json["stream"] is True
    assert labels(checked) == ["wrong"]
    assert stream(client, NEAR) == OTHER
    assert upstream.calls == 2


@pytest.mark.parametrize("streams", [False, True])
def test_on_an_event_loop(
    streams: bool, checked: SemanticCache, upstream: ScriptedUpstream
) -> None:
    upstream.script(PARIS, OTHER)

    async def main() -> None:
        async with AsyncCachedOpenAI(
            cache=checked, base_url=upstream.openai_url, api_key="x", max_retries=0
        ) as client:
            for question in (FRANCE, NEAR):
                reply = await client.chat.completions.create(**chatting(question, stream=streams))
                if streams:
                    async with reply as chunks:
                        assert [one async for one in chunks]
            assert await asettle(60)

    asyncio.run(main())
    assert upstream.calls == 2
    assert labels(checked) == ["wrong"]


@pytest.mark.parametrize(
    "failure",
    [
        Reply(status=500, text="Out of order."),
        Reply(status=429, text="Slow down."),
        Reply(body=b"<html>", headers={"content-type": "text/html"}),
        Reply(PARIS, cut_after=40),
    ],
)
def test_one_that_fails_holds_no_connection(
    failure: Reply, checked: SemanticCache, upstream: ScriptedUpstream
) -> None:
    library = importlib.import_module(openai.DefaultHttpxClient.__base__.__module__)
    with openai.DefaultHttpxClient(limits=library.Limits(max_connections=1), timeout=20) as http:
        plain = openai.OpenAI(
            base_url=upstream.openai_url, api_key="sk-test", http_client=http, max_retries=0
        )
        client = wrap(plain, cache=checked)
        upstream.script(PARIS, failure)
        ask(client, FRANCE)
        assert ask(client, NEAR).cacheback_hit
        assert settle(60)
        assert not ask(client, "Who wrote Hamlet?").cacheback_hit
    assert checked.store.learned.read(0)[1] == []
    assert labels(checked) == [None]
    assert checked.stats().faults == {}
    assert checked.store.stats().counters["audits.failed"] == 1
