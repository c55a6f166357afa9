"""One scope's index equals the store, whatever order news arrives in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from cacheback.core.ports import Selection, Store
from cacheback.index.scoped import BATCH, ScopeIndex
from cacheback.store.memory import MemoryStore
from cacheback.testing.index_contract import clustered

Put = Callable[..., list[int]]
DIM = 16
NONE = np.empty(0, np.int64)


@pytest.fixture
def index(store: Store) -> ScopeIndex:
    return ScopeIndex(store, "a" * 64, DIM)


def held(index: ScopeIndex) -> list[int]:
    return sorted(index._ids().tolist())


def test_it_reads_all_of_its_scope(index: ScopeIndex, store: Store, put: Put) -> None:
    vectors = clustered(BATCH + 10, DIM)
    ids = put(store, vectors)
    put(store, clustered(5, DIM), scope="b" * 64)
    index.read()
    assert held(index) == ids
    for row in (0, BATCH - 1, BATCH, BATCH + 9):
        assert index.search(vectors[row], 1)[0][0] == ids[row]


def test_reading_again_takes_what_is_new_and_drops_what_is_gone(
    index: ScopeIndex, store: Store, put: Put
) -> None:
    ids = put(store, clustered(20, DIM))
    index.read()
    store.remove(Selection(ids=tuple(ids[::2])))
    new = put(store, clustered(7, DIM, seed=1))
    index.read()
    assert held(index) == ids[1::2] + new


def test_following_twice_is_harmless(index: ScopeIndex, store: Store, put: Put) -> None:
    ids = put(store, clustered(6, DIM))
    index.read()
    new = put(store, clustered(BATCH + 3, DIM, seed=1))
    store.remove(Selection(ids=tuple(ids[:3])))
    for _ in range(2):
        index.follow(np.array(new), np.array(ids[:3]))
        assert held(index) == ids[3:] + new


def test_an_addition_told_after_its_removal_brings_nothing_back(
    index: ScopeIndex, store: Store, put: Put
) -> None:
    index.read()
    (gone,) = put(store, clustered(1, DIM))
    store.remove(Selection(ids=(gone,)))
    index.follow(NONE, np.array([gone]))
    index.follow(np.array([gone]), NONE)
    assert held(index) == []


def test_catching_up_follows_this_scope_only(index: ScopeIndex, store: Store, put: Put) -> None:
    ids = put(store, clustered(4, DIM))
    index.read()
    new = put(store, clustered(3, DIM, seed=1))
    put(store, clustered(3, DIM, seed=2), scope="b" * 64)
    store.remove(Selection(ids=(ids[0],)))
    index.catch_up()
    assert held(index) == ids[1:] + new
    assert index.seq == store.changes(-1).seq


def test_catching_up_reads_anew_when_the_log_is_too_short(put: Put) -> None:
    store = MemoryStore()
    index = ScopeIndex(store, "a" * 64, DIM)
    ids = put(store, clustered(4, DIM))
    index.read()
    new = put(store, clustered(3, DIM, seed=1))
    store.remove(Selection(ids=(ids[0],)))
    store._log.clear()
    index.catch_up()
    assert held(index) == ids[1:] + new


class BusyStore(MemoryStore):
    """Somebody stores another entry right after a scope was read."""

    def __init__(self, then: Callable[[MemoryStore], object]) -> None:
        super().__init__()
        self.then = then

    def vectors(self, scope: str, ids: Sequence[int] | None = None) -> tuple[list[int], bytes]:
        result = super().vectors(scope, ids)
        if ids is None:
            self.then(self)
        return result


def test_what_is_stored_while_it_reads_is_caught_up_with(put: Put) -> None:
    late: list[int] = []
    store = BusyStore(lambda store: late.extend(put(store, clustered(1, DIM, seed=1))))
    index = ScopeIndex(store, "a" * 64, DIM)
    ids = put(store, clustered(4, DIM))
    index.read()
    assert held(index) == ids
    index.catch_up()
    assert held(index) == ids + late
