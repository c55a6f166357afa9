"""The rules by which a question matches a blocked pattern, and how well they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.blocking.rules import RULES, SHIPPED, Case, load, measured, table, wrong
from cacheback.core.negative import LENIENCY, contained, contradicts, pattern_digest, score, seen

SWALLOW = "What is the airspeed of an unladen swallow?"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cases(embedder: Any) -> list[Case]:
    return measured(load(), embedder)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def numbers(cell: str) -> tuple[int, int]:
    caught, of = cell.split(" of ")
    return int(caught), int(of)


class TestDigest:
    @pytest.mark.parametrize(
        "other",
        [
            "what is it",
            " What  is\nit ?! ",
            "“What is it?”",
            "WHAT IS IT…",
            "Ｗhat is it",  # noqa: RUF001
            "What\u200b is\u00ad i\u2060t?",
            "\u202eWhat is it?\u202c\x00",
            "\ufeffWhat is\u3164it?",
            "What\U0001f512is it \U0001f44d\U0001f3fd\ufe0f",
        ],
    )
    def test_looks_do_not_count(self, other: str) -> None:
        assert pattern_digest(other) == pattern_digest("What is it?")

    @pytest.mark.parametrize("other", ["What is it not?", "What isit?", "What-is-it?", "?", "!?"])
    def test_everything_else_does(self, other: str) -> None:
        assert pattern_digest(other) != pattern_digest("What is it?")

    def test_signs_alone_are_text(self) -> None:
        assert pattern_digest("?") != pattern_digest("!")
        assert pattern_digest("\U0001f512") != pattern_digest("\U0001f44d")
        assert pattern_digest("\u200b") == pattern_digest("\u200b")


class TestSeen:
    @pytest.mark.parametrize("text", ["", "It is", "Où est-il\n? 5 %", "何ですか", "\u200b"])
    def test_what_can_be_seen_stays(self, text: str) -> None:
        assert seen(text) == text


class TestContained:
    @pytest.mark.parametrize(
        ("question", "share"),
        [
            ("airspeed of swallows", 1),
            ("The airspeed of the unladen swallow, please!", 1),
            ("what do swallows eat", 0),
            ("swallows", 0),
            ("airspeed of unladen coconuts", 2 / 3),
            ("is it?", 0),
            ("", 0),
        ],
    )
    def test_the_share_of_content_words(self, question: str, share: float) -> None:
        assert contained(question, SWALLOW) == pytest.approx(share)
        assert score(question, SWALLOW, 0.5) == pytest.approx(0.5 + LENIENCY * share)


class TestContradicts:
    @pytest.mark.parametrize(
        ("pattern", "question"),
        [
            ("How do I disable notifications?", "How do I enable notifications?"),
            ("How do I lose 20 pounds?", "How do I lose 2 pounds?"),
            ("Who was laid off in March?", "Who was laid off in May?"),
            ("What is the wifi password in Berlin?", "What is the wifi password in Paris?"),
            ("Is it legal without consent?", "Is it legal with consent?"),
            ("Why can't I transfer money?", "Why can I transfer money?"),
            ("How do I convert USD to EUR?", "How do I convert EUR to USD?"),
        ],
    )
    def test_what_is_said_otherwise_lets_pass(self, pattern: str, question: str) -> None:
        assert contradicts(question, pattern)

    @pytest.mark.parametrize(
        ("pattern", "question"),
        [
            ("How do I lose 20 pounds in a week?", "How do I lose weight in a week?"),
            ("Who was laid off in March?", "Who was laid off?"),
            ("What is the wifi password in Berlin?", "What is the wifi password?"),
            ("Which stocks should I buy this week?", "Which stocks should I buy?"),
        ],
    )
    def test_what_is_left_out_does_not(self, pattern: str, question: str) -> None:
        assert not contradicts(question, pattern)


class TestCases:
    def test_the_example_is_caught_and_its_neighbour_is_not(self, cases: list[Case]) -> None:
        rule = RULES[SHIPPED]
        decided = {case.question: rule(case) for case in cases if case.pattern == SWALLOW}
        assert decided["airspeed of swallows"]
        assert not decided["what do swallows eat"]

    def test_the_table_in_the_documentation_is_what_is_measured(self, cases: list[Case]) -> None:
        """But for a case or two: processors round the quantised model differently."""
        page = (ROOT / "docs" / "negative.md").read_text("utf-8")
        lines = page.splitlines()
        for measured_line in table(cases).splitlines()[2:]:
            name, *figures = cells(measured_line)
            (told,) = [line for line in lines if line.startswith(f"| {name} |")]
            for mine, theirs in zip(figures, cells(told)[1:], strict=True):
                (caught, of), (caught_then, of_then) = numbers(mine), numbers(theirs)
                assert of == of_then
                assert abs(caught - caught_then) <= 2

    def test_there_are_enough_cases_of_each_kind(self, cases: list[Case]) -> None:
        assert len({case.pattern for case in cases}) == 42
        for part in ("tune", "report"):
            for wanted in (True, False):
                some = [case for case in cases if (case.part, case.wanted) == (part, wanted)]
                assert len({(case.pattern, case.question) for case in some}) == len(some) >= 50

    def test_it_is_wrong_less_often_than_a_threshold(self, cases: list[Case]) -> None:
        mistakes = {name: len(wrong(cases, rule)) for name, rule in RULES.items()}
        assert mistakes[SHIPPED] < mistakes["cosine ≥ 0.85"]
        falsely = {
            name: sum(1 for case in wrong(cases, rule) if not case.wanted)
            for name, rule in RULES.items()
        }
        assert falsely[SHIPPED] < falsely["cosine ≥ 0.80"]

    def test_the_cache_decides_as_the_table_says(self, cases: list[Case], make_cache: Any) -> None:
        cache = make_cache(":memory:")
        for case in cases[:100]:
            cache.negative.add(case.pattern, namespace=case.pattern)
        for case in cases[:100]:
            match = cache.negative.check(case.question, namespace=case.pattern)
            assert (match is not None) == RULES[SHIPPED](case)
