"""The negative cache: what is blocked, for whom, for how long, and what is then done."""

from __future__ import annotations

import asyncio
import logging
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cacheback import (
    Answer,
    BlockedError,
    ConfigurationError,
    Controls,
    InputError,
    NegativeMatch,
    NotCachedError,
    Outcome,
    Reason,
    Reply,
    Request,
    SemanticCache,
    Send,
    Tier,
)
from cacheback.core.blocking import UNKNOWN, namespace_of
from cacheback.core.negative import pattern_digest, score
from cacheback.core.parts import place
from cacheback.core.words import word_list
from cacheback.embedders import BaseEmbedder
from cacheback.errors import EmbedderError, StoreError
from cacheback.store.memory import MemoryStore
from cacheback.testing import Faulty
from tests.conftest import Clock

SWALLOW = "What is the airspeed of an unladen swallow?"
SHORT = "airspeed of swallows"
OTHER = "what do swallows eat"
CYRILLIC = "Какова скорость ласточки?"


def sent(cache: SemanticCache, question: str = SHORT, **rest: Any) -> Outcome:
    """What becomes of a call; upstream answers "11 m/s"."""
    return cache.answer(cache.request(question, **rest), upstream)


def upstream(_step: Send) -> Reply:
    return Reply("native", Answer("11 m/s"))


class TestPatterns:
    def test_what_is_added_is_listed_newest_first(self, cache: SemanticCache) -> None:
        first = cache.negative.add(SWALLOW, "bridge")
        second = cache.negative.add("Who goes there?")
        assert (first.pattern, first.reason, first.state) == (SWALLOW, "bridge", "active")
        assert (first.threshold, first.reports, first.expires_at) == (0.85, 0, None)
        assert cache.negative.list() == [second, first]
        assert cache.negative.list(limit=1) == [second]
        assert cache.negative.list(None) == [second, first]
        assert cache.stats().negatives == 2

    def test_removing_it_lets_the_question_pass(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW)
        assert cache.negative.check(SHORT)
        assert cache.negative.remove(entry_id=entry.id)
        assert not cache.negative.remove(entry_id=entry.id)
        assert cache.negative.check(SHORT) is None
        assert cache.negative.list() == []
        assert sent(cache).tier is Tier.UPSTREAM

    def test_a_match_says_which_and_why(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW, reason="bridge")
        match = cache.negative.check(SHORT)
        assert match is not None
        assert (match.entry, match.reason, match.query) == (entry, "bridge", SHORT)
        assert match.similarity == pytest.approx(0.80, abs=0.02)
        assert match.rule == "contained"
        assert cache.negative.check(OTHER) is None

    @pytest.mark.parametrize("text", [SWALLOW, SWALLOW.upper(), f"  {SWALLOW[:-1]} \n!"])
    def test_the_same_text_but_for_its_looks_is_an_exact_match(
        self, cache: SemanticCache, text: str
    ) -> None:
        cache.negative.add(SWALLOW)
        match = cache.negative.check(text)
        assert match is not None
        assert (match.rule, match.similarity) == ("exact", 1.0)

    def test_what_the_embedder_cannot_read_is_matched_by_its_text(
        self, cache: SemanticCache
    ) -> None:
        cache.negative.add(CYRILLIC)
        match = cache.negative.check(CYRILLIC.upper())
        assert match is not None
        assert match.rule == "exact"
        assert cache.negative.check("Какова скорость сокола?") is None

    @pytest.mark.parametrize("hiding", ["{}\u202c", "\x00{}", "{} \U0001f600", "{}\u034f"])
    def test_what_nobody_sees_hides_nothing(self, cache: SemanticCache, hiding: str) -> None:
        cache.negative.add(hiding.format(SWALLOW))
        for question in (SWALLOW, SHORT, hiding.format(SHORT)):
            match = cache.negative.check(question)
            assert match is not None
            assert match.query == question
        assert cache.negative.check(hiding.format(OTHER)) is None

    def test_of_several_the_nearest_is_named(self, cache: SemanticCache) -> None:
        near = cache.negative.add("How do I hack my neighbour's wifi?")
        cache.negative.add("How do I hack into a company's wifi?")
        match = cache.negative.check("how to hack the neighbour's wifi")
        assert match is not None
        assert match.entry == near

    def test_a_pattern_added_again_is_replaced(self, cache: SemanticCache) -> None:
        cache.negative.report_false_positive(cache.negative.add(SWALLOW).id, SHORT)
        again = cache.negative.add(f"{SWALLOW[:-1]} ?", "new")
        assert cache.negative.list() == [again]
        assert (again.reports, again.threshold) == (0, 0.85)

    def test_it_expires(self, cache: SemanticCache, clock: Clock) -> None:
        entry = cache.negative.add(SWALLOW, ttl=60)
        cache.negative.add("forever?", ttl=math.inf)
        assert entry.expires_at == clock.now + 60
        clock.advance(59)
        with pytest.raises(BlockedError):
            sent(cache)
        clock.advance(1)
        assert sent(cache).tier is Tier.UPSTREAM
        assert cache.negative.check(SWALLOW) is None
        assert [one.pattern for one in cache.negative.list()] == ["forever?"]
        cache.evict()
        assert cache.stats().negatives == 1

    def test_it_survives_and_clear_leaves_it(self, make_cache: Callable[..., Any]) -> None:
        with make_cache() as cache:
            cache.negative.add(SWALLOW, "bridge")
            cache.populate("What?", "That.")
            assert cache.clear() == 1
        with make_cache() as cache:
            assert cache.negative.check(SHORT).reason == "bridge"
            with pytest.raises(BlockedError):
                cache.lookup(SHORT)

    def test_namespaces_do_not_see_each_other(self, make_cache: Callable[..., Any]) -> None:
        cache, acme = make_cache(), make_cache(namespace="acme")
        cache.negative.add(SWALLOW)
        assert acme.negative.check(SWALLOW) is None
        assert acme.negative.list() == []
        assert acme.lookup(SWALLOW) is None
        acme.negative.add("Who goes there?")
        cache.negative.add("What is your quest?", namespace="acme")
        assert len(acme.negative.list()) == len(cache.negative.list(namespace="acme")) == 2
        assert cache.negative.check("Who goes there?") is None
        assert cache.negative.check("Who goes there?", namespace="acme")
        with pytest.raises(BlockedError):
            cache.lookup("Who goes there?", namespace="acme")

    def test_tenants_and_models_share_it(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        for scope in ({"tenant": "ann"}, {"model": "m"}, {"system": "Be brief."}):
            with pytest.raises(BlockedError):
                cache.lookup(SHORT, scope=scope)

    def test_a_scope_that_ignores_namespaces_keeps_patterns_apart(self) -> None:
        assert namespace_of({"namespace": "a"}) == "a"
        assert namespace_of({"namespace": ""}) is None
        assert namespace_of({"namespace": ["odd"]}) is None

    @pytest.mark.parametrize(
        "use",
        [
            lambda negative: negative.add(""),
            lambda negative: negative.add(" \n"),
            lambda negative: negative.add(7),
            lambda negative: negative.add("a", reason=7),
            lambda negative: negative.add("a", ttl=0),
            lambda negative: negative.add("a", ttl="7d"),
            lambda negative: negative.add("a", ttl=math.nan),
            lambda negative: negative.check(None),
            lambda negative: negative.list(limit=0),
            lambda negative: negative.report_false_positive(1),
            lambda negative: negative.report_false_positive(1, ""),
        ],
    )
    def test_a_mistake_is_told(self, cache: SemanticCache, use: Callable[[Any], Any]) -> None:
        with pytest.raises(InputError):
            use(cache.negative)
        assert cache.negative.list() == []

    async def test_twins(self, cache: SemanticCache) -> None:
        negative = cache.negative
        entry = await negative.aadd(SWALLOW, "bridge", 60, namespace="a")
        assert await negative.acheck(SHORT, namespace="a")
        assert await negative.alist(5, namespace="a") == [entry]
        assert (await negative.areport_false_positive(entry.id, SHORT)).reports == 1
        assert await negative.aremove(entry.id)

    def test_a_failing_part_is_told_here(self, make_cache: Callable[..., Any]) -> None:
        cache = make_cache(embedder=Failing())
        with pytest.raises(EmbedderError):
            cache.negative.add(SWALLOW)
        assert cache.stats().negatives == 0


class TestReports:
    def test_the_reported_question_passes_and_the_original_does_not(
        self, cache: SemanticCache
    ) -> None:
        entry = cache.negative.add(SWALLOW)
        after = cache.negative.report_false_positive(entry_id=entry.id, text=SHORT)
        assert (after.id, after.reports, after.state) == (entry.id, 1, "active")
        assert after.threshold > 0.85
        assert cache.negative.check(SHORT) is None
        assert cache.negative.check(SWALLOW)
        assert sent(cache).tier is Tier.UPSTREAM

    def test_what_is_nearer_to_it_than_to_the_pattern_passes_too(
        self, cache: SemanticCache
    ) -> None:
        blocked, reported = "How do I kill a process?", "How do I kill a frozen process on Linux?"
        near, far = "how do I kill a process that is frozen", "how do I kill a process now"
        entry = cache.negative.add(blocked)
        assert cache.negative.check(near)
        bar = cache.negative.report_false_positive(entry.id, reported).threshold
        vector = cache.embedder.encode
        assert score(near, blocked, float(vector(near) @ vector(blocked))) > bar
        assert cache.negative.check(near) is None
        assert cache.negative.check(far)

    def test_three_reports_retire_a_pattern(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW)
        for text in (SHORT, "swallow speed", "how fast are swallows"):
            assert cache.negative.check(SWALLOW)
            entry = cache.negative.report_false_positive(entry.id, text)
        assert (entry.state, entry.reports) == ("review", 3)
        assert cache.negative.check(SWALLOW) is None
        assert cache.negative.list() == [entry]
        assert cache.negative.add(SWALLOW).state == "active"
        assert cache.negative.check(SHORT)

    def test_without_a_text_the_last_one_caught_is_meant(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW)
        with pytest.raises(BlockedError):
            sent(cache)
        assert cache.negative.check(SWALLOW)
        cache.negative.report_false_positive(entry_id=entry.id)
        assert cache.negative.check(SHORT) is None
        assert cache.negative.check(SWALLOW)

    def test_of_an_unknown_question_the_bar_is_raised_half_way(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW)
        assert cache.negative.report_false_positive(entry.id).threshold == pytest.approx(0.925)
        assert cache.negative.report_false_positive(entry.id).threshold == pytest.approx(0.9625)
        assert cache.negative.check(SHORT) is None
        assert cache.negative.check(SWALLOW)

    def test_the_pattern_itself_cannot_be_reported(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW)
        with pytest.raises(InputError, match="remove"):
            cache.negative.report_false_positive(entry.id, SWALLOW.lower())

    def test_a_report_of_what_the_embedder_cannot_tell_from_the_pattern(
        self, cache: SemanticCache
    ) -> None:
        entry = cache.negative.add("Where is the cafe?")
        assert cache.negative.check("Where is the café?")
        cache.negative.report_false_positive(entry.id, "Where is the café?")
        assert cache.negative.check("Where is the café?") is None
        assert cache.negative.check("Where is the cafe?")

    def test_a_report_of_what_the_embedder_cannot_read(self, cache: SemanticCache) -> None:
        entry = cache.negative.add(SWALLOW)
        assert cache.negative.report_false_positive(entry.id, CYRILLIC).threshold == 0.85
        assert cache.negative.check(SHORT)

    words = st.sampled_from(
        word_list(
            "how what is the a speed of unladen swallow bird password reset account delete make "
            "bomb pipe my your not 5 Paris can I"
        )
    )
    texts = st.lists(words, min_size=1, max_size=6).map(" ".join)

    @given(pattern=texts, reported=st.lists(texts, min_size=1, max_size=2))
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_whatever_is_reported_passes_and_the_original_stays_blocked(
        self, cache: SemanticCache, pattern: str, reported: list[str]
    ) -> None:
        entry = cache.negative.add(pattern, namespace="h")
        passing = [one for one in reported if pattern_digest(one) != pattern_digest(pattern)]
        for text in passing:
            entry = cache.negative.report_false_positive(entry.id, text)
        for text in passing:
            assert cache.negative.check(text, namespace="h") is None
        match = cache.negative.check(pattern, namespace="h")
        assert match is not None
        assert match.entry == entry
        cache.negative.remove(entry.id)


class TestRaise:
    @pytest.mark.parametrize("mode", ["default", "refresh", "bypass", "only-if-cached"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_nothing_goes_upstream_whatever_the_mode(
        self, cache: SemanticCache, mode: Any, stream: bool
    ) -> None:
        entry = cache.negative.add(SWALLOW, "bridge")
        with pytest.raises(BlockedError, match=f"pattern {entry.id}: bridge") as raised:
            cache.answer(cache.request(SHORT, controls=Controls(mode=mode), stream=stream), never)
        assert raised.value.match is not None
        assert raised.value.match.entry == entry
        assert cache.stats().blocked == {"raised": 1}
        assert cache.stats().lookups == 0

    def test_what_is_never_cached_is_blocked_too(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        with pytest.raises(BlockedError):
            cache.answer(cache.request(SHORT, limits=(Reason.STATEFUL,)), never)

    def test_an_answer_in_memory_does_not_help(self, cache: SemanticCache) -> None:
        cache.populate(SHORT, "11 m/s")
        assert cache.lookup(SHORT)
        entry = cache.negative.add(SWALLOW)
        for _ in range(2):  # looked at, then remembered
            with pytest.raises(BlockedError):
                cache.lookup(SHORT)
        cache.negative.remove(entry.id)
        assert str(cache.lookup(SHORT)) == "11 m/s"

    async def test_on_an_event_loop(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        with pytest.raises(BlockedError):
            await cache.alookup(SHORT)
        with pytest.raises(BlockedError):
            await cache.aanswer(cache.request(SHORT), anever)

    def test_other_questions_are_served_as_ever(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        assert sent(cache, OTHER).tier is Tier.UPSTREAM
        assert sent(cache, OTHER).tier is Tier.EXACT
        assert sent(cache, "").tier is Tier.UPSTREAM

    def test_search_says_that_it_would_be_blocked(self, cache: SemanticCache) -> None:
        cache.populate(SHORT, "11 m/s")
        cache.negative.add(SWALLOW, "bridge")
        explained = cache.search(SHORT)
        assert explained.tier is None
        assert (explained.verdict.reason, explained.verdict.detail) == (Reason.BLOCKED, "bridge")
        assert cache.stats().blocked == {}

    def test_a_cache_that_is_switched_off_blocks_nothing(
        self, make_cache: Callable[..., Any]
    ) -> None:
        cache = make_cache(cache_enabled=False)
        cache.negative.add(SWALLOW)
        assert sent(cache).verdict.reason is Reason.DISABLED

    def test_an_exact_hit_encodes_nothing(self, make_cache: Callable[..., Any]) -> None:
        embedder = Counting()
        cache = make_cache(embedder=embedder)
        cache.negative.add("ab")
        cache.populate("zzzz", "A")
        cache.lookup("zzzz")
        before = embedder.count
        for _ in range(3):
            assert cache.lookup("zzzz")
        assert embedder.count == before

    def test_an_unseen_question_is_encoded_once(self, make_cache: Callable[..., Any]) -> None:
        embedder = Counting()
        cache = make_cache(embedder=embedder)
        cache.negative.add("ab")
        cache.populate("zzzz", "A")
        before = embedder.count
        assert cache.lookup("yyyy") is None
        assert embedder.count == before + 1

    def test_a_verdict_is_remembered_until_the_list_changes(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        blocks, engine = cache.engine.memory.blocks, cache.engine
        asked = place(cache.request(OTHER), engine.parts, engine.limits)
        assert blocks.known(asked) is UNKNOWN
        assert blocks.look(asked) is None
        assert blocks.known(asked) is None
        cache.negative.add("Who goes there?")
        assert blocks.known(asked) is UNKNOWN

    def test_the_threshold_is_the_setting(self, make_cache: Callable[..., Any]) -> None:
        cache = make_cache(negative_threshold=0.95)
        assert cache.negative.add(SWALLOW).threshold == 0.95
        assert cache.negative.check(SHORT) is None
        assert cache.negative.check("what's the airspeed of an unladen swallow")


class TestSkip:
    @pytest.fixture
    def cache(self, make_cache: Callable[..., Any]) -> Any:
        return make_cache(on_negative_hit="skip")

    def test_upstream_is_asked_and_nothing_is_served_or_stored(self, cache: SemanticCache) -> None:
        cache.populate(SHORT, "from memory")
        cache.negative.add(SWALLOW)
        for _ in range(2):
            outcome = sent(cache)
            assert (outcome.tier, outcome.verdict.reason) == (Tier.UPSTREAM, Reason.BLOCKED)
            assert outcome.answer == Answer("11 m/s")
        assert cache.lookup(SHORT) is None
        assert [entry.answer.text for entry in cache.entries()] == ["from memory"]
        stats = cache.stats()
        assert (stats.entries, stats.blocked) == (1, {"skipped": 3})
        assert stats.misses == {"blocked": 3}

    def test_memory_alone_has_nothing(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        with pytest.raises(NotCachedError, match="blocked"):
            sent(cache, controls=Controls(mode="only-if-cached"))

    def test_a_framework_that_calls_by_itself_stores_nothing(self, cache: SemanticCache) -> None:
        cache.negative.add(SWALLOW)
        request = cache.request(SHORT)
        assert cache.answer(request, lambda _: Reply(None)).answer is None
        cache.record(request, Reply(None, Answer("11 m/s")))
        assert cache.stats().entries == 0
        cache.record(cache.request(OTHER), Reply(None, Answer("insects")))
        assert cache.stats().entries == 1


class TestCallable:
    def test_it_is_asked_with_the_match_and_the_request(
        self, make_cache: Callable[..., Any]
    ) -> None:
        seen: list[tuple[NegativeMatch, Request]] = []

        def decide(match: NegativeMatch, request: Request) -> str:
            seen.append((match, request))
            return f"No: {match.reason}"

        cache = make_cache(on_negative_hit=decide)
        cache.negative.add(SWALLOW, "bridge")
        outcome = cache.answer(cache.request(SHORT, {"model": "m"}), never)
        assert outcome.answer == Answer("No: bridge")
        assert (outcome.tier, outcome.verdict.reason) == (Tier.NEGATIVE, Reason.BLOCKED)
        ((match, request),) = seen
        assert (match.query, request.question, request.parts["model"]) == (SHORT, SHORT, "m")
        hit = cache.lookup(SHORT)
        assert (str(hit), hit.tier, hit.entry) == ("No: bridge", Tier.NEGATIVE, None)
        stats = cache.stats()
        assert (stats.entries, stats.blocked, stats.hits) == (0, {"answered": 2}, {"negative": 2})

    def test_none_lets_it_pass_as_if_it_were_not_blocked(
        self, make_cache: Callable[..., Any]
    ) -> None:
        cache = make_cache(on_negative_hit=lambda *_: None)
        cache.negative.add(SWALLOW)
        assert sent(cache).tier is Tier.UPSTREAM
        assert sent(cache).tier is Tier.EXACT
        request = cache.request("unladen swallow airspeed")
        cache.record(request, Reply(None, Answer("11")))
        assert cache.stats().entries == 2
        assert cache.stats().blocked == {"passed": 2}

    def test_what_it_raises_is_raised_as_it_is(self, make_cache: Callable[..., Any]) -> None:
        cause, mine = KeyError("cause"), PermissionError("mine")

        def decide(_match: NegativeMatch, _request: Request) -> None:
            raise mine from cause

        cache = make_cache(on_negative_hit=decide)
        cache.negative.add(SWALLOW)
        for use in (cache.lookup, lambda text: sent(cache, text)):
            with pytest.raises(PermissionError) as raised:
                use(SHORT)
            assert raised.value is mine
            assert raised.value.__cause__ is cause
        with pytest.raises(PermissionError):
            asyncio.run(cache.alookup(SHORT))
        assert cache.stats().blocked == {"raised": 3}
        assert cache.stats().faults == {}

    async def test_it_may_be_a_coroutine_function_where_there_is_a_loop(
        self, make_cache: Callable[..., Any]
    ) -> None:
        loop = asyncio.get_running_loop()

        async def decide(_match: NegativeMatch, _request: Request) -> Answer:
            assert asyncio.get_running_loop() is loop
            return Answer("No.")

        cache = make_cache(on_negative_hit=decide)
        cache.negative.add(SWALLOW)
        assert str(await cache.alookup(SHORT)) == "No."
        with pytest.raises(ConfigurationError, match="coroutine"):
            cache.lookup(SHORT)

    def test_another_result_is_a_mistake(self, make_cache: Callable[..., Any]) -> None:
        cache = make_cache(on_negative_hit=lambda *_: 7)
        cache.negative.add(SWALLOW)
        with pytest.raises(ConfigurationError, match="returned a int"):
            cache.lookup(SHORT)

    def test_another_setting_is_a_mistake(self, make_cache: Callable[..., Any]) -> None:
        with pytest.raises(ConfigurationError, match="on_negative_hit"):
            make_cache(on_negative_hit="ignore")


class TestSynthesis:
    """Blocked before anybody is asked to write."""

    @pytest.fixture
    def prompts(self) -> list[Any]:
        return []

    @pytest.fixture
    def make(self, make_cache: Callable[..., Any], prompts: list[Any]) -> Callable[..., Any]:
        def write(prompt: Any) -> str:
            prompts.append(prompt)
            return "SOURCES: 1\nFive days."

        def make(mode: str, **settings: Any) -> SemanticCache:
            cache: SemanticCache = make_cache(
                synthesis_mode=mode, synthesizer=write, similarity_threshold=0.99, **settings
            )
            cache.populate("How long does a refund to a credit card take?", "Five working days.")
            cache.negative.add("How many days until I get a refund to a debit card?")
            return cache

        return make

    ASKED = "How long does a refund to a debit card take?"

    @pytest.mark.parametrize("mode", ["auto", "always"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_raise(self, make: Any, prompts: list[Any], mode: str, stream: bool) -> None:
        cache = make(mode)
        with pytest.raises(BlockedError):
            sent(cache, self.ASKED, stream=stream)
        assert cache.search(self.ASKED).sources == ()
        assert prompts == []

    def test_skip(self, make: Any, prompts: list[Any]) -> None:
        outcome = sent(make("always", on_negative_hit="skip"), self.ASKED)
        assert (outcome.tier, outcome.answer) == (Tier.UPSTREAM, Answer("11 m/s"))
        assert prompts == []

    def test_a_function_that_answers_and_one_that_lets_pass(
        self, make: Any, prompts: list[Any]
    ) -> None:
        given: list[str | None] = ["No.", None]
        cache = make("auto", on_negative_hit=lambda *_: given.pop(0))
        assert sent(cache, self.ASKED).tier is Tier.NEGATIVE
        assert prompts == []
        assert sent(cache, self.ASKED).tier is Tier.SYNTHESIS
        assert len(prompts) == 1


class TestFaults:
    def test_an_embedder_that_fails_lets_the_question_pass(
        self, make_cache: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        embedder = Failing()
        cache = make_cache(embedder=embedder)
        embedder.working = True
        cache.negative.add("ab")
        embedder.working = False
        with caplog.at_level(logging.WARNING):
            assert sent(cache, "abab").answer is not None
            assert sent(cache, "abba").answer is not None
        assert "embedder_failed" in caplog.text
        with pytest.raises(BlockedError):  # its text needs no embedder
            sent(cache, "ab")
        embedder.working = True
        with pytest.raises(BlockedError):  # nothing was remembered of the failure
            sent(cache, "abab")

    def test_a_store_that_fails_leaves_what_is_known(self, make_cache: Callable[..., Any]) -> None:
        store: Any = Faulty(MemoryStore(), error=StoreError)
        cache = make_cache(":memory:", store=store)
        cache.negative.add(SWALLOW)
        store.fail = {"changed", "changes", "find", "get", "negatives"}
        with pytest.raises(BlockedError):
            sent(cache)
        assert sent(cache, OTHER).tier is Tier.UPSTREAM


class TestProcesses:
    def test_two_processes_see_each_other_s_patterns(
        self, make_cache: Callable[..., Any], tmp_path: Path
    ) -> None:
        cache = make_cache(tmp_path / "shared", clock=time.time)
        mine = cache.negative.add(SWALLOW)
        assert cache.lookup("Who goes there?") is None
        code = (
            "import sys; from cacheback import SemanticCache, BlockedError\n"
            "with SemanticCache(sys.argv[1]) as cache:\n"
            "    try: cache.lookup('airspeed of swallows')\n"
            "    except BlockedError as error: print(error.match.entry.id)\n"
            f"    cache.negative.remove({mine.id})\n"
            "    cache.negative.add('Who goes there?', 'quest')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "shared")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{mine.id}\n"
        assert cache.lookup(SHORT) is None
        with pytest.raises(BlockedError, match="quest"):
            cache.lookup("Who goes there?")

    def test_threads_that_follow_at_once_end_with_the_newest(
        self, make_cache: Callable[..., Any]
    ) -> None:
        writer, reader = make_cache(), make_cache()
        for number in range(20):
            writer.negative.add(f"pattern number {number}")
        point = reader.store.negatives.read()[0]
        blocks = reader.engine.memory.blocks
        read = reader.store.negatives.read
        stale: list[bool] = []

        def first_an_old_one() -> Any:
            if not stale:
                stale.append(True)
                blocks.follow(point)  # as if another thread were quicker
                return 1, []
            return read()

        reader.store.negatives.read = first_an_old_one
        blocks.follow(1)
        assert len(blocks.entries()) == 20


def never(_step: Send) -> Reply:
    raise AssertionError("upstream was called")


async def anever(_step: Send) -> Reply:
    raise AssertionError("upstream was called")


class Counting(BaseEmbedder):
    name, dim = "letters", 26

    def __init__(self) -> None:
        self.count = 0

    def encode(self, text: str) -> Any:
        self.count += 1
        counts = [text.count(chr(97 + letter)) for letter in range(26)]
        return np.array(counts, dtype=np.float32) + 0.01


class Failing(Counting):
    working = False

    def encode(self, text: str) -> Any:
        if not self.working:
            raise RuntimeError("no model")
        return super().encode(text)
