from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from cacheback.core.ports import Selection
from cacheback.core.scope import question_digest
from cacheback.errors import StoreFullError, StoreLockedError
from cacheback.models import Answer, Draft, Reason, Saved, Scope, Tier
from cacheback.store.memory import MemoryStore
from cacheback.tally import EVERY, SECONDS, FaultLog, WriteBehind
from cacheback.testing import Faulty

SAVED = Saved(tokens=10, money=0.5, seconds=2.0)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    draft = Draft("q", question_digest("q"), Scope("s", {}), Answer("a"), 0.0, None)
    store.put([draft])
    return store


def test_hits_are_written_when_asked_and_only_once(store: MemoryStore, clock: Any) -> None:
    tally = WriteBehind(store, clock)
    tally.hit(1, Tier.EXACT, SAVED, clock.now)
    tally.hit(1, Tier.EXACT, SAVED, clock.now + 1)
    assert store.stats().counters == {}
    tally.record()
    tally.record()
    assert store.stats().counters == {
        "hits.exact": 2,
        "saved.tokens": 20,
        "saved.money": 1.0,
        "saved.seconds": 4.0,
    }
    (entry,) = store.select(Selection())
    assert (entry.hits, entry.last_used_at) == (2, clock.now + 1)


def test_a_hit_costs_no_write_but_many_do(store: MemoryStore, clock: Any) -> None:
    tally = WriteBehind(store, clock)
    for _ in range(EVERY - 1):
        tally.count("misses.empty")
    assert store.stats().counters == {}
    tally.count("misses.empty")
    assert store.stats().counters == {"misses.empty": EVERY}


def test_after_a_while_one_hit_is_enough(store: MemoryStore, clock: Any) -> None:
    tally = WriteBehind(store, clock)
    clock.advance(SECONDS)
    tally.count("misses.empty")
    assert store.stats().counters == {"misses.empty": 1}


def test_counts_that_cannot_be_written_are_kept(store: MemoryStore, clock: Any) -> None:
    faulty = Faulty(store, fail={"record"}, error=StoreLockedError)
    tally = WriteBehind(cast("Any", faulty), clock)
    tally.hit(1, Tier.EXACT, SAVED, clock.now)
    with pytest.raises(StoreLockedError):
        tally.record()
    clock.advance(SECONDS)
    tally.hit(1, Tier.EXACT, SAVED, clock.now)
    faulty.fail = set()
    tally.record()
    assert store.stats().counters["hits.exact"] == 2
    assert store.select(Selection())[0].hits == 2


class TestFaults:
    def test_are_all_counted_and_logged_once_a_kind(
        self, store: MemoryStore, clock: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        tally = WriteBehind(store, clock)
        faults = FaultLog(tally)
        for _ in range(3):
            faults.report(Reason.STORE_FAILED, StoreFullError("no space left"))
        faults.report(Reason.STORE_FAILED, StoreLockedError("held"))
        tally.record()
        assert store.stats().counters == {"faults.store_failed": 4}
        told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
        assert len(told) == 2
        assert "no space left" in told[0]

    def test_do_not_quote_a_question_in_the_log(
        self, store: MemoryStore, clock: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        faults = FaultLog(WriteBehind(store, clock))
        faults.report(Reason.EMBEDDER_FAILED, RuntimeError("cannot encode 'my secret'"))
        assert "RuntimeError" in caplog.text
        assert "secret" not in caplog.text
