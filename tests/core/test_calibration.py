"""The bound on errors: what follows from evidence, and that it holds where the truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheback.core import calibration
from cacheback.core.calibration import AUDITED, BINS, NOTHING, Belief, bin_of, calibrate
from cacheback.core.ports import Lesson

BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2)


def sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def lesson(score: float | None, right: bool = True, paid: bool = False) -> Lesson:
    return Lesson(0.0, "", "", 1, right, "answers", score, paid)


def evidence(count: int, error: float, seed: int = 1) -> list[Lesson]:
    """Lessons of all scores, of which a share is wrong whatever the score."""
    rng = random.Random(seed)
    scores = [sigmoid(rng.gauss(1, 1.2)) for _ in range(count)]
    return [lesson(score, rng.random() >= error) for score in scores]


def point(bound: float, lessons: Sequence[Lesson]) -> float:
    return calibrate(bound, lessons).operating_point


lessons = st.lists(
    st.builds(lesson, st.none() | st.floats(0, 1), st.booleans(), st.booleans()), max_size=400
)


class TestWhatFollows:
    def test_without_evidence_the_shipped_calibration_speaks(self) -> None:
        assert [point(bound, []) for bound in BOUNDS] == [
            point(bound, [lesson(None, False)] * 500) for bound in BOUNDS
        ]
        assert point(0.5, []) < 1
        assert point(0.001, []) == NOTHING

    @pytest.mark.parametrize("bound", [0.02, 0.05])
    def test_right_answers_lower_it_and_wrong_ones_raise_it(self, bound: float) -> None:
        clean = evidence(1_500, 0.0)
        assert point(bound, clean) < point(bound, [])
        wrong = [lesson(0.95, False, paid=True)] * 150
        assert point(bound, [*clean, *wrong]) > point(bound, clean)

    def test_a_few_lessons_do_not_outweigh_it(self) -> None:
        at = bin_of(0.8)
        shipped = Belief.of([]).error(at)
        assert 0.3 * shipped < Belief.of(evidence(5, 0.0)).error(at) < shipped
        # A tenth of twenty is wrong: without what was counted elsewhere that would be 11 %.
        assert Belief.of(evidence(20, 0.1)).error(at) < 1.5 * shipped

    def test_what_is_not_served_tells_about_what_is(self) -> None:
        """Errors just below the point raise what is believed of those above it, and no hit was
        audited."""
        fine = [lesson(0.6, True)] * 300
        bad = [lesson(0.6, number % 4 > 0) for number in range(300)]
        top = bin_of(0.9)
        assert Belief.of(bad).error(top) > 2 * Belief.of(fine).error(top)

    def test_an_audit_stands_for_many_hits(self) -> None:
        low, high = [lesson(0.55)] * 200, bin_of(0.9)
        free, paid = ([*low, *[lesson(0.9, paid=paid)] * 20] for paid in (False, True))
        share = [Belief.of(one).spread[high] for one in (free, paid)]
        assert share[1] - share[0] == pytest.approx(20 * (1 / AUDITED - 1))

    def test_more_evidence_of_the_same_allows_more(self) -> None:
        points = [point(0.05, evidence(count, 0.02, seed=3)) for count in (0, 500, 4_000)]
        assert points[0] > points[2]
        assert points == sorted(points, reverse=True)

    @given(lessons)
    @settings(max_examples=40, deadline=None)
    def test_a_wider_bound_never_asks_for_more(self, known: list[Lesson]) -> None:
        points = [point(bound, known) for bound in BOUNDS]
        assert points == sorted(points, reverse=True)

    @given(lessons, st.sampled_from(BOUNDS))
    @settings(max_examples=40, deadline=None)
    def test_it_is_never_above_the_bound_by_its_own_estimate(
        self, known: list[Lesson], bound: float
    ) -> None:
        told = calibrate(bound, known)
        assert told == calibrate(bound, list(known))
        assert told.audit_probability == AUDITED
        if told.operating_point != NOTHING:
            at = bin_of(told.operating_point + 1e-9)
            assert Belief.of(known).error(at) < bound
            assert 0.5 <= told.operating_point < 1

    def test_a_belief_is_a_probability(self) -> None:
        for known in ([], evidence(50, 0.1), evidence(3_000, 0.1)):
            assert sum(Belief.of(known).curves) == pytest.approx(1)

    def test_scores_at_the_ends_have_a_bin(self) -> None:
        assert (bin_of(0.0), bin_of(1.0)) == (0, BINS - 1)
        assert [bin_of(sigmoid(-3 + bin_ / 2 + 0.25)) for bin_ in range(BINS)] == list(range(BINS))


class TestDrift:
    def test_a_change_for_the_worse_is_seen_although_much_is_remembered(self) -> None:
        before, since = evidence(4_000, 0.004), evidence(250, 0.12, seed=2)
        at = bin_of(0.5)
        assert point(0.05, before) == pytest.approx(0.5)
        assert point(0.05, [*before, *since]) == NOTHING
        # All of it together would say 1.1 %.
        assert Belief.of([*before, *since]).error(at) > 0.06

    def test_a_change_for_the_better_too(self) -> None:
        before, since = evidence(1_000, 0.2), evidence(1_000, 0.004, seed=2)
        assert point(0.05, before) == NOTHING
        assert point(0.05, [*before, *since]) < 1

    def test_while_nothing_changes_old_evidence_counts(self) -> None:
        known = evidence(4_000, 0.01)
        assert point(0.02, known) < 1
        assert point(0.02, known[-250:]) == NOTHING


RUNS, REQUESTS = 100, 1_000
EVERY = 100  # requests, then what was learned is read


@dataclass(frozen=True)
class Truth:
    """How likely a hit is wrong, by the log-odds of its score."""

    floor: float
    level: float
    slope: float = 1.0

    def wrong(self, log_odds: float) -> float:
        return self.floor + (1 - self.floor) * sigmoid(-self.level - self.slope * log_odds)


@dataclass
class Simulated:
    hits: int = 0
    wrong: int = 0
    audits: int = 0


def simulated(seed: int, bound: float, *truths: Truth, requests: int = REQUESTS) -> Simulated:
    """One cache's life: hits from its operating point on, audits, and lessons of all it misses."""
    rng = random.Random(seed)
    known: list[Lesson] = []
    at, done = point(bound, []), Simulated()
    for request in range(requests):
        if request % EVERY == 0:
            at = point(bound, known)
        truth = truths[request * len(truths) // requests]
        log_odds = rng.gauss(1.2, 1.2)
        wrong = rng.random() < truth.wrong(log_odds)
        one = lesson(sigmoid(log_odds), not wrong)
        if sigmoid(log_odds) < at:
            known.append(one)
        else:
            done.hits += 1
            done.wrong += wrong
            if rng.random() < AUDITED:
                done.audits += 1
                known.append(replace(one, paid=True))
    return done


FINE = Truth(0.002, 2.5)  # 1.6 % wrong of all that is judged
UNLIKE_THE_PRIOR = Truth(0.001, 0.0, 1.6)  # a judge that is much surer than it should be, but sharp
FLAT = Truth(0.03, 6.0)  # no score tells anything: near the shipped BANKING77
EASY = Truth(0.004, 4.0)


@pytest.mark.parametrize(
    ("bound", "truths", "hits"),
    [
        (0.05, (FINE,), 0.2),
        (0.05, (UNLIKE_THE_PRIOR,), 0.01),
        (0.02, (FLAT,), 0.0),
        (0.02, (EASY,), 0.01),
        (0.05, (EASY, FINE), 0.4),
        (0.05, (FLAT, EASY), 0.25),
    ],
    ids=["fine", "overconfident", "flat", "easy", "drift", "drift back"],
)
def test_the_bound_is_held_where_the_truth_is_known(
    bound: float, truths: tuple[Truth, ...], hits: float
) -> None:
    runs = [simulated(seed, bound, *truths) for seed in range(RUNS)]
    held = sum(one.wrong <= bound * one.hits for one in runs)
    served, audits = sum(one.hits for one in runs), sum(one.audits for one in runs)
    assert held >= 0.95 * RUNS
    assert served >= hits * RUNS * REQUESTS
    assert audits <= 0.06 * served + 5


def test_an_abrupt_change_is_noticed_before_long() -> None:
    """From 1 % wrong to a third: what was served before it is seen is the price, and it is told."""
    runs = [simulated(seed, 0.05, EASY, Truth(0.3, 3.0)) for seed in range(20)]
    steady = [simulated(seed, 0.05, EASY) for seed in range(20)]
    assert sum(one.hits for one in runs) < 0.7 * sum(one.hits for one in steady)


def test_the_prior_is_made_of_what_was_counted() -> None:
    assert calibration.COUNTED
    for right, wrong in calibration.COUNTED.values():
        assert len(right) == len(wrong) == BINS
        assert sum(right) > sum(wrong) > 0
