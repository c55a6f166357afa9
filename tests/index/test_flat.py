"""Exact search keeps the promises of an index, and stays small."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cacheback.index.flat import BLOCK, FlatIndex
from cacheback.testing.index_contract import IndexContract, clustered


class TestFlatIndex(IndexContract):
    exact = True

    @pytest.fixture
    def make_index(self) -> type[FlatIndex]:
        return FlatIndex


def test_it_names_the_ids_it_holds_and_lacks() -> None:
    index = FlatIndex(8)
    index.add(np.array([30, 10, 20]), clustered(3, 8))
    assert sorted(index.ids().tolist()) == [10, 20, 30]
    assert index.missing(np.array([9, 10, 11, 30])).tolist() == [9, 11]


def test_the_newest_rows_cross_blocks_and_are_copies() -> None:
    vectors = clustered(BLOCK + 5, 8)
    index = FlatIndex(8)
    index.add(np.arange(BLOCK + 5), vectors)
    ids, rows = index.newest(10)
    assert ids.tolist() == list(range(BLOCK - 5, BLOCK + 5))
    assert np.array_equal(rows, vectors[-10:])
    rows[:] = 0
    assert np.array_equal(index.newest(10)[1], vectors[-10:])


def test_the_newest_of_fewer_are_all() -> None:
    index = FlatIndex(8)
    assert index.newest(10)[1].shape == (0, 8)
    index.add(np.array([7]), clustered(1, 8))
    assert index.newest(10)[0].tolist() == [7]


def test_a_scope_of_one_entry_takes_little_more_than_its_vector() -> None:
    index = FlatIndex(384)
    index.add(np.array([1]), clustered(1, 384))
    assert _room(index) == 1


def test_room_grows_with_the_rows_and_shrinks_with_them() -> None:
    index = FlatIndex(8)
    index.add(np.arange(10 * BLOCK), clustered(10 * BLOCK, 8))
    assert _room(index) == 10 * BLOCK
    index.remove(np.arange(10 * BLOCK - 3))
    assert _room(index) <= 6
    assert sys.getsizeof(index._ids) < 300


def _room(index: FlatIndex) -> int:
    return sum(len(block) for block in index._blocks)
