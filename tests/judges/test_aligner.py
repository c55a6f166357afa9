"""What is given to the aligner of a pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cacheback.embedders.minilm import tokens
from cacheback.judges.aligner import REACH, facts_of, nearest, places, within
from cacheback.judges.reading import shared

SIZES = (2, 3)


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
    assert nearest(near, SIZES).tolist() == pytest.approx([0, 0.3, 0.4, 0.4, 0.3, 0.3])


def test_where_tokens_stand() -> None:
    segments, alike, apart = places(SIZES)
    assert segments.tolist() == [2, 0, 0, 1, 1, 1]
    assert alike[1].tolist() == [0, 1, 1, 0, 0, 0]
    across, inside = REACH, REACH + 2 * REACH + 1  # at the same place
    assert apart[1, 3:].tolist() == [across, across + 1, across + 2]
    assert apart[1, 1:3].tolist() == [inside, inside + 1]
    assert apart[5, 3] == inside - 2


def test_all_that_is_far_apart_is_alike() -> None:
    _, _, apart = places((40, 1))
    assert apart[1, 1 + REACH] == apart[1, 40] == apart.max()
    assert apart[41, 40] == apart.min() + 2 * REACH  # the other text's one token is at its start


def test_what_is_known_of_a_token() -> None:
    one, other = tokens("2 embeddings")[1:-1], tokens("2 models")[1:-1]
    ids, sizes = np.array([*one, *other]), (len(one), len(other))
    _, same = within(np.zeros((1 + len(ids), 384), dtype=np.float32), ids)
    facts = facts_of(ids, same, sizes)
    assert len(one) > 2  # a word in pieces
    shared_, digits, continued = facts[1:, 0], facts[1:, 1], facts[1:, 2]
    assert shared_.tolist() == [1, *[0] * (len(one) - 1), 1, *[0] * (len(other) - 1)]
    assert digits.tolist() == [1, *[0] * (len(one) - 1), 1, *[0] * (len(other) - 1)]
    assert continued.tolist() == [0, 0, *[1] * (len(one) - 2), *[0] * len(other)]
    assert facts[0].tolist() == [0] * 5
    assert facts[1:, 4].max() < 1


@pytest.mark.parametrize("other", ["rain", "word " * 254])
def test_the_shortest_and_the_longest_are_read(other: str) -> None:
    assert math.isfinite(shared().log_odds("snow", other))


def test_a_reading_is_kept() -> None:
    model = shared()
    reading = model.read("What is kept?")
    assert model.read("What is kept?") is reading
    assert np.linalg.norm(reading.directions, axis=1) == pytest.approx(1, abs=1e-5)
