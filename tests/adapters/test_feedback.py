"""A client's word on what memory answered: the same call again, with `X-Cacheback-Feedback`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cacheback import AsyncCachedOpenAI, CachedOpenAI, Reason, SemanticCache, info, options
from cacheback.drive import settle
from cacheback.testing import Reply, ScriptedUpstream

openai = pytest.importorskip("openai")

STORED = "How do I reset my password?"
ASKED = "How can I reset my password?"
WRONG = {"X-Cacheback-Feedback": "wrong"}


def ask(client: Any, question: str = ASKED, **rest: Any) -> Any:
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="gpt-4o-mini", messages=messages, **rest)


def text(reply: Any) -> str:
    return reply.choices[0].message.content or ""


def streamed(chunks: Any) -> str:
    return "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)


@pytest.fixture
def served(client: CachedOpenAI, upstream: ScriptedUpstream) -> CachedOpenAI:
    """A client to which memory has just answered one question with another's answer."""
    upstream.script("Press 'Forgotten'.", "Ask the desk.", "No more.")
    ask(client, STORED)
    assert text(ask(client)) == "Press 'Forgotten'."
    return client


@pytest.fixture
async def aclient(
    cache: SemanticCache, upstream: ScriptedUpstream
) -> AsyncIterator[AsyncCachedOpenAI]:
    url = upstream.openai_url
    async with AsyncCachedOpenAI(cache=cache, base_url=url, api_key="sk-test") as client:
        yield client


class TestWrong:
    def test_upstream_answers_now_and_memory_from_now_on(
        self, served: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        again = ask(served, extra_headers=WRONG)
        assert (text(again), again.cacheback_hit) == ("Ask the desk.", False)
        told = info(again)
        assert told is not None
        assert told.reason is Reason.REPORTED_WRONG
        assert not [name for name in upstream.requests[-1].headers if "cacheback" in name]
        hit = ask(served)
        assert (text(hit), hit.cacheback_hit) == ("Ask the desk.", True)
        assert text(ask(served, STORED)) == "Press 'Forgotten'."
        assert upstream.calls == 2

    def test_the_pair_does_not_repeat_when_the_fresh_answer_is_gone(
        self, served: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        ask(options(served, feedback="wrong"))
        (fresh,) = served.cache.entries(text=ASKED)
        served.cache.delete(fresh.id)
        assert text(ask(served)) == "No more."
        assert upstream.calls == 3

    def test_of_a_stream(self, served: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        chunks = ask(served, stream=True, extra_headers=WRONG)
        assert chunks.response.headers["x-cacheback-reason"] == "reported_wrong"
        assert streamed(chunks) == "Ask the desk."
        assert streamed(ask(served, stream=True)) == "Ask the desk."
        assert upstream.calls == 2

    def test_upstream_fails(
        self, make_client: Callable[..., CachedOpenAI], upstream: ScriptedUpstream
    ) -> None:
        client = make_client(max_retries=2)
        down = Reply(status=500, headers={"retry-after-ms": "1"})
        upstream.script("Press 'Forgotten'.", down, down, down, "Ask the desk.")
        ask(client, STORED)
        ask(client)
        with pytest.raises(openai.InternalServerError):
            ask(client, extra_headers=WRONG)
        assert upstream.calls == 4
        assert client.cache.report().said == {"wrong": 1}
        assert text(ask(client)) == "Ask the desk."

    async def test_on_an_event_loop(
        self, aclient: AsyncCachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script("Press 'Forgotten'.", "Ask the desk.")
        await ask(aclient, STORED)
        assert (await ask(aclient)).cacheback_hit
        again = await ask(options(aclient, feedback="wrong"), stream=True)
        chunks = [chunk async for chunk in again]
        assert streamed(chunks) == "Ask the desk."
        assert text(await ask(aclient)) == "Ask the desk."
        assert upstream.calls == 2


class TestRight:
    def test_it_is_served_and_learned(
        self, served: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        told = info(ask(options(served, feedback="right")))
        assert told is not None
        assert (told.hit, told.reason) == (True, Reason.REPORTED_RIGHT)
        assert upstream.calls == 1
        assert served.cache.report().said == {"right": 1}


class TestShadow:
    """What nothing was served of can be told of all the same."""

    @pytest.fixture
    def shadowed(
        self,
        make_client: Callable[..., CachedOpenAI],
        make_cache: Callable[..., SemanticCache],
        upstream: ScriptedUpstream,
    ) -> CachedOpenAI:
        client = make_client(cache=make_cache(mode="shadow"))
        upstream.script("Yes, by phone.", "Yes, by phone.", "No, that is not possible.")
        for question in (STORED, ASKED, "How do I reset my password, please?"):
            assert not ask(client, question).cacheback_hit
        assert settle(30)
        return client

    def test_the_report(self, shadowed: CachedOpenAI) -> None:
        found = shadowed.cache.report()
        assert not found.served.known
        assert (found.shadow.hits, found.shadow.misses) == ({"semantic": 2}, 1)
        assert found.shadow.hit_rate == pytest.approx(2 / 3)
        assert (found.shadow.errors.compared, found.shadow.errors.wrong) == (2, 1)
        assert found.shadow.saved.tokens > 0
        (pair,) = found.pairs
        assert pair.question == "How do I reset my password, please?"
        assert (pair.doubt, pair.served) == ("compared_wrong", False)

    def test_a_person_has_the_last_word(
        self, shadowed: CachedOpenAI, make_client: Callable[..., CachedOpenAI], upstream: Any
    ) -> None:
        (pair,) = shadowed.cache.report().pairs
        learned = shadowed.cache.feedback(pair.entry_id, "wrong")
        assert learned.question == pair.question
        found = shadowed.cache.report()
        assert (found.pairs, found.said) == ((), {"wrong": 1})
        assert (found.shadow.errors.compared, found.shadow.errors.wrong) == (2, 1)
        served = make_client(cache=shadowed.cache)
        upstream.script("Ask the desk.")
        told = info(ask(served, pair.question))
        assert told is not None
        assert told.reason is Reason.REPORTED_WRONG

    def test_with_the_request(self, shadowed: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script("Ask the desk.")
        assert text(ask(shadowed, extra_headers=WRONG)) == "Ask the desk."
        assert shadowed.cache.report().said == {"wrong": 1}
        (fresh,) = shadowed.cache.entries(text=ASKED)
        assert fresh.answer.text == "Ask the desk."


def test_nothing_in_memory_is_a_call_like_any_other(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    told = info(ask(client, extra_headers=WRONG))
    assert told is not None
    assert told.reason is Reason.EMPTY
    assert ask(client).cacheback_hit
    assert upstream.calls == 1
    assert client.cache.report().said == {}


def test_a_mistake_is_told(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    with pytest.raises(openai.BadRequestError, match="right or wrong"):
        ask(client, extra_headers={"X-Cacheback-Feedback": "bad"})
    assert upstream.calls == 0


def test_wrong_embeddings_are_asked_for_anew(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    embed: Any = client.embeddings.create
    embed(model="m", input=["a", "b"])
    embed(model="m", input=["b", "c"], extra_headers=WRONG)
    assert upstream.requests[-1].json["input"] == ["b", "c"]
    assert embed(model="m", input=["a", "b", "c"]).cacheback_hit
    assert upstream.calls == 2
