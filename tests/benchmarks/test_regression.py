"""The regression that judges are measured against: its figures, and what it makes of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.answers.regression import RegressionJudge
from benchmarks.answers.regression.figures import NAMES, figures, read
from benchmarks.answers.regression.judge import WEIGHTS
from benchmarks.answers.rows import Scored, named
from cacheback.core.ports import Pair
from cacheback.models import Reason, Verdict

ROW = "regression=benchmarks.answers.regression:RegressionJudge"
LONG = "What about rain? " * 100


def pair(question: str, other: str, threshold: float = 0.85) -> Pair:
    """With the texts' own cosine."""
    one, two = read(question), read(other)
    return Pair(question, other, float(one.vector @ two.vector), threshold)


def found(one: str, other: str) -> dict[str, float]:
    mine, theirs = read(one), read(other)
    return dict(zip(NAMES, figures(mine, theirs).tolist(), strict=True))


# the judge


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("capital of France?", "What is the capital of France?"),
        ("Tell me about Python", "What is Python?"),
        ("How can I reset my password?", "How do I reset my password?"),
    ],
)
def test_serves_what_means_the_same(question: str, other: str) -> None:
    verdict = RegressionJudge().judge(pair(question, other))
    assert verdict.reason is Reason.ABOVE_THRESHOLD
    assert verdict.probability is not None
    assert verdict.detail.endswith(f"same answer: {verdict.probability:.2f}")


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("How do I water my roses?", "How do I prune my roses?"),
        ("Why does my dishwasher leak?", "Why does my dishwasher smell?"),
        ("Can I freeze cooked rice?", "Can I reheat cooked rice?"),
    ],
)
def test_refuses_what_no_guard_objects_to(question: str, other: str) -> None:
    verdict = RegressionJudge().judge(Pair(question, other, 0.9, 0.85))
    assert verdict.reason is Reason.MEANING_DIFFERS
    assert verdict.probability is not None


def test_threshold_and_guards_speak_first() -> None:
    judge = RegressionJudge()
    far = judge.judge(Pair(LONG, "snow", 0.84, 0.85))
    assert far == Verdict(False, Reason.BELOW_THRESHOLD, "0.84 < 0.85")
    opposite = judge.judge(Pair("How do I enable it?", "How do I disable it?", 0.95, 0.85))
    assert (opposite.reason, opposite.probability) == (Reason.OPPOSITE, None)


def test_nothing_is_judged_by_half_of_it() -> None:
    verdict = RegressionJudge().judge(Pair(LONG, LONG + "And snow?", 0.99, 0.85))
    assert verdict == Verdict(False, Reason.TOO_LONG, "the judge reads up to 256 tokens")


def test_it_is_a_row_with_scores_whatever_the_threshold() -> None:
    judge = named(ROW).judge
    assert isinstance(judge, Scored)
    near = pair("How can I reset my password?", "How do I reset my password?", threshold=1.0)
    assert judge.judge(near).reason is Reason.BELOW_THRESHOLD
    assert 0.65 <= judge.score(near) < 1
    assert judge.score(Pair("How do I enable it?", "How do I disable it?", 0.95, 0.0)) == -1
    assert judge.score(Pair(LONG, LONG + "And snow?", 0.99, 0.0)) == -1


# its figures


def test_weights_are_those_of_the_figures() -> None:
    assert tuple(json.loads(WEIGHTS.read_text(encoding="utf-8"))["weights"]) == NAMES


def test_figures_of_a_text_and_itself() -> None:
    same = found("Is tea healthier than coffee?", "Is tea healthier than coffee?")
    assert same["cosine"] == pytest.approx(1)
    assert same["alignment_least_min"] == pytest.approx(1)
    assert same["same_words"] == same["repeated_min"] == 1
    assert same["missing_max"] == same["inversions_max"] == same["numbers_differ"] == 0


def test_figures_see_what_differs() -> None:
    seen = found("Can I pay 20 dollars from Rome?", "Can't I pay 30 dollars before Rome?")
    assert seen["number_missing_min"] == 1
    assert seen["numbers_differ"] == 2
    assert seen["negated_once"] == 1
    assert seen["relations_missing_min"] == pytest.approx(np.log(2))
    assert found("Is tea better than coffee?", "Is coffee better than tea?")["same_words"] == 1
    assert found("When is it?", "Where is it?")["first_ask_other"] == 1
