"""Replaying a stream, on examples that can be followed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.answers.replayed import hits_at
from benchmarks.answers.streams import (
    CANDIDATES,
    FLOOR,
    Accepting,
    Earlier,
    Near,
    Replay,
    load,
    replay,
)

if TYPE_CHECKING:
    from cacheback.core.ports import Vectors


def at_angles(*degrees: float) -> Vectors:
    """Unit vectors in the plane: the cosine of two is that of the angle between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def from_cosine(threshold: float) -> Accepting:
    return Accepting(lambda _request, _other, cosine: cosine >= threshold)


def test_each_request_is_looked_up_among_those_stored_before_it() -> None:
    # The second is near the first: a right hit, and not stored. The third is near the second only:
    # a miss, stored. The fourth is near the third: a wrong hit.
    earlier = Earlier(at_angles(0, 10, 21, 25))
    done = replay(["a", "a", "a", "b"], earlier, from_cosine(np.cos(np.radians(12))))
    assert done == Replay(requests=4, hits=2, wrong=1)
    assert done.hit_rate == 0.5
    assert done.wrong_rate == 0.25
    assert done.wrong_per_hit == 0.5


def test_nothing_is_wrong_where_nothing_is_served() -> None:
    done = replay(["a", "b"], Earlier(at_angles(0, 0)), from_cosine(1.1))
    assert done == Replay(2, 0, 0)
    assert done.wrong_per_hit == 0.0


def test_a_candidate_that_is_refused_leaves_the_next_one_its_chance() -> None:
    earlier = Earlier(at_angles(0, 4, 3))
    refusing = Accepting(lambda request, other, _cosine: (request, other) == (2, 0))
    assert replay(["a", "b", "a"], earlier, refusing) == Replay(3, hits=1, wrong=0)


def test_a_policy_is_told_whether_the_nearest_was_right() -> None:
    told = []

    class Asking:
        def serve(self, *_: object) -> None:
            return None

        def store(self, request: int, near: Near, right: bool) -> bool:
            told.append((request, [other for other, _ in near], right))
            return request != 1

    replay(["a", "b", "a", "b"], Earlier(at_angles(0, 10, 8, 9)), Asking())
    assert told == [(0, [], False), (1, [0], False), (2, [0], True), (3, [2, 0], False)]


@given(
    degrees=st.lists(st.integers(0, 89), min_size=2, max_size=30),
    dropped=st.sets(st.integers(0, 29)),
    kept=st.integers(1, 30),
)
@settings(deadline=None)
def test_nearest_is_what_a_search_through_all_finds(
    degrees: list[int], dropped: set[int], kept: int
) -> None:
    vectors = at_angles(*degrees)
    stored = np.array([number not in dropped for number in range(len(degrees))])
    last = len(degrees) - 1
    found = [cosine for _, cosine in Earlier(vectors, kept).nearest(last, stored)]
    every = (vectors[:last] @ vectors[last])[stored[:last]]
    expected = sorted(every[every >= FLOOR].tolist(), reverse=True)[:CANDIDATES]
    assert found == pytest.approx(expected, abs=1e-6)


def test_streams_are_read_shuffled_and_told_apart(tmp_path: Path) -> None:
    for part in ("train", "test"):
        rows = "".join(f'"{part} card {n}?",card_{n % 3}\n' for n in range(10))
        (tmp_path / f"banking77_{part}.csv").write_text(f"text,category\n{rows}", "utf-8")
    parts = {"train": [["hi", "greet"], ["hello", "greet"]], "oos_test": [["eh", "oos"]]}
    parts["oos_train"] = [["what", "oos"]]
    (tmp_path / "clinc150_full.json").write_text(json.dumps(parts), "utf-8")
    banking, clinc = load(tmp_path, requests=12)
    assert (banking.name, len(banking.texts)) == ("BANKING77", 12)
    assert list(banking.texts) != sorted(banking.texts)
    assert load(tmp_path, requests=12)[0] == banking
    assert dict(zip(banking.texts, banking.labels, strict=True)).keys() == set(banking.texts)
    labels = dict(zip(clinc.texts, clinc.labels, strict=True))
    assert labels["hi"] == labels["hello"] == "greet"
    assert labels["eh"] != labels["what"]


def test_no_streams_without_their_folder(tmp_path: Path) -> None:
    assert load(tmp_path / "missing") == []


@pytest.mark.parametrize(("wrong", "expected"), [(0.0, 0.0), (0.01, 0.2), (0.02, 0.3), (0.9, 0.6)])
def test_hits_are_read_off_between_points(wrong: float, expected: float) -> None:
    curve = [Replay(100, 60, 5), Replay(100, 20, 1), Replay(100, 40, 3)]
    assert hits_at(curve, wrong) == pytest.approx(expected)
