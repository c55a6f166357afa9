"""Writing: whatever a synthesizer does, the call goes on, and nothing is left over."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cacheback import Answer, Outcome, Reason, Reply, SemanticCache, Send, Tier, Usage
from cacheback.core.synthesis import Prompt

CARD = "How long does a refund to a credit card take?"
DEBIT = "How long does a refund to a debit card take?"

Make = Callable[..., SemanticCache]


@dataclass
class Written:
    """A good reply, and what an iterator may tell besides."""

    usage: Any = None
    finish_reason: Any = None
    broken_end: bool = False

    def __iter__(self) -> Iterator[str]:
        return iter(["SOURCES: 1\n", "Five days."])

    def close(self) -> None:
        if self.broken_end:
            raise ValueError("cannot be closed")


@dataclass
class Model:
    """A model whose replies may be broken."""

    written: Any
    model: str = "gpt-4.1-nano"

    def write(self, _: Prompt) -> Any:
        return self.written


def ask(cache: SemanticCache, colour: str) -> Outcome:
    cache.populate(CARD, "Five working days.")

    def send(_: Send) -> Reply:
        return Reply("native", Answer("direct"))

    async def asend(step: Send) -> Reply:
        return send(step)

    if colour == "sync":
        return cache.answer(cache.request(DEBIT), send)
    return asyncio.run(cache.aanswer(cache.request(DEBIT), asend))


colours = pytest.mark.parametrize("colour", ["sync", "async"])


@colours
@pytest.mark.parametrize(
    "written",
    [
        Written(usage={"prompt_tokens": 1}),
        Written(usage=Usage(None, None)),  # type: ignore[arg-type]  # as an SDK's may be
        Written(usage=Usage(-10, 5)),
        Written(usage=Usage(10, 5, cost=math.nan)),
        Written(usage=Usage(10, 5, cost=-1.0)),
        Written(finish_reason=["stop"]),
        Written(finish_reason=5),
    ],
)
def test_an_ending_that_cannot_be_read(colour: str, written: Written, make_cache: Make) -> None:
    cache = make_cache(synthesis_mode="auto", synthesizer=Model(written))
    outcome = ask(cache, colour)
    assert (outcome.tier, str(outcome)) == (Tier.UPSTREAM, "direct")
    stats = cache.stats()
    assert stats.faults == {Reason.SYNTHESIS_FAILED: 1}
    assert (stats.spent[Tier.SYNTHESIS].calls, stats.spent[Tier.SYNTHESIS].tokens) == (1, 0)


@colours
def test_no_thread_to_be_had(
    colour: str, make_cache: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make_cache(synthesis_mode="auto", synthesizer=Model(Written()))
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "cacheback-synthesis":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    assert ask(cache, colour).tier is Tier.UPSTREAM
    stats = cache.stats()
    assert stats.synthesis == {Reason.SYNTHESIS_FAILED: 1}
    assert Tier.SYNTHESIS not in stats.spent


class TestEnds:
    @colours
    def test_a_reply_that_cannot_be_closed_is_told_whole(
        self, colour: str, make_cache: Make
    ) -> None:
        cache = make_cache(synthesis_mode="auto", synthesizer=Model(Written(broken_end=True)))
        assert str(ask(cache, colour)) == "Five days."
        for thread in threading.enumerate():
            if thread.name == "cacheback-synthesis":
                thread.join()
        assert cache.stats().faults == {Reason.SYNTHESIS_FAILED: 1}

    def test_a_reply_of_the_loop_s_own_that_cannot_be_closed(self, make_cache: Make) -> None:
        class Unclosed:
            def __init__(self) -> None:
                self.left = ["SOURCES: 1\n", "Five days."]

            def __aiter__(self) -> AsyncIterator[str]:
                return self

            async def __anext__(self) -> str:
                if not self.left:
                    raise StopAsyncIteration
                return self.left.pop(0)

            async def aclose(self) -> None:
                raise ValueError("cannot be closed")

        class Own(Model):
            def awrite(self, _: Prompt) -> Unclosed:
                return Unclosed()

        cache = make_cache(synthesis_mode="auto", synthesizer=Own(None))
        assert str(ask(cache, "async")) == "Five days."
        assert cache.stats().faults == {Reason.SYNTHESIS_FAILED: 1}

    def test_one_that_only_says_it_is_alive_is_let_go(self, make_cache: Make) -> None:
        over = threading.Event()

        def alive(_: Prompt) -> Iterator[str]:
            try:
                while True:
                    yield ""
            finally:
                over.set()

        cache = make_cache(synthesis_mode="auto", synthesizer=alive, synthesis_timeout=0.05)
        assert ask(cache, "sync").tier is Tier.UPSTREAM
        assert over.wait(60)
        assert cache.stats().synthesis == {Reason.SYNTHESIS_TIMEOUT: 1}

    @pytest.mark.parametrize("colour", ["sync", "async", "own"])
    def test_a_stream_that_is_dropped_is_let_go(self, colour: str, make_cache: Make) -> None:
        over = threading.Event()

        class Endless:
            model = "endless"

            def write(self, _: Prompt) -> Iterator[str]:
                yield "SOURCES: 1\n"
                try:
                    while not over.wait(0.001):
                        yield "word "
                finally:
                    over.set()

        class Own(Endless):
            async def awrite(self, _: Prompt) -> AsyncIterator[str]:
                yield "SOURCES: 1\n"
                try:
                    while True:
                        yield "word "
                        await asyncio.sleep(0)
                finally:
                    over.set()

        cache = make_cache(
            synthesis_mode="auto", synthesizer=Own() if colour == "own" else Endless()
        )
        cache.populate(CARD, "Five working days.")
        request = cache.request(DEBIT, stream=True, voice=lambda _: Voiced())

        def never(_: Send) -> Reply:
            raise AssertionError("upstream was called")

        async def dropping() -> None:
            async def anever(step: Send) -> Reply:
                return never(step)

            reply = (await cache.aanswer(request, anever)).reply
            assert reply is not None
            await anext(aiter(reply.native))
            del reply
            gc.collect()
            assert await asyncio.to_thread(over.wait, 60)

        if colour == "sync":
            reply = cache.answer(request, never).reply
            assert reply is not None
            next(iter(reply.native))
            del reply
            gc.collect()
            assert over.wait(60)
        else:
            asyncio.run(dropping())


class Voiced:
    """Tells a text as its bytes."""

    def opening(self) -> bytes:
        return b""

    def text(self, piece: str) -> bytes:
        return piece.encode()

    def closing(self, usage: Usage | None) -> bytes:
        return repr(usage).encode()

    def failure(self, message: str) -> bytes:
        return message.encode()
