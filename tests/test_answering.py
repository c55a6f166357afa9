"""A framework's own adapter: `SemanticCache.answer` with calls and streams of any kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cacheback import (
    Answer,
    AsyncRelay,
    Controls,
    NotCachedError,
    Reason,
    Reply,
    SemanticCache,
    Send,
    StoreError,
    SyncRelay,
    Tier,
)
from cacheback.embedders.minilm import MiniLM
from cacheback.store.memory import MemoryStore
from cacheback.testing import Faulty

if TYPE_CHECKING:
    from cacheback.core.ports import Vector

QUESTION = "What is the capital of France?"


@pytest.fixture
def cache() -> Iterator[SemanticCache]:
    with SemanticCache(":memory:") as cache:
        yield cache


@dataclass
class Words:
    """A framework's listener: words until one that ends the text."""

    heard: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return bool(self.heard) and self.heard[-1].endswith(".")

    def feed(self, piece: tuple[str]) -> None:
        self.heard += piece

    def answer(self) -> Answer:
        return Answer("".join(self.heard))


class Model:
    """A framework's model: streams tuples, and waits before the last for a word from the test."""

    def __init__(self, cache: SemanticCache, words: tuple[str, ...] = ("Pa", "ris", ".")) -> None:
        self.cache = cache
        self.words = words
        self.calls = 0
        self.closed = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def pieces(self) -> Iterator[tuple[str]]:
        for word in self.words[:-1]:
            yield (word,)
        self.begun.set()
        self.go_on.wait(60)
        yield (self.words[-1],)

    def close(self) -> None:
        self.closed += 1

    def __call__(self, _: Send) -> Reply:
        self.calls += 1
        listener = Words()
        relay = SyncRelay(self.pieces(), listener, close=self.close, report=self.cache.report_error)
        return relay.reply()


def test_a_call_is_remembered(cache: SemanticCache) -> None:
    sent: list[Send] = []

    def send(step: Send) -> Reply:
        sent.append(step)
        return Reply("native", Answer("Paris."))

    request = cache.request(QUESTION, {"model": "m"}, payload="payload")
    cold = cache.answer(request, send)
    assert cold.tier is Tier.UPSTREAM
    assert cold.reply is not None
    assert cold.reply.native == "native"
    assert sent == [Send("payload", keep=True)]

    warm = cache.answer(cache.request("capital of France?", {"model": "m"}), send)
    assert (warm.tier, warm.reply, warm.answer) == (Tier.SEMANTIC, None, Answer("Paris."))
    assert len(sent) == 1


def test_what_another_stores_while_memory_is_searched_spares_the_call(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"
    with SemanticCache(file) as other:

        class Meanwhile(MiniLM):
            def encode(self, text: str) -> Vector:
                if text == QUESTION and other.lookup(text) is None:
                    other.record(other.request(QUESTION), Reply(None, Answer("Paris.")))
                return super().encode(text)

        with SemanticCache(file, embedder=Meanwhile()) as cache:
            cache.lookup("How high is K2?")  # from now on what others store is known by `follow`
            request = cache.request(QUESTION)
            outcome = cache.answer(request, lambda _: pytest.fail("upstream was called"))
    assert (outcome.tier, outcome.answer) == (Tier.EXACT, Answer("Paris."))


def test_memory_alone(cache: SemanticCache) -> None:
    request = cache.request(QUESTION, controls=Controls(mode="only-if-cached"))
    with pytest.raises(NotCachedError):
        cache.answer(request, lambda _: pytest.fail("upstream was called"))


def test_a_stream_of_any_pieces(cache: SemanticCache) -> None:
    model = Model(cache)
    model.go_on.set()
    outcome = cache.answer(cache.request(QUESTION, stream=True), model)
    assert outcome.reply is not None
    view = outcome.reply.native
    assert list(view) == [("Pa",), ("ris",), (".",)]
    view.close()
    assert model.closed == 1
    assert cache.answer(cache.request(QUESTION), model).answer == Answer("Paris.")
    assert model.calls == 1


def test_who_does_not_stream_waits_for_a_stream_under_way(cache: SemanticCache) -> None:
    model = Model(cache)
    leading = cache.answer(cache.request(QUESTION, stream=True), model)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(cache.answer, cache.request(QUESTION), model)
        model.begun.wait(60)
        model.go_on.set()
        outcome = following.result(60)
    assert outcome.answer == Answer("Paris.")
    assert outcome.reply is None
    assert outcome.verdict.reason is Reason.SAME_FLIGHT
    assert leading.reply is not None
    leading.reply.native.close()
    assert model.calls == 1


def test_a_cut_stream_hands_over_to_who_waits_for_it(cache: SemanticCache) -> None:
    cut = Model(cache, ("Pa", "ris"))
    cut.go_on.set()
    leading = cache.answer(cache.request(QUESTION, stream=True), cut)

    def send(_: Send) -> Reply:
        return Reply("native", Answer("Paris."))

    outcome = cache.answer(cache.request(QUESTION), send)
    assert outcome.tier is Tier.UPSTREAM
    assert outcome.answer == Answer("Paris.")
    assert cache.stats().hits == {}
    assert leading.reply is not None
    leading.reply.native.close()


async def test_on_an_event_loop(cache: SemanticCache) -> None:
    go_on = asyncio.Event()
    calls: list[Send] = []

    async def pieces() -> AsyncIterator[tuple[str]]:
        yield ("Paris",)
        await go_on.wait()
        yield (".",)

    async def close() -> None:
        pass

    async def send(step: Send) -> Reply:
        calls.append(step)
        return AsyncRelay(pieces(), Words(), close=close, report=cache.report_error).reply()

    leading = await cache.aanswer(cache.request(QUESTION, stream=True), send)
    following = asyncio.create_task(cache.aanswer(cache.request(QUESTION), send))
    streaming = await cache.aanswer(cache.request(QUESTION, stream=True), send)
    go_on.set()
    assert (await following).answer == Answer("Paris.")
    for one in (leading, streaming):
        assert one.reply is not None
        view = one.reply.native
        assert [piece async for piece in view] == [("Paris",), (".",)]
        await view.aclose()
    assert len(calls) == 1


def test_a_listener_that_cannot_tell_the_answer_fails_nothing_either(cache: SemanticCache) -> None:
    class Dumb(Words):
        def answer(self) -> Answer:
            raise ZeroDivisionError

    relay = SyncRelay(iter([("Paris.",)]), Dumb(), close=lambda: None, report=cache.report_error)
    outcome = cache.answer(cache.request(QUESTION, stream=True), lambda _: relay.reply())
    assert outcome.reply is not None
    assert list(outcome.reply.native) == [("Paris.",)]
    outcome.reply.native.close()
    assert cache.stats().faults == {"wire_failed": 1}
    assert cache.stats().entries == 0


def test_a_listener_that_fails_is_counted_and_fails_nothing(cache: SemanticCache) -> None:
    class Deaf(Words):
        def feed(self, piece: tuple[str]) -> None:
            raise ValueError(piece)

    def send(_: Send) -> Reply:
        return SyncRelay(
            iter([("Paris.",)]), Deaf(), close=lambda: None, report=cache.report_error
        ).reply()

    outcome = cache.answer(cache.request(QUESTION, stream=True), send)
    assert outcome.reply is not None
    assert list(outcome.reply.native) == [("Paris.",)]
    assert cache.stats().faults == {"wire_failed": 1}


def elsewhere(_: Send) -> Reply:
    """Upstream is called, but not by us."""
    return Reply(None)


class TestWithoutCalling:
    """A framework that calls upstream by itself, and has us `record` what came."""

    def test_what_was_recorded_is_recalled(self, cache: SemanticCache) -> None:
        request = cache.request(QUESTION)
        assert cache.answer(request, elsewhere).answer is None
        cache.record(request, Reply("native", Answer("Paris."), seconds=0.5))
        again = cache.answer(cache.request("capital of France?"), elsewhere)
        assert again.answer == Answer("Paris.")
        assert again.tier is Tier.SEMANTIC
        assert again.saved.seconds == 0.5
        assert again.entry is not None
        assert again.entry.provenance == "upstream"
        assert cache.stats().misses == {"empty": 1}

    async def test_the_same_on_an_event_loop(self, cache: SemanticCache) -> None:
        request = cache.request(QUESTION)

        async def aelsewhere(_: Send) -> Reply:
            return Reply(None)

        assert (await cache.aanswer(request, aelsewhere)).answer is None
        await cache.arecord(request, Reply("native", Answer("Paris.")))
        assert (await cache.aanswer(request, aelsewhere)).answer == Answer("Paris.")

    @pytest.mark.parametrize(
        ("request_", "reply"),
        [
            ({"limits": (Reason.STATEFUL,)}, Reply("native", Answer("Paris."))),
            ({"controls": Controls(mode="bypass")}, Reply("native", Answer("Paris."))),
            ({}, Reply("cut short")),
        ],
    )
    def test_what_may_not_be_kept_is_not(
        self, cache: SemanticCache, request_: dict[str, Any], reply: Reply
    ) -> None:
        cache.record(cache.request(QUESTION, **request_), reply)
        assert cache.stats().entries == 0
        assert cache.stats().faults == {}

    def test_a_failing_store_is_counted(self) -> None:
        store: Any = Faulty(MemoryStore(), fail={"put"}, error=StoreError)
        with SemanticCache(":memory:", store=store) as cache:
            cache.record(cache.request(QUESTION), Reply("native", Answer("Paris.")))
            assert cache.stats().faults == {"store_failed": 1}
