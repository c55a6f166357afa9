"""`cacheback feedback`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheback import SemanticCache

CAPITAL = "What is the capital of France?"
ASKED = "the capital of France, what is it?"


def test_wrong(run: Callable[..., Any], filled: SemanticCache) -> None:
    assert filled.lookup(ASKED, threshold=0.5)
    ran = run("feedback", "1", "--wrong", "--question", ASKED)
    assert ran.code == 0
    assert ran.out.splitlines()[:2] == [ASKED, f"  1: {CAPITAL}"]
    assert "not be served for this question again" in ran.out
    assert not filled.lookup(ASKED, threshold=0.5)
    assert filled.lookup(CAPITAL)


def test_the_last_question_is_meant_and_told(
    run: Callable[..., Any], filled: SemanticCache
) -> None:
    assert filled.lookup("capital of France, please?", threshold=0.5)
    assert filled.lookup(ASKED, threshold=0.5)
    filled.report()  # what was noted is written now
    told = run("feedback", "1", "--right", "--json").json
    assert told == {
        "entry_id": 1,
        "label": "right",
        "question": ASKED,
        "other": CAPITAL,
        "judgements": 1,
        "own": False,
        "deleted": False,
    }


def test_wrong_for_its_own_question(run: Callable[..., Any], filled: SemanticCache) -> None:
    assert "in any case" in run("feedback", "1", "--right", "--question", CAPITAL).out
    assert filled.lookup(CAPITAL)
    assert "the entry is deleted" in run("feedback", "1", "--wrong", "--question", CAPITAL).out
    assert not filled.lookup(CAPITAL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["1", "--question", ASKED], "either --wrong or --right"),
        (["1", "--wrong", "--right", "--question", ASKED], "either --wrong or --right"),
        (["1", "--wrong"], "--question"),
        (["1", "--wrong", "--question", " "], "must be the text"),
        (["99", "--wrong"], "no entry 99"),
        (["x", "--wrong"], "x"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_mistakes(run: Callable[..., Any], given: list[str], said: str) -> None:
    ran = run("feedback", *given)
    assert ran.code == 2
    assert said in ran.err
