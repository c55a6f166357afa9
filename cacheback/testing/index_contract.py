"""The promises of `cacheback.core.ports.Index` as tests for any index.

Subclass it in a test module and give it a way to make an empty index:

    class TestMyIndex(IndexContract):
        exact = False

        @pytest.fixture
        def make_index(self):
            return MyIndex

`make_index(dim)` may be called several times in a test.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cacheback.core.ports import Index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cacheback.core.ports import Ids, Vector, Vectors

DIM = 48


def clustered(count: int, dim: int, *, seed: int = 0, members: int = 50) -> Vectors:
    """Unit vectors like those of questions: clusters of about `members` around random directions.

    Within a cluster the cosine is about .65, between clusters about 0. Components are rounded as
    float16, as in a store. Shape (count, dim), float32.
    """
    random = np.random.default_rng(seed)
    centres = _unit(random.standard_normal((max(1, count // members), dim)))
    noise = _unit(random.standard_normal((count, dim)))
    rows = _unit(centres[random.integers(0, len(centres), count)] + 0.73 * noise)
    return rows.astype(np.float16).astype(np.float32)


def nearest_of_all(ids: Ids, vectors: Vectors, vector: Vector, k: int) -> list[tuple[int, float]]:
    """The oracle: every cosine is computed and sorted."""
    cosines = vectors @ vector
    order = np.argsort(-cosines)[:k]
    return list(zip(ids[order].tolist(), cosines[order].tolist(), strict=True))


def recall(found: list[tuple[int, float]], truth: list[tuple[int, float]]) -> float:
    """Share of the true nearest that were found."""
    return len(dict(found).keys() & dict(truth).keys()) / len(truth)


class IndexContract:
    """What every index must do. `exact` promises the k nearest always, not nearly always."""

    exact: ClassVar[bool] = True

    def test_an_empty_index_finds_nothing(self, make_index: Callable[[int], Index]) -> None:
        index = make_index(DIM)
        assert len(index) == 0
        assert index.search(clustered(1, DIM)[0], 5) == []

    def test_a_vector_finds_itself_with_cosine_one(
        self, make_index: Callable[[int], Index]
    ) -> None:
        index, vectors = make_index(DIM), clustered(200, DIM)
        index.add(_ids(200), vectors)
        for row in range(0, 200, 10):
            (found,) = index.search(vectors[row], 1)
            assert found[0] == row
            assert 0.999 < found[1] <= 1

    def test_neighbours_come_nearest_first_with_their_cosines(
        self, make_index: Callable[[int], Index]
    ) -> None:
        index, vectors = make_index(DIM), clustered(500, DIM)
        index.add(_ids(500), vectors)
        found = index.search(vectors[7], 20)
        cosines = [cosine for _, cosine in found]
        assert len(found) == len(dict(found)) == 20
        assert cosines == sorted(cosines, reverse=True)
        for entry_id, cosine in found:
            assert abs(cosine - float(vectors[entry_id] @ vectors[7])) < 1e-3

    def test_an_opposite_has_cosine_minus_one(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(1, DIM)
        index.add(_ids(1), vectors)
        ((_, cosine),) = index.search(-vectors[0], 1)
        assert abs(cosine + 1) < 1e-3

    def test_results_are_plain_numbers(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(1, DIM)
        index.add(np.array([2**40]), vectors)
        ((entry_id, cosine),) = index.search(vectors[0], 1)
        assert (type(entry_id), type(cosine)) == (int, float)
        assert entry_id == 2**40

    def test_fewer_are_found_when_there_are_fewer(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(12, DIM)
        index.add(_ids(12), vectors)
        index.remove(np.array([3, 4]))
        assert {entry_id for entry_id, _ in index.search(vectors[3], 50)} == {*range(12)} - {3, 4}

    def test_the_nearest_are_found_while_it_grows(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(3000, DIM)
        added = 0
        for size in (1, 2, 3, 10, 100, 1000, 1023, 1, 860):
            index.add(_ids(added + size)[added:], vectors[added : added + size])
            added += size
            assert len(index) == added
            self._check(index, _ids(added), vectors[:added])

    def test_an_id_added_again_is_replaced(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(300, DIM)
        index.add(_ids(150), vectors[:150])
        index.add(_ids(150), vectors[150:])
        assert len(index) == 150
        self._check(index, _ids(150), vectors[150:])

    def test_a_removed_id_is_never_found(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(1500, DIM)
        index.add(_ids(1500), vectors)
        removed = np.random.default_rng(1).permutation(1500)[:900]
        index.remove(removed)
        kept = np.setdiff1d(_ids(1500), removed)
        assert len(index) == 600
        for row in removed[:50]:
            assert not dict(index.search(vectors[row], 20)).keys() & set(removed.tolist())
        self._check(index, kept, vectors[kept])

    def test_removing_twice_or_what_is_not_there_changes_nothing(
        self, make_index: Callable[[int], Index]
    ) -> None:
        index, vectors = make_index(DIM), clustered(20, DIM)
        index.remove(_ids(3))
        index.add(_ids(20), vectors)
        index.remove(np.array([5, 99]))
        index.remove(np.array([5, 99]))
        assert len(index) == 19
        self._check(index, np.delete(_ids(20), 5), np.delete(vectors, 5, axis=0))

    def test_a_removed_id_can_come_again(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(400, DIM)
        index.add(_ids(200), vectors[:200])
        index.remove(_ids(100))
        index.add(_ids(100), vectors[200:300])
        assert len(index) == 200
        self._check(index, _ids(200), np.concatenate([vectors[200:300], vectors[100:200]]))

    def test_it_can_be_emptied_and_filled_again(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(1200, DIM)
        index.add(_ids(1200), vectors)
        index.remove(_ids(1200))
        assert len(index) == 0
        assert index.search(vectors[0], 3) == []
        index.add(np.array([5000]), vectors[:1])
        assert [entry_id for entry_id, _ in index.search(vectors[0], 3)] == [5000]

    def test_adding_and_removing_nothing_is_harmless(
        self, make_index: Callable[[int], Index]
    ) -> None:
        index, nothing = make_index(DIM), np.empty(0, np.int64)
        index.add(nothing, np.empty((0, DIM), np.float32))
        index.remove(nothing)
        assert len(index) == 0

    def test_what_is_added_is_copied(self, make_index: Callable[[int], Index]) -> None:
        index, vectors = make_index(DIM), clustered(10, DIM)
        before, ids = vectors.copy(), _ids(10)
        index.add(ids, vectors)
        vectors[:], ids[:] = 0, 0
        self._check(index, _ids(10), before)

    def test_threads_search_while_others_change_it(
        self, make_index: Callable[[int], Index]
    ) -> None:
        """Ids of 0 to 99 stay; the others come and go. Every answer is consistent at any time."""
        index, vectors = make_index(DIM), clustered(2500, DIM)
        index.add(_ids(100), vectors[:100])
        changed = threading.Barrier(3)
        done = threading.Event()

        def change(start: int) -> None:
            changed.wait()
            for first in range(start, start + 1200, 60):
                index.add(_ids(first + 60)[first:], vectors[first : first + 60])
                index.remove(_ids(first + 60)[first::2])

        def search() -> int:
            changed.wait()
            searches = 0
            while not (done.is_set() and searches):
                row = searches % 100
                found = index.search(vectors[row], 10)
                assert found[0][0] == row
                for entry_id, cosine in found:
                    assert abs(cosine - float(vectors[entry_id] @ vectors[row])) < 1e-3
                searches += 1
            return searches

        with ThreadPoolExecutor(3) as pool:
            searching = pool.submit(search)
            changing = [pool.submit(change, start) for start in (100, 1300)]
            try:
                for each in changing:
                    each.result()
            finally:
                done.set()
            assert searching.result() > 0
        kept = np.concatenate([_ids(100), _ids(2500)[101::2]])
        assert len(index) == len(kept)
        self._check(index, kept, vectors[kept])

    def _check(self, index: Index, ids: Ids, vectors: Vectors) -> None:
        """Compare with the oracle, for questions near to what is held."""
        noise = clustered(20, DIM, seed=9)
        recalls = []
        for number, other in enumerate(noise):
            vector = _unit(vectors[number % len(vectors)] + 0.3 * other)
            found, truth = index.search(vector, 10), nearest_of_all(ids, vectors, vector, 10)
            assert len(found) == len(truth)
            assert dict(found).keys() <= set(ids.tolist())
            recalls.append(recall(found, truth))
        assert np.mean(recalls) >= (1 if self.exact else 0.99)


def _unit(rows: NDArray[np.floating]) -> Vectors:
    unit: Vectors = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return unit


def _ids(count: int) -> Ids:
    return np.arange(count, dtype=np.int64)
