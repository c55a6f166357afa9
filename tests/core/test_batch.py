"""Batches, driven by hand: what memory says to each is asked and counted once."""

from __future__ import annotations

from typing import Any

from cacheback import Answer, SemanticCache
from cacheback.core.batch import BatchOutcome, answer_batch
from cacheback.core.plan import Local, Plan, Send, Step, Wait
from cacheback.models import Reason, Reply, Request


class Driven:
    """A plan of one caller, carried out until it calls upstream, waits, or ends."""

    def __init__(self, plan: Plan[BatchOutcome]) -> None:
        self._plan = plan
        self.result: BatchOutcome | None = None

    def go_on(self, value: Any = None) -> Step | None:
        try:
            step = self._plan.send(value)
            while isinstance(step, Local):
                step = self._plan.send(step.call())
        except StopIteration as end:
            self.result = end.value
            return None
        return step


def batch(cache: SemanticCache, *questions: str) -> Driven:
    requests = [Request(one, limits=(Reason.NO_QUESTION,)) for one in questions]
    return Driven(answer_batch(cache.engine, requests, tuple))


def test_what_a_follower_found_is_counted_once(cache: SemanticCache) -> None:
    cache.populate("a", "A")
    leader, follower = batch(cache, "a", "b"), batch(cache, "a", "b")
    called, waiting = leader.go_on(), follower.go_on()
    assert isinstance(called, Send)
    assert called.payload == (1,)
    assert isinstance(waiting, Wait)
    leader.go_on(Reply(None, answers=(Answer("B"),)))
    assert follower.go_on() is None
    assert follower.result is not None
    assert [answer.text for answer in follower.result.answers] == ["A", "B"]
    stats = cache.stats()
    assert (stats.hits, stats.misses) == ({"exact": 3}, {"no_question": 1})


def test_a_follower_asks_for_what_the_leader_did_not_bring(cache: SemanticCache) -> None:
    cache.populate("a", "A")
    leader, follower = batch(cache, "b", "a", "c"), batch(cache, "b", "a", "c")
    leader.go_on()
    assert isinstance(follower.go_on(), Wait)
    leader.go_on(Reply(None, failed=True))
    cache.populate("b", "B")
    called = follower.go_on()
    assert isinstance(called, Send)
    assert called.payload == (2,)
    follower.go_on(Reply(None, answers=(Answer("C"),)))
    assert follower.result is not None
    assert [answer.text for answer in follower.result.answers] == ["B", "A", "C"]
    assert cache.stats().hits == {"exact": 3}
