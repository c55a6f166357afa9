"""A person's word on answers from memory: what is called wrong never repeats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cacheback import (
    Answer,
    Controls,
    InputError,
    NotCachedError,
    Reason,
    Reply,
    SemanticCache,
    StoreError,
    Tier,
)
from cacheback.models import Judgement
from cacheback.store.sqlite import SQLiteStore
from cacheback.testing import Faulty

STORED = "How do I reset my password?"
ASKED = "How can I reset my password?"
# Near in cosine, and refused: a number differs.
REFUSED = "How do I reset 2 passwords?"


@pytest.fixture
def entry_id(cache: SemanticCache) -> int:
    return cache.populate(STORED, "Press 'Forgotten'.").id


def judgements(cache: SemanticCache, **which: Any) -> list[Judgement]:
    cache.report()  # what was noted is written
    return cache.store.learned.judgements(**which)


def in_a_process(directory: Path, *arguments: str) -> Any:
    """A command, run by a process of its own."""
    given = [sys.executable, "-m", "cacheback.cli", *arguments, "--json"]
    environment = {**os.environ, "CACHEBACK_CACHE_DIR": str(directory)}
    ran = subprocess.run(given, capture_output=True, check=False, env=environment)
    return json.loads(ran.stdout)


class TestWrong:
    def test_it_does_not_repeat(self, cache: SemanticCache, entry_id: int) -> None:
        hit = cache.lookup(ASKED)
        assert hit is not None
        assert hit.tier is Tier.SEMANTIC
        learned = cache.feedback(entry_id, "wrong", ASKED)
        assert (learned.question, learned.other) == (ASKED, STORED)
        assert (learned.own, learned.deleted) == (False, False)
        assert cache.lookup(ASKED) is None
        assert cache.search(ASKED).verdict.reason is Reason.REPORTED_WRONG
        assert cache.lookup(STORED)

    def test_nor_the_other_way_round(self, cache: SemanticCache, entry_id: int) -> None:
        cache.feedback(entry_id, "wrong", ASKED)
        cache.delete(entry_id)
        cache.populate(ASKED, "Press 'Forgotten'.")
        assert cache.lookup(STORED) is None

    def test_nor_in_another_scope(self, cache: SemanticCache, entry_id: int) -> None:
        cache.populate(STORED, "Ask Acme.", namespace="acme")
        assert cache.lookup(ASKED, namespace="acme")
        cache.feedback(entry_id, "wrong", ASKED)
        assert cache.lookup(ASKED, namespace="acme") is None

    def test_nor_after_the_entry_was_stored_anew(self, cache: SemanticCache, entry_id: int) -> None:
        cache.feedback(entry_id, "wrong", ASKED)
        again = cache.populate(STORED, "Press 'Forgot'.")
        assert again.id != entry_id
        assert cache.lookup(ASKED) is None

    def test_nor_after_all_texts_were_deleted(self, cache: SemanticCache, entry_id: int) -> None:
        cache.lookup(ASKED)
        cache.feedback(entry_id, "wrong", ASKED)
        assert [one.question for one in judgements(cache)] == [ASKED]
        cache.clear()
        assert judgements(cache) == []
        assert ASKED not in repr(cache.store.learned.read(0))
        cache.populate(STORED, "Press 'Forgot'.")
        assert cache.lookup(ASKED) is None

    def test_nor_after_a_restart(
        self, make_cache: Callable[..., SemanticCache], cache: SemanticCache, entry_id: int
    ) -> None:
        cache.feedback(entry_id, "wrong", ASKED)
        cache.close()
        assert make_cache().lookup(ASKED) is None

    def test_nor_in_another_process(
        self,
        make_cache: Callable[..., SemanticCache],
        tmp_path: Path,
    ) -> None:
        cache = make_cache(tmp_path / "shared")
        entry = cache.populate(STORED, "Press 'Forgotten'.")
        asked = "lookup", ASKED
        assert in_a_process(tmp_path / "shared", *asked)["served"]
        assert cache.lookup(ASKED)
        told = in_a_process(
            tmp_path / "shared", "feedback", str(entry.id), "--wrong", "--question", ASKED
        )
        assert told["label"] == "wrong"
        assert cache.lookup(ASKED) is None
        assert in_a_process(tmp_path / "shared", *asked)["reason"] == "reported_wrong"

    def test_it_is_the_text_that_counts_not_its_spaces(
        self, cache: SemanticCache, entry_id: int
    ) -> None:
        cache.feedback(entry_id, "wrong", f"  {ASKED}\n")
        assert cache.lookup(ASKED) is None

    async def test_on_an_event_loop(self, cache: SemanticCache, entry_id: int) -> None:
        assert (await cache.afeedback(entry_id, "wrong", ASKED)).label == "wrong"
        assert await cache.alookup(ASKED) is None
        assert (await cache.areport()).said == {"wrong": 1}

    def test_the_next_nearest_may_still_answer(self, cache: SemanticCache, entry_id: int) -> None:
        cache.feedback(entry_id, "wrong", ASKED)
        cache.populate("How can I reset my password, please?", "Ask.")
        assert str(cache.lookup(ASKED)) == "Ask."


class TestOwnQuestion:
    def test_wrong_deletes_the_entry(self, cache: SemanticCache, entry_id: int) -> None:
        learned = cache.feedback(entry_id, "wrong", STORED)
        assert (learned.own, learned.deleted) == (True, True)
        assert cache.lookup(STORED) is None
        assert list(cache.entries()) == []

    def test_a_new_answer_is_served(self, cache: SemanticCache, entry_id: int) -> None:
        cache.feedback(entry_id, "wrong", STORED)
        cache.populate(STORED, "Press 'Forgot'.")
        assert str(cache.lookup(STORED)) == "Press 'Forgot'."
        assert str(cache.lookup(ASKED)) == "Press 'Forgot'."

    def test_right_changes_nothing(self, cache: SemanticCache, entry_id: int) -> None:
        learned = cache.feedback(entry_id, "right", STORED)
        assert (learned.own, learned.deleted) == (True, False)
        assert cache.store.learned.read(0)[1] == []


class TestRight:
    def test_it_serves_what_the_judge_refuses(self, cache: SemanticCache, entry_id: int) -> None:
        asked = {"threshold": 0.5}
        assert cache.lookup(REFUSED, **asked) is None  # type: ignore[arg-type]
        cache.feedback(entry_id, "right", REFUSED)
        hit = cache.lookup(REFUSED, **asked)  # type: ignore[arg-type]
        assert hit is not None
        assert (hit.tier, hit.verdict.reason) == (Tier.SEMANTIC, Reason.REPORTED_RIGHT)

    def test_it_needs_no_threshold(self, cache: SemanticCache, entry_id: int) -> None:
        assert cache.lookup(REFUSED) is None
        cache.feedback(entry_id, "right", REFUSED)
        assert cache.search(REFUSED).tier is Tier.SEMANTIC
        hit = cache.lookup(REFUSED)
        assert hit is not None
        assert hit.similarity < 0.92
        assert hit.verdict.reason is Reason.REPORTED_RIGHT
        other = cache.search("How do I reset 3 passwords?")
        assert (other.tier, other.verdict.serve) == (None, False)
        assert cache.lookup("How do I reset 3 passwords?") is None

    def test_what_is_nearer_goes_before_it(self, cache: SemanticCache, entry_id: int) -> None:
        cache.feedback(entry_id, "right", REFUSED)
        cache.populate("How do I reset 2 passwords, please?", "One by one.")
        assert str(cache.lookup(REFUSED)) == "One by one."

    def test_only_where_it_was_said(self, cache: SemanticCache, entry_id: int) -> None:
        cache.populate(STORED, "Ask Acme.", namespace="acme")
        cache.feedback(entry_id, "right", REFUSED)
        assert cache.lookup(REFUSED, threshold=0.5)
        assert cache.lookup(REFUSED, threshold=0.5, namespace="acme") is None

    def test_the_last_word_counts(self, cache: SemanticCache, entry_id: int) -> None:
        for label, served in (("wrong", False), ("right", True), ("wrong", False)):
            cache.feedback(entry_id, label, ASKED)  # type: ignore[arg-type]
            assert bool(cache.lookup(ASKED)) is served

    def test_elsewhere_it_takes_back_nothing_here(
        self, cache: SemanticCache, entry_id: int
    ) -> None:
        other = cache.populate(STORED, "Ask Acme.", namespace="acme")
        cache.feedback(entry_id, "wrong", ASKED)
        cache.feedback(other.id, "right", ASKED)
        assert str(cache.lookup(ASKED, namespace="acme")) == "Ask Acme."
        assert cache.lookup(ASKED) is None
        cache.feedback(entry_id, "right", ASKED)
        assert cache.lookup(ASKED)

    def test_wrong_anywhere_takes_it_back_everywhere(
        self, cache: SemanticCache, entry_id: int
    ) -> None:
        other = cache.populate(STORED, "Ask Acme.", namespace="acme")
        cache.feedback(entry_id, "right", REFUSED)
        cache.feedback(other.id, "wrong", REFUSED)
        assert cache.lookup(REFUSED, threshold=0.5) is None


class TestWhichQuestion:
    def test_the_last_that_was_served(
        self, cache: SemanticCache, entry_id: int, clock: Any
    ) -> None:
        for question in (ASKED, "How could I reset my password?"):
            clock.advance(1)
            assert cache.lookup(question)
        learned = cache.feedback(entry_id, "wrong")
        assert learned.question == "How could I reset my password?"
        assert learned.judgements == 1
        assert cache.lookup(ASKED)

    def test_every_hit_of_the_pair_is_labelled(self, cache: SemanticCache, entry_id: int) -> None:
        for _ in range(3):
            cache.lookup(ASKED)
        assert cache.feedback(entry_id, "wrong").judgements == 3
        labels = {(one.label, one.labelled_by) for one in judgements(cache)}
        assert labels == {("wrong", "person")}

    def test_never_served_by_meaning(self, cache: SemanticCache, entry_id: int) -> None:
        cache.lookup(STORED)
        with pytest.raises(InputError, match=r"question=…, or --question"):
            cache.feedback(entry_id, "wrong")

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ((99, "wrong", ASKED), "no entry 99"),
            ((1, "bad", ASKED), "'right' or 'wrong'"),
            ((1, "wrong", " "), "must be the text"),
            ((1, "wrong", 5), "must be the text"),
        ],
    )
    @pytest.mark.usefixtures("entry_id")
    def test_mistakes(self, cache: SemanticCache, given: Any, said: str) -> None:
        with pytest.raises(InputError, match=said):
            cache.feedback(*given)


@pytest.fixture
def answered(cache: SemanticCache) -> Callable[..., Any]:
    """Asks, and gives the outcome; upstream answers with a number that counts its calls."""
    calls = count(1)

    def answered(question: str, feedback: Any = None, mode: Any = "default") -> Any:
        controls = Controls(mode=mode, feedback=feedback)
        request = cache.request(question, controls=controls)
        return cache.answer(request, lambda _: Reply(None, Answer(f"fresh {next(calls)}")))

    return answered


class TestWithTheRequest:
    """The same request again, with the caller's word on what memory said to it."""

    def test_wrong_is_answered_by_upstream_and_stored(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        assert answered(ASKED).tier is Tier.SEMANTIC
        outcome = answered(ASKED, "wrong")
        assert (outcome.tier, str(outcome)) == (Tier.UPSTREAM, "fresh 1")
        assert outcome.verdict.reason is Reason.REPORTED_WRONG
        assert str(answered(ASKED)) == "fresh 1"
        (judged,) = judgements(cache, entry_id=entry_id)
        assert (judged.label, judged.labelled_by) == ("wrong", "person")
        cache.invalidate(older_than=-1)
        cache.populate(STORED, "Press 'Forgot'.")
        assert cache.lookup(ASKED) is None

    def test_right_is_served_and_stays_so(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        outcome = answered(ASKED, "right")
        assert outcome.tier is Tier.SEMANTIC
        assert outcome.verdict.reason is Reason.REPORTED_RIGHT
        assert cache.report().said == {"right": 1}
        assert outcome.entry.id == entry_id

    def test_the_exact_answer_was_wrong(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        assert str(answered(STORED, "wrong")) == "fresh 1"
        assert str(cache.lookup(STORED)) == "fresh 1"
        assert entry_id not in [one.id for one in cache.entries()]

    @pytest.mark.parametrize("label", ["right", "wrong"])
    def test_nothing_in_memory_is_a_miss_like_any_other(
        self, answered: Callable[..., Any], cache: SemanticCache, label: str
    ) -> None:
        outcome = answered(ASKED, label)
        assert (str(outcome), outcome.verdict.reason) == ("fresh 1", Reason.EMPTY)
        assert cache.store.learned.read(0)[1] == []
        assert str(cache.lookup(ASKED)) == "fresh 1"

    def test_what_was_refused_teaches_nothing(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        assert entry_id
        answered("How do I reset 3 passwords?", "right")
        assert cache.store.learned.read(0)[1] == []

    def test_upstream_fails_and_the_client_tries_again(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        """What is next in line was never seen, and is not called wrong."""
        assert answered(ASKED).entry.id == entry_id

        def failing(_: object) -> Reply:
            raise OSError("upstream is down")

        cache.populate("How can I reset my password, please?", "Ask.")
        request = cache.request(ASKED, controls=Controls(feedback="wrong"))
        # Meanwhile the nearest is the other one.
        cache.feedback(entry_id, "wrong")
        for _ in range(2):
            with pytest.raises(OSError, match="down"):
                cache.answer(request, failing)
        assert str(cache.lookup(ASKED)) == "Ask."
        assert len(cache.store.learned.read(0)[1]) == 1

    def test_only_memory_may_answer(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        assert entry_id
        with pytest.raises(NotCachedError, match="reported_wrong"):
            answered(ASKED, "wrong", mode="only-if-cached")
        assert cache.lookup(ASKED) is None

    def test_past_the_cache(
        self, answered: Callable[..., Any], cache: SemanticCache, entry_id: int
    ) -> None:
        assert str(answered(ASKED, "wrong", mode="bypass")) == "fresh 1"
        assert cache.lookup(ASKED) is None
        assert [one.id for one in cache.entries()] == [entry_id]

    def test_a_lookup_with_it_is_a_miss(self, cache: SemanticCache, entry_id: int) -> None:
        assert entry_id
        request = cache.request(ASKED, controls=Controls(feedback="wrong"))
        outcome = cache._run(cache.ready().recall(request))
        assert outcome.verdict.reason is Reason.REPORTED_WRONG


class TestFailures:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Any:
        return Faulty(SQLiteStore(tmp_path / "cache"), error=StoreError)

    @pytest.fixture
    def cache(self, make_cache: Callable[..., SemanticCache], store: Any) -> SemanticCache:
        return make_cache(store=store)

    def test_the_owner_is_told(self, cache: SemanticCache, store: Any, entry_id: int) -> None:
        store.fail = {"learned"}
        with pytest.raises(StoreError):
            cache.feedback(entry_id, "wrong", ASKED)
        with pytest.raises(StoreError):
            cache.report()

    @pytest.mark.parametrize("part", ["learned", "find", "changes"])
    def test_a_call_goes_on_and_is_not_answered_from_memory(
        self,
        answered: Callable[..., Any],
        cache: SemanticCache,
        store: Any,
        entry_id: int,
        part: str,
    ) -> None:
        assert entry_id
        store.fail = {part}
        outcome = answered(ASKED, "wrong")
        assert (outcome.tier, str(outcome)) == (Tier.UPSTREAM, "fresh 1")
        assert part in store.raised
        store.fail = set()
        assert cache.stats().faults["learning_failed"] == 1

    def test_right_is_served_all_the_same(
        self, answered: Callable[..., Any], cache: SemanticCache, store: Any, entry_id: int
    ) -> None:
        store.fail = {"learned"}
        assert answered(ASKED, "right").entry.id == entry_id
        store.fail = set()
        assert cache.report().said == {}
