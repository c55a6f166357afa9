"""The graph keeps the promises of an index, and those that hnswlib alone would break."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hnswlib", reason="the extra hnsw is not installed", exc_type=ImportError)

from cacheback.index.hnsw import FIRST_ROOM, HnswIndex, M
from cacheback.testing.index_contract import IndexContract, clustered

NOTHING = np.empty(0, np.int64)


class TestHnswIndex(IndexContract):
    exact = False

    @pytest.fixture
    def make_index(self) -> type[HnswIndex]:
        return HnswIndex


def test_what_a_search_cannot_reach_is_found_by_scanning() -> None:
    """Two groups of identical vectors, each too large to have a link to the other."""
    one, other = np.repeat(clustered(1, 32), 3 * M, axis=0), np.repeat(-clustered(1, 32), 3 * M, 0)
    index = HnswIndex(32)
    index.add(np.arange(6 * M), np.concatenate([one, other]))
    found = index.search(one[0], 6 * M)
    assert [entry_id < 3 * M for entry_id, _ in found] == [True] * 3 * M + [False] * 3 * M
    assert found[0][1] == pytest.approx(1, abs=1e-3)
    assert found[-1][1] == pytest.approx(-1, abs=1e-3)


def test_dead_nodes_are_counted_until_they_come_again() -> None:
    index, vectors = HnswIndex(16), clustered(10, 16)
    index.add(np.arange(10), vectors)
    index.remove(np.array([2, 3, 4]))
    assert (len(index), index.dead, index.dead_ids().tolist()) == (7, 3, [2, 3, 4])
    index.add(np.array([3]), vectors[3:4])
    assert (len(index), index.dead, index.dead_ids().tolist()) == (8, 2, [2, 4])


def test_it_names_the_ids_it_holds_and_lacks() -> None:
    index = HnswIndex(8)
    assert index.missing(np.array([5])).tolist() == [5]
    index.add(np.array([30, 10, 20]), clustered(3, 8))
    assert index.ids().tolist() == [10, 20, 30]
    assert index.missing(np.array([31, 10, 9, 30])).tolist() == [31, 9]


def test_vectors_are_taken_out_as_they_came_in() -> None:
    index, vectors = HnswIndex(16), clustered(5, 16)
    index.add(np.arange(5), vectors)
    index.remove(np.array([1]))
    ids, rows = index.take(np.array([4, 1, 0, 77]))
    assert ids.tolist() == [0, 4]
    assert np.array_equal(rows, vectors[[0, 4]])
    assert index.take(NOTHING)[1].shape == (0, 16)


def test_the_same_additions_give_the_same_graph(tmp_path: Path) -> None:
    for name in ("one", "other"):
        index = HnswIndex(16)
        index.add(np.arange(500), clustered(500, 16))
        index.dump(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_dump_is_loaded_whole_and_goes_on(tmp_path: Path) -> None:
    vectors = clustered(2 * FIRST_ROOM, 16)
    index = HnswIndex(16)
    index.add(np.arange(FIRST_ROOM), vectors[:FIRST_ROOM])
    index.remove(np.array([7, 8]))
    index.dump(tmp_path / "graph")
    loaded = HnswIndex.load(tmp_path / "graph", 16, index.dead_ids())
    assert loaded.ids().tolist() == index.ids().tolist()
    assert loaded.dead == 2
    for row in range(0, FIRST_ROOM, 50):
        assert loaded.search(vectors[row], 10) == index.search(vectors[row], 10)
    loaded.add(np.arange(FIRST_ROOM, 2 * FIRST_ROOM), vectors[FIRST_ROOM:])
    assert loaded.search(vectors[-1], 1)[0][0] == 2 * FIRST_ROOM - 1


def test_an_unreadable_file_raises(tmp_path: Path) -> None:
    index = HnswIndex(16)
    index.add(np.arange(100), clustered(100, 16))
    index.dump(tmp_path / "graph")
    os.truncate(tmp_path / "graph", 5000)
    for name in ("graph", "absent"):
        with pytest.raises(RuntimeError):
            HnswIndex.load(tmp_path / name, 16, NOTHING)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_noticed() -> None:
    index = HnswIndex(16)
    index.add(np.arange(100), clustered(100, 16))
    with pytest.raises(OSError, match="could not be written") as caught:
        index.dump(Path("/dev/full"))
    assert caught.value.errno in (None, errno.ENOSPC)


def test_without_hnswlib_the_remedy_is_named() -> None:
    code = """
import sys
sys.modules["hnswlib"] = None
from cacheback.errors import MissingExtraError
try:
    import cacheback.index.hnsw
except MissingExtraError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'cacheback-ai[hnsw]'" in run.stdout
