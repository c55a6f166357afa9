from __future__ import annotations

import pytest

from cacheback.core.guards import GUARDS, Guard
from cacheback.core.judge import GuardedThreshold
from cacheback.core.ports import Judge, Pair
from cacheback.models import Reason, Verdict


def judged(question: str, other: str, similarity: float, threshold: float = 0.92) -> Verdict:
    judge: Judge = GuardedThreshold()
    return judge.judge(Pair(question, other, similarity, threshold))


def test_serves_what_is_near_and_means_the_same() -> None:
    verdict = judged("capital of France?", "What is the capital of France?", 0.946)
    assert verdict == Verdict(True, Reason.ABOVE_THRESHOLD, "0.95 ≥ 0.92")


def test_the_threshold_itself_is_near_enough() -> None:
    assert judged("Hi", "Hello", 0.92) == Verdict(True, Reason.ABOVE_THRESHOLD, "0.92 ≥ 0.92")


def test_below_the_threshold_nothing_else_is_said() -> None:
    verdict = judged("enable it", "disable it", 0.71)
    assert verdict == Verdict(False, Reason.BELOW_THRESHOLD, "0.71 < 0.92")


def test_figures_show_a_miss_by_a_hair() -> None:
    assert judged("Hi", "Hello", 0.9199).detail == "0.919900 < 0.920000"


@pytest.mark.parametrize(
    ("question", "other", "reason"),
    [
        ("after 7 days", "after 14 days", Reason.NUMBER_DIFFERS),
        ("Why can't I pay?", "Why can I pay?", Reason.NEGATION_DIFFERS),
        ("enable two-factor login", "disable two-factor login", Reason.OPPOSITE),
        ("flights from Paris to London", "flights from London to Paris", Reason.DIRECTION_DIFFERS),
        ("Is Python faster than Java?", "Is Java faster than Python?", Reason.COMPARISON_DIFFERS),
        ("open on Monday?", "open on Sunday?", Reason.TIME_DIFFERS),
        ("the capital of Peru", "the capital of Chile", Reason.NAME_DIFFERS),
        ("explain TLS briefly", "explain TLS in detail", Reason.FORM_DIFFERS),
    ],
)
def test_a_guard_s_veto_is_the_reason(question: str, other: str, reason: Reason) -> None:
    verdict = judged(question, other, 0.99)
    assert not verdict.serve
    assert verdict.reason is reason
    assert verdict.detail


def test_guards_are_asked_in_order_until_one_objects() -> None:
    asked: list[str] = []

    def guard(reason: Reason, objection: str | None) -> Guard[str]:
        def differ(_mine: str, _theirs: str) -> str | None:
            asked.append(reason.value)
            return objection

        return Guard(reason, lambda read: read.plain, differ)

    judge = GuardedThreshold(
        [
            guard(Reason.OPPOSITE, None),
            guard(Reason.NAME_DIFFERS, "no"),
            guard(Reason.FORM_DIFFERS, "no, too"),
        ]
    )
    assert judge.judge(Pair("a", "b", 1.0, 0.9)) == Verdict(False, Reason.NAME_DIFFERS, "no")
    assert asked == ["opposite", "name_differs"]


def test_without_guards_the_threshold_decides() -> None:
    verdict = GuardedThreshold(guards=()).judge(Pair("enable it", "disable it", 0.95, 0.92))
    assert verdict.serve


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.reason.value)
def test_paraphrases_of_the_facts_pass_every_guard(guard: Guard[object]) -> None:
    for question, other in [
        ("capital of France?", "What is the capital of France?"),
        ("Tell me about Python", "What is Python?"),
        ("airspeed of swallows", "What is the airspeed of an unladen swallow?"),
    ]:
        assert guard(question, other) is None
