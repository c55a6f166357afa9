from __future__ import annotations

from typing import Any

import pytest

from cacheback.core.learning import pair_digest
from cacheback.core.ports import Lesson
from cacheback.core.proportions import exact_interval
from cacheback.core.reporting import Doubtful, report
from cacheback.core.scope import question_digest
from cacheback.models import Judgement, Labeller, Saved


def judgement(at: int, question: str = "q", **rest: Any) -> Judgement:
    given: dict[str, Any] = {
        "scope": "s",
        "entry_id": 1,
        "other": "e",
        "similarity": 0.95,
        "probability": 0.9,
        "served": True,
        **rest,
    }
    return Judgement(id=at, at=float(at), question=question, **given)


def lesson(
    at: int, question: str, right: bool, by: Labeller = "answers", entry_id: int = 1
) -> Lesson:
    pair = pair_digest(question_digest(question), question_digest("e"))
    return Lesson(float(at), pair, "s", entry_id, right, by)


def labelled(at: int, label: str | None, by: str | None = "answers", **rest: Any) -> Judgement:
    return judgement(at, f"q{at}", label=label, labelled_by=by if label else None, **rest)


def doubts(*judgements: Judgement, lessons: tuple[Lesson, ...] = ()) -> list[tuple[str, str]]:
    found = report({}, judgements[::-1], lessons).pairs
    return [(one.question, one.doubt) for one in found]


COUNTERS = {
    "hits.exact": 3,
    "hits.semantic": 1,
    "hits.synthesis": 1,
    "misses.empty": 4,
    "misses.below_threshold": 1,
    "shadow.hits.exact": 1,
    "shadow.hits.semantic": 2,
    "shadow.misses": 7,
    "saved.tokens": 10,
    "saved.money": 0.5,
    "shadow.saved.tokens": 20,
    "shadow.saved.money": 0.0,
    "shadow.saved.seconds": 4.0,
}


class TestRates:
    def test_both_sides_by_tier(self) -> None:
        found = report(COUNTERS, [], [])
        assert found.served.hits == {"exact": 3, "semantic": 1, "synthesis": 1}
        assert found.served.misses == 5
        assert found.served.hit_rate == 0.4  # a new synthesis is no hit
        assert found.served.saved == Saved(10, 0.5, 0.0)
        assert found.shadow.hits == {"exact": 1, "semantic": 2}
        assert found.shadow.hit_rate == 0.3
        assert found.shadow.saved == Saved(20, None, 4.0)

    def test_misses_of_shadow_mode_by_reason_count_as_well(self) -> None:
        found = report({"shadow.misses.empty": 2, "shadow.hits.exact": 2}, [], [])
        assert found.shadow.hit_rate == 0.5

    def test_nothing_known(self) -> None:
        found = report({}, [], [])
        assert found.empty
        assert found.served.hit_rate is None
        assert found.served.errors.rate is None
        assert (found.served.errors.low, found.served.errors.high) == (0, 1)

    def test_exact_hits_in_shadow_are_not_nothing(self) -> None:
        assert not report({"shadow.hits.exact": 1}, [], []).empty
        assert report({"hits.exact": 1}, [], []).empty

    def test_since_counts_what_was_judged_since(self) -> None:
        shadow = judgement(5, served=False, saved=Saved(7, 0.25, 1.0))
        served = [judgement(6, saved=Saved(1, None, 2.0)), judgement(7, saved=Saved(1, 0.5, 0.0))]
        found = report(COUNTERS, [*served[::-1], shadow], [], since=5)
        assert (found.served.hits, found.served.misses) == ({"semantic": 2}, None)
        assert found.served.hit_rate is None
        assert found.served.saved == Saved(2, 0.5, 2.0)
        assert found.shadow.saved == Saved(7, 0.25, 1.0)


class TestErrors:
    def test_comparisons_are_counted_on_their_side(self) -> None:
        judged = [
            labelled(1, "right"),
            labelled(2, "wrong", "model"),
            labelled(3, None),
            labelled(4, "right", served=False),
        ]
        found = report({}, judged[::-1], [])
        assert (found.served.errors.compared, found.served.errors.wrong) == (2, 1)
        assert found.served.errors.rate == 0.5
        assert (found.served.errors.low, found.served.errors.high) == exact_interval(1, 2)
        assert (found.shadow.errors.compared, found.shadow.errors.wrong) == (1, 0)

    def test_what_persons_report_is_no_sample(self) -> None:
        found = report({}, [labelled(1, "wrong", "person")], [lesson(1, "q1", False, "person")])
        assert found.served.errors.compared == 0
        assert found.said == {"wrong": 1}

    def test_a_person_corrects_a_comparison(self) -> None:
        lessons = [lesson(1, "q1", True), lesson(2, "q1", False, "person")]
        found = report({}, [labelled(1, "wrong", "person")], lessons)
        assert (found.served.errors.compared, found.served.errors.wrong) == (1, 1)

    def test_a_comparison_of_another_entry_is_none_of_this_one(self) -> None:
        lessons = [lesson(1, "q1", True, entry_id=2), lesson(2, "q1", False, "person")]
        found = report({}, [labelled(1, "wrong", "person")], lessons)
        assert found.served.errors.compared == 0

    def test_persons_are_counted_since(self) -> None:
        lessons = [lesson(at, "q", bool(at % 2), "person") for at in range(1, 6)]
        assert report({}, [], lessons).said == {"right": 3, "wrong": 2}
        assert report({}, [], lessons, since=4).said == {"right": 1, "wrong": 1}


class TestPairs:
    def test_the_least_sure_first(self) -> None:
        found = doubts(
            judgement(1, "sure", probability=0.99),
            judgement(2, "unsure", probability=0.8),
            judgement(3, "no probability", probability=None, similarity=0.85),
        )
        assert found == [
            ("unsure", "unsure"),
            ("no probability", "unsure"),
            ("sure", "unsure"),
        ]

    def test_contradictions_and_wrong_ones_before(self) -> None:
        found = doubts(
            judgement(1, "unsure", probability=0.1),
            judgement(2, "wrong"),
            judgement(3, "both"),
            judgement(4, "right"),
            lessons=(
                lesson(1, "wrong", False),
                lesson(2, "both", True),
                lesson(3, "both", False),
                lesson(4, "right", True),
            ),
        )
        assert found == [
            ("both", "contradicting"),
            ("wrong", "compared_wrong"),
            ("unsure", "unsure"),
        ]

    @pytest.mark.parametrize("right", [True, False])
    def test_what_a_person_has_said_is_settled(self, right: bool) -> None:
        both = (lesson(1, "q", True), lesson(2, "q", False))
        assert doubts(judgement(1), lessons=both) == [("q", "contradicting")]
        assert not doubts(judgement(1), lessons=(*both, lesson(3, "q", right, "person")))

    def test_until_a_comparison_says_otherwise(self) -> None:
        said = lesson(1, "q", True, "person")
        assert not doubts(judgement(1), lessons=(said, lesson(2, "q", True)))
        found = doubts(judgement(1), lessons=(said, lesson(2, "q", False)))
        assert found == [("q", "contradicting")]

    def test_one_line_for_each_pair_of_an_entry(self) -> None:
        twice = [judgement(2, probability=0.7, served=False), judgement(1, probability=0.9)]
        found = report({}, [*twice, judgement(0, entry_id=2)], []).pairs
        assert found == (
            Doubtful(1, "q", "e", 0.95, 0.7, False, 2.0, 2, "unsure"),
            Doubtful(2, "q", "e", 0.95, 0.9, True, 0.0, 1, "unsure"),
        )

    def test_no_more_than_asked_for(self) -> None:
        judged = [judgement(at, f"q{at}") for at in range(30)]
        assert len(report({}, judged, []).pairs) == 10
        assert len(report({}, judged, [], pairs=3).pairs) == 3


class TestBins:
    def test_every_hit_is_in_one(self) -> None:
        judged = [
            labelled(1, "right", probability=1.0),
            labelled(2, "wrong", probability=0.902),
            labelled(3, None, probability=0.952),
        ]
        found = report({}, judged, [])
        assert (found.score, len(found.bins)) == ("probability", 20)
        assert (found.bins[0].low, found.bins[-1].high) == (0.9, 1.0)
        seen = {i: (b.right, b.wrong, b.unknown) for i, b in enumerate(found.bins)}
        assert {i: one for i, one in seen.items() if any(one)} == {
            0: (0, 1, 0),
            10: (0, 0, 1),
            19: (1, 0, 0),
        }

    def test_over_cosines_where_no_probability_is_known(self) -> None:
        found = report({}, [judgement(1, probability=None, similarity=1.0)], [])
        assert (found.score, found.bins[0].low) == ("similarity", 0.95)
        assert sum(one.unknown for one in found.bins) == 1
