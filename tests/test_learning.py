"""What is decided by meaning is noted, checked and learned from, beside the calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cacheback import Answer, Controls, Outcome, Reason, Reply, SemanticCache, Send, Tier, Usage
from cacheback.core import learning
from cacheback.core.calibration import Calibration
from cacheback.core.parts import place
from cacheback.core.ports import Lesson, Pair
from cacheback.core.synthesis import Prompt
from cacheback.drive import asettle, settle
from cacheback.models import Judgement, Saved, Spent, Verdict

FRANCE = "What is the capital of France?"
NEAR = "capital of France?"
NEARER = "What's the capital of France?"
PARIS = "The capital of France is Paris."
OTHER = "I am afraid that this is not a question which I can help you with today."

Make = Callable[..., SemanticCache]


@dataclass
class Judge:
    """Tells a probability, and serves from what it is asked for or from its own bar."""

    probability: float | None = 0.95
    reason: Reason = Reason.MEANING_DIFFERS
    bar: float = 0.5
    pairs: list[Pair] = field(default_factory=list)

    def judge(self, pair: Pair) -> Verdict:
        self.pairs.append(pair)
        bar = self.bar if pair.at_least is None else pair.at_least
        if self.probability is None or self.probability < bar:
            return Verdict(False, self.reason, probability=self.probability)
        return Verdict(True, Reason.ABOVE_THRESHOLD, probability=self.probability)


@dataclass
class Upstream:
    """Says what it is told to, and remembers what it was asked."""

    text: str = PARIS
    sent: list[Send] = field(default_factory=list)

    def __call__(self, step: Send) -> Reply:
        self.sent.append(step)
        if not self.text:
            raise ConnectionError("upstream is away")
        usage = Usage(10, 5, cost=0.25)
        return Reply("native", Answer(self.text, usage=usage), seconds=0.5)


@dataclass
class Referee:
    """A model that says that two answers say the same, and what that cost."""

    usage: Usage
    model: str = "gpt-4.1-nano"
    provider: str = "openai"

    def write(self, _: Prompt) -> Said:
        return Said(self.usage)


@dataclass
class Said:
    usage: Usage
    finish_reason: str | None = "stop"

    def __iter__(self) -> Iterator[str]:
        return iter(["SAME\n", "Both are about Paris."])


async def asked(cache: SemanticCache, upstream: Upstream) -> None:
    """`ask` on an event loop, until all is compared."""

    async def send(step: Send) -> Reply:
        return upstream(step)

    await cache.aanswer(cache.request(NEAR, repeatable=True), send)
    assert await asettle(60)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the operating point be this, whatever the evidence, and checks this share of hits."""

    def set_to(point: float, audits: float = 0.0) -> None:
        def calibrate(_: float, __: Any) -> Calibration:
            return Calibration(point, audits)

        monkeypatch.setattr(learning, "calibrate", calibrate)

    set_to(0.9)
    return set_to


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


def judgements(cache: SemanticCache) -> list[Judgement]:
    assert settle(60)
    cache.engine.parts.notes.record()
    return cache.store.learned.judgements()


def lessons(cache: SemanticCache) -> list[Lesson]:
    assert settle(60)
    cache.engine.parts.notes.record()
    return cache.store.learned.read(0)[1]


def counters(cache: SemanticCache) -> dict[str, float]:
    assert settle(60)
    cache.stats()
    return dict(cache.store.stats().counters)


def ask(cache: SemanticCache, upstream: Upstream, question: str = NEAR, **request: Any) -> Outcome:
    request = {"repeatable": True, **request}
    return cache.answer(cache.request(question, **request), upstream)


def teach(cache: SemanticCache, lessons: int, entry_id: int = 999) -> None:
    """So many times that an entry's answer was wrong for another question."""
    lesson = Lesson(0.0, "p" * 64, "s", entry_id, right=False, by="answers", score=0.9)
    for _ in range(lessons):
        cache.engine.parts.notes.lesson(lesson)
    cache.engine.parts.notes.record()


class TestNoted:
    def test_a_hit_by_meaning(self, make_cache: Make, judge: Judge, clock: Any) -> None:
        cache = make_cache(judge=judge)
        entry = cache.populate(FRANCE, Answer(PARIS, usage=Usage(7, 3, cost=0.5)), seconds=2.0)
        assert cache.lookup(NEAR)
        assert cache.lookup(FRANCE)
        (noted,) = judgements(cache)
        assert (noted.question, noted.other, noted.entry_id) == (NEAR, FRANCE, entry.id)
        assert (noted.served, noted.label, noted.at) == (True, None, clock.now)
        assert noted.probability == 0.95
        assert noted.similarity == pytest.approx(0.946, abs=0.02)
        assert (noted.saved.tokens, noted.saved.money, noted.saved.seconds) == (10, 0.5, 2.0)

    def test_what_is_pending_is_written_when_the_cache_is_closed(self, make_cache: Make) -> None:
        with make_cache() as cache:
            cache.populate(FRANCE, PARIS)
            assert cache.lookup(NEAR)
        again = make_cache()
        assert [one.question for one in again.store.learned.judgements()] == [NEAR]

    def test_none_are_kept_where_none_are_wanted(self, make_cache: Make) -> None:
        cache = make_cache(judgements_kept=0)
        cache.populate(FRANCE, PARIS)
        assert cache.lookup(NEAR)
        assert judgements(cache) == []

    def test_a_store_that_keeps_none_fails_no_call(
        self, make_cache: Make, monkeypatch: pytest.MonkeyPatch, clock: Any
    ) -> None:
        cache = make_cache()
        cache.populate(FRANCE, PARIS)

        def fail(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(cache.store.learned, "add", fail)
            clock.advance(10)
            assert cache.lookup(NEAR)
        assert cache.stats().faults == {"learning_failed": 1}


class TestBound:
    def test_the_judge_only_vetoes_and_the_evidence_decides(
        self, make_cache: Make, judge: Judge, bounded: Any
    ) -> None:
        bounded(0.96)
        cache = make_cache(judge=judge, max_error=0.01)
        cache.populate(FRANCE, PARIS)
        found = cache.search(NEAR)
        assert judge.pairs[0].at_least == 0.0
        assert (found.tier, found.verdict.reason) == (None, Reason.ERROR_BOUND)
        assert cache.lookup(NEAR) is None
        assert cache.stats().misses == {"error_bound": 1}
        bounded(0.94)
        again = make_cache(judge=judge, max_error=0.01)
        assert again.search(NEAR).tier is Tier.SEMANTIC
        assert again.lookup(NEAR)

    def test_without_one_the_judge_decides(self, make_cache: Make, judge: Judge) -> None:
        cache = make_cache(judge=judge)
        cache.populate(FRANCE, PARIS)
        assert cache.lookup(NEAR)
        assert judge.pairs[0].at_least is None

    @pytest.fixture
    def weighed(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many lessons each calibration knew; with any at all nothing may be served."""
        weighed: list[int] = []

        def calibrate(_: float, known: Any) -> Calibration:
            weighed.append(len(known))
            return Calibration(2.0 if known else 0.0, 0.0)

        monkeypatch.setattr(learning, "calibrate", calibrate)
        return weighed

    def test_enough_evidence_moves_the_operating_point(
        self, make_cache: Make, judge: Judge, weighed: list[int]
    ) -> None:
        cache, other = (make_cache(judge=judge, max_error=0.01) for _ in range(2))
        cache.populate(FRANCE, PARIS)
        teach(cache, 63)
        assert cache.lookup(NEAR)
        assert settle(60)
        assert weighed == [0, 0]
        teach(cache, 1)
        cache.lookup(NEARER)
        assert settle(60)
        assert cache.lookup(NEAR) is None
        assert weighed == [0, 0, 64]
        other.lookup(NEAR)
        assert settle(60)
        assert other.lookup(NEAR) is None
        assert make_cache(judge=judge, max_error=0.01).lookup(NEAR) is None
        assert weighed == [0, 0, 64, 64, 64]

    def test_what_cannot_be_weighed_leaves_the_last_operating_point(
        self, make_cache: Make, judge: Judge, monkeypatch: pytest.MonkeyPatch, bounded: Any
    ) -> None:
        bounded(0.9)
        cache = make_cache(judge=judge, max_error=0.01)
        cache.populate(FRANCE, PARIS)

        def fail(_: float, __: Any) -> Calibration:
            raise ZeroDivisionError

        monkeypatch.setattr(learning, "calibrate", fail)
        teach(cache, 64)
        for _ in range(2):
            assert cache.lookup(NEAR)
            assert settle(60)
        assert cache.stats().faults == {"learning_failed": 1}

    def test_what_is_known_of_an_entry_counts(
        self, make_cache: Make, judge: Judge, bounded: Any
    ) -> None:
        bounded(0.9)
        cache = make_cache(judge=judge, max_error=0.01)
        entry = cache.populate(FRANCE, PARIS)
        assert cache.search(NEAR).verdict.probability == pytest.approx(0.95)
        teach(cache, 1, entry.id)
        found = cache.search(NEAR).verdict
        assert found.reason is Reason.ERROR_BOUND
        assert found.probability == pytest.approx(0.95 * 8 / 9)


class TestAudits:
    @pytest.fixture
    def cache(self, make_cache: Make, judge: Judge, bounded: Any) -> SemanticCache:
        bounded(0.5, audits=1.0)
        cache = make_cache(judge=judge, max_error=0.01)
        cache.populate(FRANCE, PARIS)
        return cache

    def test_nobody_waits_for_one(self, cache: SemanticCache) -> None:
        go_on, asked = threading.Event(), []

        def slow(step: Send) -> Reply:
            asked.append(step)
            go_on.wait(60)
            return Reply("native", Answer(PARIS))

        outcome = cache.answer(cache.request(NEAR, payload="p", repeatable=True), slow)
        assert (outcome.tier, outcome.reply) == (Tier.SEMANTIC, None)
        go_on.set()
        assert settle(60)
        (step,) = asked
        assert (step.payload, step.keep, step.unseen) == ("p", True, True)

    def test_upstream_says_the_same(self, cache: SemanticCache, upstream: Upstream) -> None:
        assert str(ask(cache, upstream)) == PARIS
        (lesson,) = lessons(cache)
        assert (lesson.right, lesson.by, lesson.paid) == (True, "answers", True)
        assert lesson.score == pytest.approx(0.95)
        (judgement,) = judgements(cache)
        assert (judgement.served, judgement.label) == (True, "right")
        assert len(cache.entries()) == 1

    def test_upstream_says_otherwise(self, cache: SemanticCache, upstream: Upstream) -> None:
        upstream.text = OTHER
        assert str(ask(cache, upstream)) == PARIS
        (lesson,) = lessons(cache)
        assert (lesson.right, lesson.paid) == (False, True)
        (judgement,) = judgements(cache)
        assert (judgement.label, judgement.labelled_by) == ("wrong", "answers")
        again = ask(cache, upstream)
        assert (again.tier, str(again)) == (Tier.EXACT, OTHER)
        assert len(upstream.sent) == 1

    def test_what_it_costs_is_told(self, cache: SemanticCache, upstream: Upstream) -> None:
        ask(cache, upstream)
        assert settle(60)
        spent = cache.stats().spent
        assert set(spent) == {"audit"}
        assert (spent["audit"].calls, spent["audit"].tokens, spent["audit"].money) == (1, 15, 0.25)

    def test_what_it_costs_is_no_saving(
        self, make_cache: Make, judge: Judge, bounded: Any, upstream: Upstream
    ) -> None:
        bounded(0.5, audits=1.0)
        cache = make_cache(judge=judge, max_error=0.01)
        cache.populate(FRANCE, Answer(PARIS, usage=Usage(40, 3, cost=1.0)), seconds=2.0)
        outcome = ask(cache, upstream)
        assert outcome.saved == Saved(43, 1.0, 2.0)  # that of the hit: its audit is still to come
        (judgement,) = judgements(cache)
        left = Saved(43 - 15, 1.0 - 0.25, 2.0)
        assert (cache.stats().saved, judgement.saved) == (left, left)
        assert cache.report().served.saved == cache.report(since=0.0).served.saved == left
        unchecked = cache.request(NEAR, repeatable=False)
        assert cache.answer(unchecked, upstream).tier is Tier.SEMANTIC
        assert cache.stats().saved == Saved(28 + 43, 0.75 + 1.0, 4.0)

    @pytest.mark.parametrize("usage", [None, Usage(10, 5)])
    def test_of_what_is_not_known_nothing_is_taken_off(
        self, usage: Usage | None, make_cache: Make, judge: Judge, bounded: Any
    ) -> None:
        bounded(0.5, audits=1.0)
        cache = make_cache(judge=judge, max_error=0.01)
        cache.populate(FRANCE, Answer(PARIS, usage=Usage(40, 3)))
        request = cache.request(NEAR, repeatable=True)
        assert cache.answer(request, lambda _: Reply("native", Answer(PARIS, usage=usage))).entry
        (judgement,) = judgements(cache)
        tokens = usage.total if usage else 0
        assert cache.stats().spent == {"audit": Spent(1, tokens, 0.0)}
        assert cache.stats().saved == judgement.saved == Saved(43 - tokens, None, 0.0)

    def test_upstream_fails(self, cache: SemanticCache, upstream: Upstream) -> None:
        upstream.text = ""
        assert str(ask(cache, upstream)) == PARIS
        assert counters(cache)["audits.failed"] == 1
        (judgement,) = judgements(cache)
        assert (judgement.served, judgement.label) == (True, None)
        assert cache.stats().faults == {}
        assert lessons(cache) == []

    def test_as_many_as_the_calibration_wants(
        self, cache: SemanticCache, upstream: Upstream, bounded: Any, make_cache: Make, judge: Judge
    ) -> None:
        bounded(0.5, audits=0.25)
        cache = make_cache(judge=judge, max_error=0.01)
        drawn = iter([0.2, 0.25, 0.3, 0.1])
        object.__setattr__(cache.engine.parts, "random", lambda: next(drawn))
        for _ in range(4):
            assert ask(cache, upstream).tier is Tier.SEMANTIC
        assert settle(60)
        assert len(upstream.sent) == 2

    @pytest.mark.parametrize(
        "request_",
        [{"repeatable": False}, {"controls": Controls(mode="only-if-cached")}],
    )
    def test_what_may_not_be_asked_again_is_not(
        self, request_: dict[str, Any], cache: SemanticCache, upstream: Upstream
    ) -> None:
        assert ask(cache, upstream, **request_).tier is Tier.SEMANTIC
        assert settle(60)
        assert upstream.sent == []
        (judgement,) = judgements(cache)
        assert judgement.label is None

    def test_exact_hits_are_not_checked(self, cache: SemanticCache, upstream: Upstream) -> None:
        assert ask(cache, upstream, FRANCE).tier is Tier.EXACT
        assert settle(60)
        assert upstream.sent == []

    def test_nor_what_a_person_has_called_right(
        self, cache: SemanticCache, upstream: Upstream
    ) -> None:
        cache.feedback(cache.entries()[0].id, "right", NEAR)
        assert ask(cache, upstream).verdict.reason is Reason.REPORTED_RIGHT
        assert settle(60)
        assert upstream.sent == []

    def test_in_a_rush_some_are_dropped(self, cache: SemanticCache) -> None:
        go_on = threading.Event()

        def slow(_: Send) -> Reply:
            go_on.wait(60)
            return Reply("native", Answer(PARIS))

        request = cache.request(NEAR, repeatable=True)
        try:
            for _ in range(6):
                assert cache.answer(request, slow).tier is Tier.SEMANTIC
        finally:
            go_on.set()
        assert counters(cache)["audits.dropped"] == 2
        labels = [one.label for one in judgements(cache)]
        assert sorted(map(str, labels)) == ["None"] * 2 + ["right"] * 4

    async def test_nor_are_there_more_on_an_event_loop(
        self, cache: SemanticCache, upstream: Upstream
    ) -> None:
        go_on = asyncio.Event()

        async def slow(step: Send) -> Reply:
            await go_on.wait()
            return upstream(step)

        request = cache.request(NEAR, repeatable=True)
        for _ in range(6):
            assert (await cache.aanswer(request, slow)).tier is Tier.SEMANTIC
        go_on.set()
        assert await asettle(60)
        assert len(upstream.sent) == 4
        assert counters(cache)["audits.dropped"] == 2
        labels = [one.label for one in judgements(cache)]
        assert sorted(map(str, labels)) == ["None"] * 2 + ["right"] * 4

    async def test_on_an_event_loop(self, cache: SemanticCache, upstream: Upstream) -> None:
        upstream.text = OTHER

        async def send(step: Send) -> Reply:
            return upstream(step)

        request = cache.request(NEAR, repeatable=True)
        assert (await cache.aanswer(request, send)).tier is Tier.SEMANTIC
        assert await asettle(60)
        assert [one.right for one in lessons(cache)] == [False]
        assert (await cache.aanswer(request, send)).tier is Tier.EXACT

    def test_a_function_of_one_s_own_is_asked_again(self, cache: SemanticCache) -> None:
        asked: list[str] = []

        def call(question: str) -> str:
            asked.append(question)
            return PARIS

        assert cache.ask(NEAR, call).tier is Tier.SEMANTIC
        assert settle(60)
        assert asked == [NEAR]
        assert [one.right for one in lessons(cache)] == [True]

    def test_a_closed_cache_waits_for_what_is_under_way(
        self,
        cache: SemanticCache,
        make_cache: Make,
        judge: Judge,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        closing = threading.Event()

        def waiting(_: float) -> bool:
            closing.set()
            return settle(60)

        def slow(_: Send) -> Reply:
            closing.wait(60)
            return Reply("native", Answer(PARIS))

        monkeypatch.setattr("cacheback.cache.settle", waiting)
        cache.answer(cache.request(NEAR, repeatable=True), slow)
        cache.close()
        closing.set()
        again = make_cache(judge=judge, max_error=0.01)
        assert [one.label for one in again.store.learned.judgements()] == ["right"]


class TestForFree:
    """Upstream has answered anyway; a candidate was there, and not sure enough."""

    @pytest.fixture
    def cache(self, make_cache: Make, judge: Judge, bounded: Any) -> SemanticCache:
        bounded(0.96)
        cache = make_cache(judge=judge, max_error=0.01)
        cache.populate(FRANCE, PARIS)
        return cache

    @pytest.mark.parametrize(("text", "right"), [(PARIS, True), (OTHER, False)])
    def test_the_two_answers_are_compared(
        self, text: str, right: bool, cache: SemanticCache, upstream: Upstream
    ) -> None:
        upstream.text = text
        outcome = ask(cache, upstream, repeatable=False)
        assert (outcome.tier, outcome.verdict.reason) == (Tier.UPSTREAM, Reason.ERROR_BOUND)
        assert outcome.candidate is not None
        assert outcome.candidate.entry.question == FRANCE
        (lesson,) = lessons(cache)
        assert (lesson.right, lesson.paid, lesson.by) == (right, False, "answers")
        assert lesson.score == pytest.approx(0.95)
        assert judgements(cache) == []
        assert len(cache.entries()) == 2

    def test_for_a_framework_that_calls_by_itself(self, cache: SemanticCache) -> None:
        request = cache.request(NEAR)
        assert cache.answer(request, lambda _: Reply(None)).answer is None
        cache.record(request, Reply("native", Answer(PARIS)))
        (lesson,) = lessons(cache)
        assert (lesson.right, lesson.paid) == (True, False)
        assert len(cache.entries()) == 2

    def test_what_it_has_just_recorded_is_no_candidate(self, cache: SemanticCache) -> None:
        cache.populate(NEAR, OTHER)
        engine = cache.engine
        asked = place(cache.request(NEAR), engine.parts, engine.limits)
        found = engine.recalling.foresee(asked, exactly=False)
        assert found is not None
        assert found.entry.question == FRANCE

    @pytest.mark.parametrize(
        ("probability", "reason"),
        [(0.2, Reason.NUMBER_DIFFERS), (None, Reason.MEANING_DIFFERS)],
    )
    def test_not_after_a_veto_nor_without_a_probability(
        self,
        probability: float | None,
        reason: Reason,
        make_cache: Make,
        judge: Judge,
        upstream: Upstream,
    ) -> None:
        cache = make_cache(mode="shadow", judge=judge)
        cache.populate(FRANCE, PARIS)
        judge.probability, judge.reason = probability, reason
        assert ask(cache, upstream).verdict.reason is reason
        assert lessons(cache) == []

    def test_in_shadow_mode_too(self, make_cache: Make, judge: Judge, upstream: Upstream) -> None:
        cache = make_cache(mode="shadow", judge=judge)
        cache.populate(FRANCE, PARIS)
        judge.probability = 0.2
        assert ask(cache, upstream).verdict.reason is Reason.MEANING_DIFFERS
        (lesson,) = lessons(cache)
        assert (lesson.right, lesson.paid, lesson.score) == (True, False, 0.2)

    def test_not_where_nobody_makes_use_of_it(
        self, make_cache: Make, judge: Judge, upstream: Upstream
    ) -> None:
        cache = make_cache(judge=judge)
        cache.populate(FRANCE, PARIS)
        judge.probability = 0.2
        assert ask(cache, upstream).verdict.reason is Reason.MEANING_DIFFERS
        assert lessons(cache) == []

    def test_not_with_an_entry_that_has_expired(
        self, cache: SemanticCache, upstream: Upstream, clock: Any
    ) -> None:
        clock.advance(100_000)
        assert ask(cache, upstream).verdict.reason is Reason.EXPIRED
        assert lessons(cache) == []

    def test_not_with_an_answer_that_was_written_from_near_ones(
        self, make_cache: Make, judge: Judge, bounded: Any, upstream: Upstream
    ) -> None:
        bounded(0.96)

        def write(_: Prompt) -> str:
            return f"SOURCES: 1\n{OTHER}"

        cache = make_cache(judge=judge, max_error=0.01, synthesis_mode="auto", synthesizer=write)
        cache.populate(FRANCE, PARIS)
        assert ask(cache, upstream).tier is Tier.SYNTHESIS
        assert lessons(cache) == []


class TestAFrameworkInShadow:
    """`record` brings the answer of whoever calls upstream by itself."""

    @pytest.fixture
    def cache(self, make_cache: Make) -> SemanticCache:
        cache = make_cache(mode="shadow")
        cache.populate(FRANCE, PARIS)
        return cache

    @pytest.mark.parametrize(("text", "label"), [(PARIS, "right"), (OTHER, "wrong")])
    def test_a_hit_by_meaning(self, text: str, label: str, cache: SemanticCache) -> None:
        request = cache.request(NEAR)
        outcome = cache.answer(request, lambda _: Reply(None))
        assert (outcome.answer, outcome.verdict.reason) == (None, Reason.SHADOW)
        cache.record(request, Reply("native", Answer(text)))
        (judgement,) = judgements(cache)
        assert (judgement.label, judgement.served) == (label, False)
        assert len(cache.entries()) == 1
        assert counters(cache)["shadow.hits.semantic"] == 1

    def test_an_exact_hit_and_a_miss(self, cache: SemanticCache) -> None:
        for question in (FRANCE, "Who wrote Hamlet?"):
            request = cache.request(question)
            assert cache.answer(request, lambda _: Reply(None)).answer is None
            cache.record(request, Reply("native", Answer(OTHER)))
        assert [one.answer.text for one in cache.entries()] == [PARIS, OTHER]
        assert judgements(cache) == []
        assert lessons(cache) == []


class TestTheReferee:
    """A model is asked where comparing cannot tell."""

    ONE = Answer("Paris.")
    UNTOLD = "It is the city on the Seine where the government sits."

    @pytest.fixture
    def prompts(self) -> list[Prompt]:
        return []

    @pytest.mark.parametrize(("said", "label"), [("SAME", "right"), ("DIFFERENT.", "wrong")])
    def test_its_word_counts(
        self, said: str, label: str, make_cache: Make, upstream: Upstream, prompts: list[Prompt]
    ) -> None:
        def model(prompt: Prompt) -> str:
            prompts.append(prompt)
            return said

        cache = make_cache(mode="shadow", referee=model)
        cache.populate(FRANCE, self.ONE)
        upstream.text = self.UNTOLD
        ask(cache, upstream)
        (judgement,) = judgements(cache)
        assert (judgement.label, judgement.labelled_by) == (label, "model")
        assert [one.by for one in lessons(cache)] == ["model"]
        (prompt,) = prompts
        assert self.UNTOLD in prompt.user

    def test_what_compares_alone_is_not_asked(
        self, make_cache: Make, judge: Judge, upstream: Upstream, prompts: list[Prompt]
    ) -> None:
        cache = make_cache(mode="shadow", judge=judge, referee=prompts.append)
        cache.populate(FRANCE, PARIS)
        ask(cache, upstream)
        assert [one.label for one in judgements(cache)] == ["right"]
        assert prompts == []
        assert cache.stats().spent == {}

    @pytest.mark.parametrize("colour", ["sync", "async"])
    def test_in_shadow_mode_its_cost_is_real(
        self, colour: str, make_cache: Make, judge: Judge, upstream: Upstream
    ) -> None:
        referee = Referee(Usage(1_000, 100, cost=0.125))
        cache = make_cache(mode="shadow", judge=judge, referee=referee)
        cache.populate(FRANCE, replace(self.ONE, usage=Usage(40, 3, cost=1.0)), seconds=2.0)
        upstream.text = self.UNTOLD
        if colour == "async":
            asyncio.run(asked(cache, upstream))
        else:
            ask(cache, upstream)
        (judgement,) = judgements(cache)
        assert (judgement.label, judgement.saved) == ("right", Saved(43, 1.0, 2.0))
        stats = cache.stats()
        assert stats.spent == {"referee": Spent(1, 1_100, 0.125)}
        assert stats.saved == Saved(-1_100, -0.125, 0.0)
        assert cache.report().shadow.saved == Saved(43, 1.0, 2.0)

    def test_asked_of_a_hit_its_cost_is_no_saving(
        self, make_cache: Make, judge: Judge, bounded: Any, upstream: Upstream
    ) -> None:
        bounded(0.5, audits=1.0)
        referee = Referee(Usage(1_000, 100, cost=0.125))
        cache = make_cache(judge=judge, max_error=0.01, referee=referee)
        cache.populate(FRANCE, replace(self.ONE, usage=Usage(4_000, 3, cost=1.0)), seconds=2.0)
        upstream.text = self.UNTOLD
        assert ask(cache, upstream).tier is Tier.SEMANTIC
        (judgement,) = judgements(cache)
        stats = cache.stats()
        assert set(stats.spent) == {"audit", "referee"}
        left = Saved(4_003 - 15 - 1_100, 1.0 - 0.25 - 0.125, 2.0)
        assert stats.saved == judgement.saved == left

    def test_asked_of_a_miss_it_is_taken_off_what_hits_saved(
        self, make_cache: Make, judge: Judge, bounded: Any, upstream: Upstream
    ) -> None:
        bounded(0.96)
        cache = make_cache(judge=judge, max_error=0.01, referee=Referee(Usage(1_000, 100)))
        cache.populate(FRANCE, self.ONE)
        upstream.text = self.UNTOLD
        assert ask(cache, upstream).tier is Tier.UPSTREAM
        assert [one.by for one in lessons(cache)] == ["model"]
        stats = cache.stats()
        assert (stats.spent["upstream"].tokens, stats.spent["referee"].tokens) == (15, 1_100)
        assert stats.saved.tokens == -1_100
        cost = 1_000 * 0.1e-6 + 100 * 0.4e-6  # gpt-4.1-nano by the price list
        assert stats.spent["referee"].money == pytest.approx(cost)
        assert stats.saved.money == pytest.approx(-cost)

    def test_one_on_this_machine_costs_no_money(
        self, make_cache: Make, judge: Judge, upstream: Upstream
    ) -> None:
        cache = make_cache(mode="shadow", judge=judge, referee=Referee(Usage(10, 1, cost=0.0)))
        cache.populate(FRANCE, self.ONE)
        upstream.text = self.UNTOLD
        ask(cache, upstream)
        assert settle(60)
        assert cache.stats().spent == {"referee": Spent(1, 11, 0.0)}
        assert cache.stats().saved == Saved(-11, None, 0.0)

    def test_one_that_fails_is_counted(
        self, make_cache: Make, judge: Judge, upstream: Upstream
    ) -> None:
        def broken(_: Prompt) -> str:
            raise ZeroDivisionError

        cache = make_cache(mode="shadow", judge=judge, referee=broken)
        cache.populate(FRANCE, self.ONE)
        upstream.text = self.UNTOLD
        assert str(ask(cache, upstream)) == self.UNTOLD
        assert [one.label for one in judgements(cache)] == [None]
        assert cache.stats().faults == {"learning_failed": 1}
        assert cache.stats().spent == {"referee": Spent(1, 0, 0.0)}
        assert cache.stats().saved == Saved(0, None, 0.0)

    def test_without_one_it_stays_undecided(self, make_cache: Make, upstream: Upstream) -> None:
        cache = make_cache(mode="shadow")
        cache.populate(FRANCE, self.ONE)
        upstream.text = self.UNTOLD
        ask(cache, upstream)
        assert [one.label for one in judgements(cache)] == [None]
        assert lessons(cache) == []


def test_an_embedder_that_fails_beside_a_call_fails_no_call(
    make_cache: Make, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cacheback.core import evidence

    def fail(*_: Any) -> Iterator[None]:
        raise ZeroDivisionError

    cache = make_cache(mode="shadow")
    cache.populate(FRANCE, PARIS)
    monkeypatch.setattr(evidence, "compare", fail)
    assert str(ask(cache, upstream)) == PARIS
    assert [one.label for one in judgements(cache)] == [None]
    assert cache.stats().faults == {"learning_failed": 1}
