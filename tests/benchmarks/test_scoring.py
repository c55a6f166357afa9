"""The arithmetic of scores, on examples that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.answers.scoring import auc, threshold_for
from benchmarks.answers.shortcuts import differing_words, length_difference, overlap

SAME = np.array([True, True, False, False])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.9, 0.8, 0.2, 0.1], 1.0),
        ([0.1, 0.2, 0.8, 0.9], 0.0),
        ([0.5, 0.5, 0.5, 0.5], 0.5),
        ([0.9, 0.3, 0.5, 0.1], 0.75),
        ([0.9, 0.5, 0.5, 0.1], 0.875),
    ],
)
def test_auc(scores: list[float], expected: float) -> None:
    assert auc(np.array(scores), SAME) == expected


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2).filter(
        lambda rows: 0 < sum(same for _, same in rows) < len(rows)
    )
)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, bool]]) -> None:
    scores, same = np.array([s for s, _ in rows], dtype=float), np.array([s for _, s in rows])
    wins = [float(p > n) + 0.5 * (p == n) for p in scores[same] for n in scores[~same]]
    assert auc(scores, same) == pytest.approx(sum(wins) / len(wins))


def test_auc_needs_both() -> None:
    with pytest.raises(ValueError, match="same pairs and others"):
        auc(np.array([1.0]), np.array([True]))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 0.95), (0.24, 0.95), (0.25, 0.8), (0.5, 0.5), (0.75, 0.4), (1.0, 0.1)],
)
def test_the_lowest_threshold_that_accepts_few_enough(share: float, expected: float) -> None:
    scores = np.array([0.95, 0.8, 0.5, 0.9, 0.6, 0.4, 0.1])
    same = np.array([True, True, True, False, False, False, False])
    assert threshold_for(scores, same, share) == expected


def test_no_threshold_when_the_highest_scores_are_of_others() -> None:
    assert threshold_for(np.array([0.9, 0.9]), np.array([True, False]), 0.0) == float("inf")


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1).filter(
        lambda rows: not all(same for _, same in rows)
    ),
    st.sampled_from([0.0, 0.01, 0.05, 0.3]),
)
def test_a_threshold_holds_on_what_it_was_chosen_on(
    rows: list[tuple[int, bool]], share: float
) -> None:
    scores, same = np.array([s for s, _ in rows], dtype=float), np.array([s for _, s in rows])
    chosen = threshold_for(scores, same, share)
    assert (scores[~same] >= chosen).mean() <= share
    lower = scores[scores < chosen]
    if len(lower):
        assert (scores[~same] >= lower.max()).mean() > share


def test_shortcuts_count_words() -> None:
    assert differing_words("How do I boil an egg?", "how do I fry an egg") == 2
    assert differing_words("an egg, an egg", "an egg") == 2
    assert differing_words("C++", "C#") == 2
    assert overlap("a b c", "a b d") == 0.5
    assert overlap("?", "!") == 0.0
    assert length_difference("one two three", "one") == 2
