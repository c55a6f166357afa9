from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from cacheback import SemanticCache
from cacheback.core.ports import Judge, Pair
from cacheback.errors import ConfigurationError
from cacheback.judges import OPERATING_POINT, LearnedJudge
from cacheback.judges.features import NAMES, figures
from cacheback.judges.learned import _WEIGHTS, likeliness
from cacheback.judges.reading import read
from cacheback.models import Reason, Verdict


def judged(question: str, other: str, at_least: float = OPERATING_POINT) -> Verdict:
    judge: Judge = LearnedJudge(at_least)
    one, two = read(question), read(other)
    assert one is not None
    assert two is not None
    return judge.judge(Pair(question, other, float(one.vector @ two.vector), 0.85))


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("capital of France?", "What is the capital of France?"),
        ("Tell me about Python", "What is Python?"),
        ("How can I reset my password?", "How do I reset my password?"),
    ],
)
def test_serves_what_means_the_same(question: str, other: str) -> None:
    assert judged(question, other).reason is Reason.ABOVE_THRESHOLD


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("How do I water my roses?", "How do I prune my roses?"),
        ("Why does my dishwasher leak?", "Why does my dishwasher smell?"),
        ("Can I freeze cooked rice?", "Can I reheat cooked rice?"),
    ],
)
def test_refuses_what_no_guard_objects_to(question: str, other: str) -> None:
    verdict = LearnedJudge().judge(Pair(question, other, 0.9, 0.85))
    assert verdict.reason is Reason.MEANING_DIFFERS


def test_what_is_not_near_is_not_read() -> None:
    verdict = LearnedJudge().judge(Pair("rain " * 1000, "snow", 0.84, 0.85))
    assert verdict == Verdict(False, Reason.BELOW_THRESHOLD, "0.84 < 0.85")


def test_guards_speak_first_and_can_be_left_out() -> None:
    pair = Pair("How do I enable it?", "How do I disable it?", 0.95, 0.85)
    assert LearnedJudge().judge(pair).reason is Reason.OPPOSITE
    assert LearnedJudge(at_least=0, guards=()).judge(pair).serve


def test_nothing_is_judged_by_half_of_it() -> None:
    long = "What about rain? " * 100
    verdict = LearnedJudge().judge(Pair(long, long + "And snow?", 0.99, 0.85))
    assert verdict == Verdict(False, Reason.TOO_LONG, "the judge reads up to 256 tokens")


def test_the_probability_decides_and_is_said() -> None:
    question, other = "How can I reset my password?", "How do I reset my password?"
    one, two = read(question), read(other)
    assert one is not None
    assert two is not None
    likely = likeliness(one, two)
    refused = judged(question, other, at_least=1)
    assert refused == Verdict(False, Reason.MEANING_DIFFERS, f"same answer: {likely:.2f} < 1.00")
    assert judged(question, other, at_least=likely).serve


@pytest.mark.parametrize("at_least", [-0.1, 1.1, float("nan")])
def test_a_probability_is_asked_for(at_least: float) -> None:
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        LearnedJudge(at_least)


def test_weights_are_those_of_the_figures() -> None:
    assert tuple(json.loads(_WEIGHTS.read_text())["weights"]) == NAMES


def found(one: str, other: str) -> dict[str, float]:
    mine, theirs = read(one), read(other)
    assert mine is not None
    assert theirs is not None
    return dict(zip(NAMES, figures(mine, theirs).tolist(), strict=True))


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


def test_a_cache_with_it_serves_below_the_usual_threshold() -> None:
    with SemanticCache(":memory:", judge=LearnedJudge(), similarity_threshold=0.85) as cache:
        cache.populate("What is Python?", "A language.")
        cache.populate("Is it safe to eat raw salmon?", "Mostly.")
        hit = cache.lookup("Tell me about Python")
        assert hit is not None
        assert str(hit) == "A language."
        assert cache.lookup("Is it safe to freeze raw salmon?") is None
        assert (
            cache.search("Is it safe to freeze raw salmon?").verdict.reason
            is Reason.MEANING_DIFFERS
        )


def test_importing_judges_loads_neither_numpy_nor_the_model() -> None:
    code = (
        "import sys, cacheback.judges\n"
        "sys.exit(not {'numpy', 'onnxruntime', 'tokenizers'}.isdisjoint(sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
