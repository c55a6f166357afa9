"""What is noted of decisions is written in batches, and never fails a call."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cacheback.core.ports import JudgementDraft, Lesson
from cacheback.core.scope import question_digest
from cacheback.errors import StoreFullError, StoreLockedError, StoreReadOnlyError
from cacheback.models import Answer, Draft, Scope
from cacheback.noting import EVERY, MOST, Notebook
from cacheback.store.memory import MemoryStore
from cacheback.tally import SECONDS, FaultLog, WriteBehind
from cacheback.testing import Faulty

LESSON = Lesson(0.0, "p" * 64, "s", 1, right=True, by="answers")


def draft(at: float = 0.0) -> JudgementDraft:
    return JudgementDraft(at, "s", 1, "other words", "d" * 64, 0.9, 0.8, served=True)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put([Draft("q", question_digest("q"), Scope("s", {}), Answer("a"), 0.0, None)])
    return store


@pytest.fixture
def learned(store: MemoryStore) -> Faulty:
    """What the store keeps of decisions; it can be made to fail."""
    return Faulty(store.learned)


@pytest.fixture
def notes(store: MemoryStore, learned: Faulty, clock: Any) -> Notebook:
    there = SimpleNamespace(learned=learned)
    return Notebook(cast("Any", there), FaultLog(WriteBehind(store, clock)), clock, keep=10_000)


def kept(store: MemoryStore) -> tuple[int, int]:
    return len(store.learned.judgements()), len(store.learned.read(0)[1])


def test_notes_are_written_when_asked_and_only_once(notes: Notebook, store: MemoryStore) -> None:
    notes.judgement(draft())
    notes.lesson(LESSON)
    assert kept(store) == (0, 0)
    notes.record()
    notes.record()
    assert kept(store) == (1, 1)


def test_a_note_costs_no_write_but_many_do(notes: Notebook, store: MemoryStore) -> None:
    for _ in range(EVERY - 1):
        notes.judgement(draft())
    assert kept(store) == (0, 0)
    notes.lesson(LESSON)
    assert kept(store) == (EVERY - 1, 1)


def test_after_a_while_one_note_is_enough(notes: Notebook, store: MemoryStore, clock: Any) -> None:
    clock.advance(SECONDS)
    notes.judgement(draft())
    assert kept(store) == (1, 0)


def test_a_quiet_note_waits_for_the_next(notes: Notebook, store: MemoryStore, clock: Any) -> None:
    clock.advance(SECONDS)
    notes.judgement(draft(), quietly=True)
    assert kept(store) == (0, 0)
    notes.judgement(draft())
    assert kept(store) == (2, 0)


class TestWhereTheyCannotBeWritten:
    def test_while_the_store_is_locked_they_are_kept_in_order(
        self, notes: Notebook, store: MemoryStore, learned: Faulty, clock: Any
    ) -> None:
        learned.error, learned.fail = StoreLockedError, {"add"}
        clock.advance(SECONDS)
        notes.judgement(draft(at=1.0))
        assert learned.raised == ["add"]
        with pytest.raises(StoreLockedError):
            notes.record()
        notes.judgement(draft(at=2.0))
        learned.fail = set()
        notes.record()
        assert [one.at for one in store.learned.judgements()] == [2.0, 1.0]
        assert "faults.learning_failed" not in counters(notes, store)

    def test_but_not_for_ever(self, notes: Notebook, store: MemoryStore, learned: Faulty) -> None:
        learned.error, learned.fail = StoreLockedError, {"add"}
        for _ in range(MOST + 10):
            notes.judgement(draft())
        learned.fail = set()
        notes.record()
        assert kept(store) == (MOST, 0)

    @pytest.mark.parametrize("error", [StoreFullError, ZeroDivisionError])
    def test_any_other_failure_is_counted_and_they_are_lost(
        self,
        error: Any,
        notes: Notebook,
        store: MemoryStore,
        learned: Faulty,
        clock: Any,
    ) -> None:
        learned.error, learned.fail = error, {"add"}
        clock.advance(SECONDS)
        notes.judgement(draft())
        learned.fail = set()
        notes.record()
        assert kept(store) == (0, 0)
        assert counters(notes, store)["faults.learning_failed"] == 1

    def test_a_directory_that_may_only_be_read_is_no_failure(
        self, notes: Notebook, store: MemoryStore, learned: Faulty, clock: Any
    ) -> None:
        learned.error, learned.fail = StoreReadOnlyError, {"add"}
        clock.advance(SECONDS)
        notes.judgement(draft())
        assert learned.raised == ["add"]
        assert "faults.learning_failed" not in counters(notes, store)


def counters(notes: Notebook, store: MemoryStore) -> Any:
    notes._faults._tally.record()  # type: ignore[attr-defined]  # of the test's own making
    return store.stats().counters


def test_whoever_learns_hears_of_lessons_alone(notes: Notebook) -> None:
    heard: list[int] = []
    notes.taught = lambda: heard.append(1)
    notes.judgement(draft())
    notes.record()
    assert heard == []
    notes.lesson(LESSON)
    notes.record()
    assert heard == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_what_was_noted_before_a_fork_is_the_parents(notes: Notebook, store: MemoryStore) -> None:
    notes.judgement(draft())
    child = os.fork()
    if not child:
        code = 1
        try:
            notes.record()
            code = 0 if kept(store) == (0, 0) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    notes.record()
    assert kept(store) == (1, 0)
