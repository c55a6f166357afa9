"""Whoever observes hears what became of each request, and can fail none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheback import Answer, BlockedError, Controls, NotCachedError, Reply, SemanticCache, Tier
from cacheback.core.observing import Event

QUESTION = "How do I reset my password?"


@pytest.fixture
def events(cache: SemanticCache) -> list[Event]:
    heard: list[Event] = []
    cache.observe(heard.append)
    return heard


def upstream(_: object) -> Reply:
    return Reply("native", Answer("By the link in the mail."))


def test_misses_and_hits_are_told(cache: SemanticCache, events: list[Event], clock: Any) -> None:
    def slow(step: object) -> Reply:
        clock.advance(2)
        return upstream(step)

    for send in (slow, upstream):
        cache.answer(cache.request(QUESTION), send)
    tiers = [one.outcome.tier for one in events if one.outcome]
    assert tiers == [Tier.UPSTREAM, Tier.EXACT]
    assert [one.seconds for one in events] == [2, 0]
    assert events[0].request.question == QUESTION


async def test_also_on_an_event_loop(cache: SemanticCache, events: list[Event]) -> None:
    async def send(step: object) -> Reply:
        return upstream(step)

    await cache.aanswer(cache.request(QUESTION), send)
    assert len(events) == 1


def test_errors_are_told_and_raised(cache: SemanticCache, events: list[Event]) -> None:
    def broken(_: object) -> Reply:
        raise ConnectionError

    cache.negative.add("Who are you?")
    only = Controls(mode="only-if-cached")
    for request, send, error in (
        (cache.request(QUESTION), broken, ConnectionError),
        (cache.request(QUESTION, controls=only), upstream, NotCachedError),
        (cache.request("Who are you?"), upstream, BlockedError),
    ):
        with pytest.raises(error):
            cache.answer(request, send)
        assert isinstance(events[-1].error, error)
        assert events[-1].outcome is None
    assert len(events) == 3


def test_one_that_fails_is_counted_and_fails_no_call(
    make_cache: Callable[..., SemanticCache],
) -> None:
    cache = make_cache()
    heard: list[Event] = []

    def broken(_: Event) -> None:
        raise ZeroDivisionError

    cache.observe(broken)
    cache.observe(heard.append)
    cache.answer(cache.request(QUESTION), upstream)
    assert cache.stats().faults == {"observer_failed": 1}
    assert len(heard) == 1


def test_a_batch_is_one_event(cache: SemanticCache, events: list[Event]) -> None:
    from cacheback.core.batch import answer_batch
    from cacheback.drive import run

    requests = [cache.request("a"), cache.request("b")]
    reply = Reply("native", answers=(Answer("1"), Answer("2")))
    run(answer_batch(cache.engine, requests, list), lambda _: reply)
    (event,) = events
    assert event.outcome is not None
    assert event.outcome.tier is Tier.UPSTREAM
