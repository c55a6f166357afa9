"""The published per-entry rule has the property that it was published for."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from benchmarks.answers.per_entry import Boundary, PerEntry
from benchmarks.answers.streams import Earlier, replay


def chance(cosine: float) -> float:
    """That an answer is right, in a made-up world: one half at .8, .98 at .9."""
    return 1 / (1 + math.exp(-40 * (cosine - 0.8)))


def taught(count: int, seed: int = 1) -> Boundary:
    rng = random.Random(seed)
    boundary = Boundary()
    for _ in range(count):
        cosine = rng.uniform(0.6, 1)
        boundary.add(cosine, rng.random() < chance(cosine))
    return boundary


def test_it_learns_where_answers_become_right() -> None:
    boundary = taught(1500)
    assert boundary.middle == pytest.approx(0.8, abs=0.01)
    assert boundary.slope == pytest.approx(40, rel=0.2)


def test_it_grows_sure_with_evidence() -> None:
    assert taught(20).error > 2 * taught(500).error


def test_an_entry_without_evidence_answers_nothing_but_its_own_text() -> None:
    new = Boundary()
    assert new.explores(0.9, 0.02) > 0.9
    assert new.explores(0.7, 0.02) > 0.97


def test_a_request_that_is_surely_wrong_goes_upstream_but_for_the_bound() -> None:
    boundary = taught(1500)
    assert boundary.explores(0.6, 0.02) == pytest.approx(1 - 0.02, abs=0.002)
    assert boundary.explores(0.6, 0.1) == pytest.approx(1 - 0.1, abs=0.01)


def test_it_explores_less_the_nearer_and_the_laxer() -> None:
    boundary = taught(1500)
    at = [boundary.explores(cosine, 0.02) for cosine in np.linspace(0.6, 1, 20)]
    assert at == sorted(at, reverse=True)
    assert at[-1] == 0
    assert boundary.explores(0.88, 0.05) < boundary.explores(0.88, 0.02)


@pytest.mark.parametrize("bound", [0.02, 0.1])
def test_wrong_answers_per_request_stay_under_the_bound(bound: float) -> None:
    requests = hits = wrong = 0
    for seed in range(4):
        rng, policy = random.Random(seed), PerEntry(bound, seed)
        for request in range(800):
            near = [(0, rng.uniform(0.6, 1))]
            right = rng.random() < chance(near[0][1])
            requests += 1
            if policy.serve(request, near) is None:
                assert policy.store(request, near, right) is not right
            else:
                hits += 1
                wrong += not right
    assert wrong / requests <= bound
    assert hits / requests > 0.25


def test_it_can_replay_a_stream() -> None:
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (300, 1))
    done = replay(["a"] * 300, Earlier(vectors), PerEntry(0.05))
    assert done.hits > 50  # evidence at one cosine bounds the boundary badly
    assert done.wrong == 0
    assert replay(["a"] * 300, Earlier(vectors), PerEntry(0.05)) == done
