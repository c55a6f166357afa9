"""The learned judge: what is promised of it, whatever its weights are."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.core.ports import Judge, Pair
from cacheback.errors import ConfigurationError
from cacheback.judges import LearnedJudge, operating_point
from cacheback.judges.learned import UNREAD
from cacheback.models import Reason, Verdict

THRESHOLD = 0.85
CHINESE = "法国的首都是哪里"
RUSSIAN = "что такое дождь?"
LONG = "What about rain? " * 100  # 300 tokens and more
SAME = Pair("How can I reset my password?", "How do I reset my password?", 0.95, THRESHOLD)
OPPOSITE = Pair("How do I enable it?", "How do I disable it?", 0.95, THRESHOLD)

Near = Callable[..., Pair]


@pytest.fixture
def near(embedder: Any) -> Near:
    """A pair at the cosine that its texts really have."""

    def pair(question: str, other: str) -> Pair:
        cosine = float(embedder.encode(question) @ embedder.encode(other))
        return Pair(question, other, cosine, THRESHOLD)

    return pair


def probability(pair: Pair) -> float:
    told = LearnedJudge().judge(pair).probability
    assert told is not None
    return told


# what is served


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("capital of France?", "What is the capital of France?"),
        ("Tell me about Python", "What is Python?"),
    ],
)
def test_the_printed_examples_hold(near: Near, asked: str, stored: str) -> None:
    judge: Judge = LearnedJudge()
    assert judge.judge(near(asked, stored)).reason is Reason.ABOVE_THRESHOLD


def test_a_cache_with_it_serves_them() -> None:
    with SemanticCache(":memory:", judge=LearnedJudge(), similarity_threshold=THRESHOLD) as cache:
        cache.populate("What is Python?", "A language.")
        cache.populate("What is the capital of France?", "Paris.")
        assert str(cache.lookup("Tell me about Python")) == "A language."
        assert str(cache.lookup("capital of France?")) == "Paris."


def test_what_has_another_answer_is_less_likely(near: Near) -> None:
    unlike = near("How do I water my roses?", "How do I prune my roses?")
    assert probability(SAME) > probability(replace(unlike, threshold=0.0))


def test_a_pair_reads_about_the_same_in_both_orders(near: Near) -> None:
    texts = [
        ("capital of France?", "What is the capital of France?"),
        ("How can I reset my password?", "How do I reset my password?"),
        ("Why does my dishwasher leak?", "Why does my dishwasher smell?"),
        ("Can I freeze cooked rice?", "Can I reheat cooked rice?"),
        ("What is the boiling point of water?", "Tell me how to bake bread, please."),
    ]
    for one, other in texts:
        here, there = (
            probability(replace(near(*pair), threshold=-1.0))
            for pair in ((one, other), (other, one))
        )
        assert here == pytest.approx(there, abs=1e-4)


def test_every_thread_reads_the_same() -> None:
    read = probability(SAME)
    pairs = [Pair(f"{SAME.question} {n}", f"{SAME.other} {n}", 0.95, THRESHOLD) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(probability, [*pairs, SAME]))
    assert at_once == [*map(probability, pairs), read]


# the probability decides


def test_the_probability_is_said_whether_it_serves_or_not() -> None:
    served = LearnedJudge(at_least=0).judge(SAME)
    refused = LearnedJudge(at_least=1).judge(SAME)
    assert (served.serve, served.reason) == (True, Reason.ABOVE_THRESHOLD)
    assert (refused.serve, refused.reason) == (False, Reason.MEANING_DIFFERS)
    assert served.probability == refused.probability == probability(SAME)
    assert 0 < probability(SAME) < 1
    for verdict in (served, refused):
        assert f"{probability(SAME):.1%}" in verdict.detail
    assert "0.95 ≥ 0.85" in served.detail
    assert "100.0%" in refused.detail


def test_it_is_served_from_the_probability_that_is_asked_for() -> None:
    exactly = probability(SAME)
    assert LearnedJudge(at_least=exactly).judge(SAME).serve
    assert not LearnedJudge(at_least=math.nextafter(exactly, 1)).judge(SAME).serve


def test_the_pair_s_own_probability_wins() -> None:
    assert LearnedJudge(at_least=1).judge(replace(SAME, at_least=0.0)).serve
    assert not LearnedJudge(at_least=0).judge(replace(SAME, at_least=1.0)).serve


def test_the_shipped_operating_point_holds_unless_another_is_asked_for() -> None:
    assert 0.5 <= operating_point() < 1
    assert LearnedJudge().at_least == operating_point()
    assert LearnedJudge(at_least=0).at_least == 0
    shipped = replace(SAME, at_least=operating_point())
    assert LearnedJudge().judge(SAME) == LearnedJudge().judge(shipped)


@pytest.mark.parametrize("at_least", [-0.1, 1.1, float("nan")])
def test_a_probability_is_asked_for(at_least: float) -> None:
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        LearnedJudge(at_least)


def test_a_score_is_the_probability_and_of_what_cannot_be_read_the_verdict() -> None:
    judge = LearnedJudge()
    assert judge.score(SAME) == probability(SAME)
    assert judge.score(Pair(CHINESE, CHINESE + "?", UNREAD, 0.0)) == 1
    assert judge.score(Pair(CHINESE, CHINESE + "?", UNREAD - 0.01, 0.0)) == 0


# guards


def test_where_it_refuses_a_guard_names_what_differs() -> None:
    verdict = LearnedJudge(at_least=1).judge(OPPOSITE)
    assert (verdict.serve, verdict.reason) == (False, Reason.OPPOSITE)
    assert verdict.probability == probability(OPPOSITE)


def test_an_opposite_is_not_served() -> None:
    assert not LearnedJudge().judge(OPPOSITE).serve


# what is not read


def test_what_is_not_near_is_not_read() -> None:
    far = Pair(LONG, "snow", 0.84, THRESHOLD)
    expected = Verdict(False, Reason.BELOW_THRESHOLD, "0.84 < 0.85")
    assert LearnedJudge(at_least=0).judge(far) == expected
    run(f"""if True:
        import sys
        from cacheback.core.ports import Pair
        from cacheback.judges import LearnedJudge

        judge = LearnedJudge(at_least=0)
        assert not judge.judge(Pair({SAME.question!r}, {SAME.other!r}, 0.84, 0.85)).serve
        assert "onnxruntime" not in sys.modules
        assert judge.judge(Pair({SAME.question!r}, {SAME.other!r}, 0.85, 0.85)).serve
        assert "onnxruntime" in sys.modules
    """)


@pytest.mark.parametrize(
    ("question", "other"),
    [
        (CHINESE, CHINESE + "?"),
        (RUSSIAN, "What about rain?"),
        ("What about rain?", RUSSIAN),
        (LONG, LONG + "And snow?"),
        (LONG, "What about rain?"),
        ("What about rain?", LONG),
    ],
)
def test_what_it_cannot_read_is_served_only_from_a_higher_cosine(question: str, other: str) -> None:
    judge = LearnedJudge(at_least=0)  # which would serve whatever it can read
    below = judge.judge(Pair(question, other, UNREAD - 0.001, THRESHOLD))
    assert (below.serve, below.reason) == (False, Reason.BELOW_THRESHOLD)
    above = LearnedJudge(at_least=1).judge(Pair(question, other, UNREAD, THRESHOLD))
    assert (above.serve, above.reason) == (True, Reason.ABOVE_THRESHOLD)
    assert below.probability is above.probability is None


def test_what_it_cannot_read_is_held_to_a_threshold_above_that() -> None:
    verdict = LearnedJudge(at_least=0).judge(Pair(CHINESE, CHINESE + "?", 0.95, 0.96))
    assert (verdict.serve, verdict.reason) == (False, Reason.BELOW_THRESHOLD)


def test_guards_alone_object_to_what_it_cannot_read() -> None:
    pair = Pair(LONG + "Are 20 mm much?", LONG + "Are 30 mm much?", 0.99, THRESHOLD)
    verdict = LearnedJudge(at_least=0).judge(pair)
    assert (verdict.serve, verdict.reason) == (False, Reason.NUMBER_DIFFERS)
    assert verdict.probability is None


def test_importing_judges_loads_neither_numpy_nor_the_model() -> None:
    run("""if True:
        import sys
        from cacheback.judges import LearnedJudge

        LearnedJudge()
        assert {"numpy", "onnxruntime", "tokenizers"}.isdisjoint(sys.modules)
        assert "cacheback.judges.model" not in sys.modules
    """)


def run(program: str) -> None:
    """Run it in a process of its own; it must end well."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
