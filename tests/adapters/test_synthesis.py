"""Answers written from near ones, through the real SDKs; two scripted providers play the models."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from cacheback import Info, NotCachedError, Reason, SemanticCache, Tier, info, options
from cacheback.core.synthesis import Prompt
from cacheback.testing import Reply, ScriptedUpstream

anthropic = pytest.importorskip("anthropic")

CARD = "How long does a refund to a credit card take?"
DEBIT = "How long does a refund to a debit card take?"
FACT = "A refund to a credit card takes five working days."
TEXT = "To a debit card it takes five working days, too.\nOften it is faster."
GOOD = f"SOURCES: 1\n\n{TEXT}"
DIRECT = "Ten days."


UPSTREAM = Info(hit=False, synthesized=False, tier=Tier.UPSTREAM, reason=Reason.EMPTY)


@dataclass(frozen=True)
class Asked:
    """What a caller of an SDK sees."""

    text: str
    hit: bool
    synthesized: bool
    told: Info
    model: str
    pieces: int = 1


@pytest.fixture
def writer() -> Iterator[ScriptedUpstream]:
    """The synthesis model."""
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def synthesising(
    make_cache: Callable[..., SemanticCache], writer: ScriptedUpstream
) -> SemanticCache:
    return make_cache(
        synthesis_mode="auto",
        synthesis_model="local/small",
        synthesis_model_base_url=writer.openai_url,
    )


Way = Callable[..., Any]


def seen(response: Any, text: str, **more: Any) -> Asked:
    """A stream from upstream is passed untouched, and bears no marks."""
    marks = (
        getattr(response, "cacheback_hit", False),
        getattr(response, "cacheback_synthesized", False),
    )
    return Asked(text, *marks, info(response) or UPSTREAM, response.model, **more)


# One way of asking for each class, endpoint, and colour of a stream ------------------------------


def chat(client: Any, question: str) -> Asked:
    reply = client.chat.completions.create(**chatting(question))
    return seen(reply, reply.choices[0].message.content)


def chatting(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}], **more}


def from_chunks(chunks: list[Any]) -> Asked:
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    return seen(chunks[0], "".join(said), pieces=sum(map(bool, said)))


def chat_stream(client: Any, question: str) -> Asked:
    with client.chat.completions.create(**chatting(question, stream=True)) as stream:
        return from_chunks(list(stream))


async def achat(client: Any, question: str) -> Asked:
    reply = await client.chat.completions.create(**chatting(question))
    return seen(reply, reply.choices[0].message.content)


async def achat_stream(client: Any, question: str) -> Asked:
    async with await client.chat.completions.create(**chatting(question, stream=True)) as stream:
        return from_chunks([chunk async for chunk in stream])


def response(client: Any, question: str) -> Asked:
    reply = client.responses.create(model="gpt-4o-mini", input=question)
    return seen(reply, reply.output_text)


def response_stream(client: Any, question: str) -> Asked:
    with client.responses.stream(model="gpt-4o-mini", input=question) as stream:
        deltas = [one for one in stream if one.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(one.delta for one in deltas) == final.output_text
    return seen(final, final.output_text, pieces=len(deltas))


async def aresponse_stream(client: Any, question: str) -> Asked:
    async with client.responses.stream(model="gpt-4o-mini", input=question) as stream:
        deltas = [one async for one in stream if one.type == "response.output_text.delta"]
        final = await stream.get_final_response()
    return seen(final, final.output_text, pieces=len(deltas))


def messaging(question: str) -> dict[str, Any]:
    return {
        "model": "claude-test",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": question}],
    }


def message(client: Any, question: str) -> Asked:
    reply = client.messages.create(**messaging(question))
    return seen(reply, reply.content[0].text)


def message_stream(client: Any, question: str) -> Asked:
    with client.messages.stream(**messaging(question)) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    assert final.usage.output_tokens > 0
    return seen(final, "".join(texts), pieces=len(texts))


async def amessage(client: Any, question: str) -> Asked:
    reply = await client.messages.create(**messaging(question))
    return seen(reply, reply.content[0].text)


async def amessage_stream(client: Any, question: str) -> Asked:
    async with client.messages.stream(**messaging(question)) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    return seen(final, "".join(texts), pieces=len(texts))


WAYS: dict[str, tuple[str, Way]] = {
    "chat": ("CachedOpenAI", chat),
    "chat stream": ("CachedOpenAI", chat_stream),
    "async chat": ("AsyncCachedOpenAI", achat),
    "async chat stream": ("AsyncCachedOpenAI", achat_stream),
    "response": ("CachedOpenAI", response),
    "response stream": ("CachedOpenAI", response_stream),
    "async response stream": ("AsyncCachedOpenAI", aresponse_stream),
    "message": ("CachedAnthropic", message),
    "message stream": ("CachedAnthropic", message_stream),
    "async message": ("AsyncCachedAnthropic", amessage),
    "async message stream": ("AsyncCachedAnthropic", amessage_stream),
}
STREAMS = [name for name in WAYS if "stream" in name]


def asks(
    cache: SemanticCache, upstream: ScriptedUpstream, name: str, *questions: str
) -> list[Asked]:
    """Ask one after the other, through a client of the class of this way."""
    import cacheback

    client_class, way = WAYS[name]
    url = upstream.openai_url if "OpenAI" in client_class else upstream.anthropic_url
    client = getattr(cacheback, client_class)(
        cache=cache, base_url=url, api_key="sk-test", max_retries=0
    )
    if "Async" not in client_class:
        with client:
            return [way(client, question) for question in questions]

    async def ask() -> list[Asked]:
        async with client:
            return [await way(client, question) for question in questions]

    return asyncio.run(ask())


@pytest.mark.parametrize("name", WAYS)
class TestEveryWay:
    def test_it_is_written_and_then_remembered(
        self,
        name: str,
        synthesising: SemanticCache,
        upstream: ScriptedUpstream,
        writer: ScriptedUpstream,
    ) -> None:
        upstream.script(FACT)
        writer.script(GOOD)
        direct, written, again = asks(synthesising, upstream, name, CARD, DEBIT, DEBIT)
        assert (upstream.calls, writer.calls) == (1, 1)
        assert (direct.hit, direct.synthesized) == (False, False)
        assert (written.hit, written.synthesized) == (False, True)
        assert (again.hit, again.synthesized) == (True, True)
        assert written.text == again.text == TEXT
        source, stored = synthesising.entries()
        assert (written.told.tier, written.told.reason) == (Tier.SYNTHESIS, Reason.SYNTHESIZED)
        assert (again.told.tier, again.told.reason) == (Tier.EXACT, Reason.SAME_TEXT)
        for one in (written, again):
            assert one.told.sources == (source.id,)
            assert one.told.model == one.model == "small"
        assert (stored.provenance, stored.sources) == ("synthesis", (source.id,))
        assert stored.answer.text == TEXT
        if name in STREAMS:
            assert written.pieces > 5

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            ("INSUFFICIENT", Reason.SYNTHESIS_REFUSED),
            ("SOURCES: 1\n", Reason.SYNTHESIS_EMPTY),
            ("Five days.", Reason.SYNTHESIS_MALFORMED),
            ("SOURCES: 2\nFive days.", Reason.SYNTHESIS_MALFORMED),
            (Reply("SOURCES: 1", finish_reason="length"), Reason.SYNTHESIS_CUT),
            (Reply(status=500), Reason.SYNTHESIS_FAILED),
            (Reply(body=b"data: {nonsense\n\n"), Reason.SYNTHESIS_FAILED),
        ],
    )
    def test_what_is_no_answer_falls_through(  # noqa: PLR0917 - a table, and what it is about
        self,
        name: str,
        reply: Any,
        reason: Reason,
        synthesising: SemanticCache,
        upstream: ScriptedUpstream,
        writer: ScriptedUpstream,
    ) -> None:
        upstream.script(FACT, DIRECT)
        writer.script(reply)
        _, asked = asks(synthesising, upstream, name, CARD, DEBIT)
        assert (asked.text, asked.hit, asked.synthesized) == (DIRECT, False, False)
        assert asked.told.reason is not reason  # the miss keeps its own
        stats = synthesising.stats()
        assert stats.synthesis == {reason: 1}
        assert Tier.SYNTHESIS not in stats.hits
        assert {entry.provenance for entry in synthesising.entries()} == {"upstream"}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_after_its_first_words_fails_and_is_not_stored(
    name: str, synthesising: SemanticCache, upstream: ScriptedUpstream, writer: ScriptedUpstream
) -> None:
    import openai

    upstream.script(FACT, DIRECT)
    writer.script(Reply(GOOD, finish_reason="length"))
    # The SDK's own error; its helper for responses knows no better than RuntimeError.
    with pytest.raises((openai.APIError, anthropic.APIError, RuntimeError)):
        asks(synthesising, upstream, name, CARD, DEBIT)
    assert synthesising.stats().synthesis == {Reason.SYNTHESIS_CUT: 1}
    assert [entry.question for entry in synthesising.entries()] == [CARD]


def test_words_pass_while_the_model_is_still_writing(
    make_cache: Callable[..., SemanticCache],
    make_client: Callable[..., Any],
) -> None:
    read = threading.Event()

    def writing(_: Prompt) -> Iterator[str]:
        yield "SOURCES: 1\nTo a"
        read.wait(60)
        yield " debit card"

    client = make_client(cache=make_cache(synthesis_mode="auto", synthesizer=writing))
    chat(client, CARD)
    said = []
    for chunk in client.chat.completions.create(**chatting(DEBIT, stream=True)):
        said.append(chunk.choices[0].delta.content)
        if said[-1] == "To a":
            read.set()
    assert said == ["", "To a", " debit card", None]


class TestThroughOneClient:
    @pytest.fixture
    def client(self, make_client: Callable[..., Any], synthesising: SemanticCache) -> Any:
        return make_client(cache=synthesising)

    def test_the_headers(
        self, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        upstream.script(FACT)
        writer.script(GOOD)
        chat(client, CARD)
        raw = client.chat.completions.with_raw_response.create(**chatting(DEBIT))
        told = {name: raw.headers.get(f"x-cacheback-{name}") for name in ("hit", "synthesized")}
        assert told == {"hit": "false", "synthesized": "true"}
        (source, _) = client.cache.entries()
        assert raw.headers["x-cacheback-sources"] == str(source.id)
        assert raw.headers["x-cacheback-tier"] == "synthesis"

    def test_the_usage_is_that_of_the_synthesis_where_it_was_asked_for(
        self, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        upstream.script(FACT)
        writer.script(GOOD)
        chat(client, CARD)
        chunks = list(
            client.chat.completions.create(
                **chatting(DEBIT, stream=True, stream_options={"include_usage": True})
            )
        )
        (_, stored) = client.cache.entries()
        assert chunks[-1].usage.total_tokens == stored.answer.usage.total > 50

    @pytest.mark.parametrize(
        "more",
        [
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            {"response_format": {"type": "json_object"}},
            {"n": 2},
            {"logprobs": True},
            {"store": True},
            {"extra_headers": {"X-Cacheback-Mode": "bypass"}},
            {"extra_headers": {"X-Cacheback-Mode": "refresh"}},
            {"extra_headers": {"X-Cacheback-Threshold": "1"}},
        ],
    )
    def test_what_memory_may_not_answer_by_meaning_is_not_written_either(
        self, more: Any, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        for question in (CARD, DEBIT):
            client.chat.completions.create(**chatting(question, **more))
        assert (upstream.calls, writer.calls) == (2, 0)

    @pytest.mark.parametrize(
        "more",
        [
            {"model": "gpt-4o"},
            {"temperature": 0.3},
            {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": DEBIT}]},
            {"extra_headers": {"X-Cacheback-Namespace": "shop"}},
            {"extra_headers": {"Authorization": "Bearer another"}},
        ],
    )
    def test_another_scope_has_no_sources(
        self, more: Any, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        chat(client, CARD)
        client.chat.completions.create(**{**chatting(DEBIT), **more})
        assert (upstream.calls, writer.calls) == (2, 0)

    def test_earlier_turns_that_the_model_would_not_see(
        self, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}]
        for question in (CARD, DEBIT):
            messages = [*turns, {"role": "user", "content": question}]
            client.chat.completions.create(**chatting("", messages=messages))
        assert (upstream.calls, writer.calls) == (2, 0)

    def test_the_system_prompt_goes_along(self, client: Any, writer: ScriptedUpstream) -> None:
        writer.script(GOOD)
        for question in (CARD, DEBIT):
            messages = [
                {"role": "system", "content": "Be brief.\nSOURCES: 1"},
                {"role": "user", "content": question},
            ]
            client.chat.completions.create(**chatting("", messages=messages))
        (asked,) = writer.requests
        material = asked.json["messages"][1]["content"]
        assert "\nS| Be brief.\nS| SOURCES: 1\n" in material
        assert f"\nQ| {DEBIT}" in material

    def test_memory_alone_was_asked(
        self, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        chat(client, CARD)
        with pytest.raises(NotCachedError):
            chat(options(client, mode="only-if-cached"), DEBIT)
        assert (upstream.calls, writer.calls) == (1, 0)

    @pytest.mark.parametrize("name", ["chat", "chat stream"])
    def test_a_hundred_identical_callers_make_one_synthesis(
        self, name: str, client: Any, upstream: ScriptedUpstream, writer: ScriptedUpstream
    ) -> None:
        upstream.script(FACT)
        writer.script(GOOD)
        chat(client, CARD)
        writer.hold()
        with ThreadPoolExecutor(100) as pool:
            asking = [pool.submit(WAYS[name][1], client, DEBIT) for _ in range(100)]
            writer.wait_for(1)
            writer.release()
            answers = [one.result() for one in asking]
        assert (upstream.calls, writer.calls) == (1, 1)
        assert {one.text for one in answers} == {TEXT}
        assert all(one.synthesized for one in answers)


@pytest.mark.parametrize("told", ["extra_headers", "extra_query"])
def test_no_wider_scope_reaches_another_caller(
    told: str,
    make_cache: Callable[..., SemanticCache],
    make_client: Callable[..., Any],
    upstream: ScriptedUpstream,
) -> None:
    def small(_: Prompt) -> str:
        return GOOD

    upstream.script(FACT, DIRECT)
    client = make_client(
        cache=make_cache(
            tenant="all of us",
            synthesis_mode="auto",
            synthesizer=small,
            synthesis_scope=["parameters", "endpoint"],
        )
    )

    def tier(question: str, caller: str, **more: Any) -> Any:
        asked = chatting(question, **{told: {"x-user": caller}}, **more)
        return client.chat.completions.create(**asked).cacheback["tier"]

    assert tier(CARD, "a") == Tier.UPSTREAM
    assert tier(DEBIT, "b", temperature=0.1) == Tier.UPSTREAM
    assert tier(DEBIT, "a", temperature=0.2) == Tier.SYNTHESIS
