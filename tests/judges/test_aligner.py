"""What is given to the aligner of a pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cacheback.embedders.minilm import tokens
from cacheback.judges.aligner import (
    REACH,
    Reading,
    by_name,
    facts_of,
    inputs,
    nearest_of,
    relations,
    same_tokens,
    segments_of,
)
from cacheback.judges.reading import shared

SIZES = (2, 3)
ACROSS, INSIDE = REACH, REACH + 2 * REACH + 1  # at the same place
SAME_WORD = 2 * (2 * REACH + 1)


def test_of_each_token_the_nearest_of_the_other_text() -> None:
    near = np.array(
        [
            [0, 0, 0, 0, 0, 0],
            [0, 1, 0.9, 0.1, 0.2, 0.3],
            [0, 0.9, 1, 0.4, 0.3, 0.2],
            [0, 0.1, 0.4, 1, 0.9, 0.9],
            [0, 0.2, 0.3, 0.9, 1, 0.9],
            [0, 0.3, 0.2, 0.9, 0.9, 1],
        ],
        dtype=np.float32,
    )
    assert nearest_of(near, SIZES).tolist() == pytest.approx([0, 0.3, 0.4, 0.4, 0.3, 0.3])


def test_how_tokens_stand_to_each_other() -> None:
    assert segments_of(SIZES).tolist() == [2, 0, 0, 1, 1, 1]
    found = relations(same_tokens(np.array([7, 8, 9, 8, 7])), SIZES)
    assert found[1].tolist() == [
        ACROSS,
        INSIDE + SAME_WORD,
        INSIDE + 1,
        ACROSS,
        ACROSS + 1,
        ACROSS + 2 + SAME_WORD,
    ]
    assert found[5, 3] == INSIDE - 2
    assert found[0, 0] == INSIDE  # the first is no word


def test_all_that_is_far_apart_is_alike() -> None:
    sizes = (40, 1)
    found = relations(same_tokens(np.arange(41)), sizes)
    assert found[1, 1 + REACH] == found[1, 40] == INSIDE + REACH
    assert found[41, 40] == ACROSS + REACH  # the other text's one token is at its start
    assert found[40, 41] == 0


def test_what_is_known_of_a_token() -> None:
    one, other = tokens("2 embeddings")[1:-1], tokens("2 models")[1:-1]
    ids, sizes = np.array([*one, *other]), (len(one), len(other))
    facts = facts_of(ids, same_tokens(ids), sizes)
    assert len(one) > 2  # a word in pieces
    shared_, digits, continued = facts[1:, 0], facts[1:, 1], facts[1:, 2]
    assert shared_.tolist() == [1, *[0] * (len(one) - 1), 1, *[0] * (len(other) - 1)]
    assert digits.tolist() == [1, *[0] * (len(one) - 1), 1, *[0] * (len(other) - 1)]
    assert continued.tolist() == [0, 0, *[1] * (len(one) - 2), *[0] * len(other)]
    assert facts[0].tolist() == [0] * 5
    assert facts[1:, 4].max() < 1


def test_both_orders_are_given() -> None:
    known = by_name([*tokens("to from")[1:-1]])
    ids = (np.array(tokens(text)[1:-1]) for text in ("from here to there", "there, here"))
    one, other = (Reading(some, np.ones((len(some), 384), dtype=np.float32)) for some in ids)
    given = inputs(one, other, known)
    assert given["segments"].tolist() == [[2, 0, 0, 0, 0, 1, 1, 1], [2, 1, 1, 1, 1, 0, 0, 0]]
    assert given["known"].tolist() == [[0, 2, 0, 1, 0, 0, 0, 0]]


def test_a_pair_has_one_verdict_whichever_comes_first() -> None:
    pair = ("Is it cheaper to fly on Monday than on Sunday?", "cheapest day for flights")
    here, there = shared().log_odds(*pair), shared().log_odds(*pair[::-1])
    assert here == pytest.approx(there, abs=1e-4)


@pytest.mark.parametrize("other", ["rain", "word " * 254])
def test_the_shortest_and_the_longest_are_read(other: str) -> None:
    assert math.isfinite(shared().log_odds("snow", other))


def test_a_reading_is_kept() -> None:
    model = shared()
    reading = model.read("What is kept?")
    assert model.read("What is kept?") is reading
    assert reading.directions.shape == (len(reading.ids), 384)
    assert np.linalg.norm(reading.directions, axis=1) == pytest.approx(1, abs=1e-5)
