"""Large scopes move into graphs without a gap, and what was saved is only trusted when it fits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("hnswlib", reason="the extra hnsw is not installed", exc_type=ImportError)

from cacheback.core.ports import Selection, Store
from cacheback.index import saved
from cacheback.index.flat import FlatIndex
from cacheback.index.graphs import TAIL, Graphs
from cacheback.index.scoped import ScopeIndex
from cacheback.models import Answer, Draft, Scope
from cacheback.store.memory import MemoryStore
from cacheback.testing.index_contract import clustered
from cacheback.vectors import pack

if TYPE_CHECKING:
    from cacheback.core.ports import Vector

Put = Callable[..., list[int]]
DIM = 32
SCOPE = "a" * 64
NONE = np.empty(0, np.int64)


def never() -> bool:
    return False


@pytest.fixture
def graphs(tmp_path: Path) -> Graphs:
    return Graphs(tmp_path / "index", dim=DIM, fingerprint="mine", crossover=200)


def loaded(store: Store) -> ScopeIndex:
    index = ScopeIndex(store, SCOPE, DIM)
    index.read()
    return index


def restored(graphs: Graphs, store: Store) -> ScopeIndex | None:
    index = ScopeIndex(store, SCOPE, DIM)
    return index if graphs.restore(index) else None


def holds(index: ScopeIndex, ids: list[int]) -> bool:
    return sorted(index._ids().tolist()) == sorted(ids)


def test_a_scope_above_the_crossover_moves_whole(graphs: Graphs, store: Store, put: Put) -> None:
    vectors = clustered(700, DIM)
    ids = put(store, vectors)
    index = loaded(store)
    before = [index.search(vector, 5) for vector in vectors[::50]]
    assert graphs.due(index)
    graphs.tend(index, never)
    assert not graphs.due(index)
    assert index.graph is not None
    assert (len(index.flat), len(index.graph)) == (0, 700)
    assert holds(index, ids)
    for vector, truth in zip(vectors[::50], before, strict=True):
        assert dict(index.search(vector, 5)).keys() == dict(truth).keys()


def test_a_scope_at_the_crossover_stays_flat(graphs: Graphs, store: Store, put: Put) -> None:
    put(store, clustered(200, DIM))
    index = loaded(store)
    assert not graphs.due(index)
    graphs.tend(index, never)
    assert index.graph is None


def test_additions_wait_in_front_of_the_graph(graphs: Graphs, store: Store, put: Put) -> None:
    put(store, clustered(300, DIM))
    index = loaded(store)
    graphs.tend(index, never)
    more = clustered(TAIL + 1, DIM, seed=1)
    ids = put(store, more)
    index.follow(np.array(ids[:TAIL]), NONE)
    assert not graphs.due(index)
    index.follow(np.array(ids[TAIL:]), NONE)
    assert graphs.due(index)
    assert index.search(more[-1], 1)[0][0] == ids[-1]
    graphs.tend(index, never)
    assert len(index.flat) == 0
    assert index.search(more[-1], 1)[0][0] == ids[-1]


def test_every_vector_is_found_at_every_moment_of_a_move(
    graphs: Graphs, store: Store, put: Put
) -> None:
    vectors = clustered(2000, DIM)
    ids = put(store, vectors)
    index = loaded(store)
    moving = threading.Thread(target=graphs.tend, args=(index, never))
    moving.start()
    searches, alive = 0, True
    while alive or searches < 100:
        alive = moving.is_alive()
        row = searches * 37 % len(vectors)
        found = index.search(vectors[row], 3)
        assert found[0][0] == ids[row]
        assert len(dict(found)) == 3
        searches += 1
    moving.join()


class MovedAway(FlatIndex):
    """Everything moves into a graph between a search's look at the graph and its look here."""

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        if len(self):
            self.move()
        return super().search(vector, k)

    move: Callable[[], None]


def test_a_search_that_a_move_overtakes_looks_again(graphs: Graphs, store: Store, put: Put) -> None:
    vectors = clustered(300, DIM)
    ids = put(store, vectors)
    index = ScopeIndex(store, SCOPE, DIM)
    index.flat = MovedAway(DIM)
    index.flat.move = partial(graphs.tend, index, never)
    index.read()
    assert index.graph is None
    assert index.search(vectors[7], 1)[0][0] == ids[7]
    assert index.graph is not None


def test_what_is_removed_and_added_during_a_move_is_so_afterwards(
    graphs: Graphs, store: Store, put: Put
) -> None:
    ids = put(store, clustered(2000, DIM))
    index = loaded(store)
    moving = threading.Thread(target=graphs.tend, args=(index, never))
    moving.start()
    kept = list(ids)
    while moving.is_alive() or len(kept) > 1900:
        gone = kept.pop(len(kept) // 3)
        (new,) = put(store, clustered(1, DIM, seed=gone))
        store.remove(Selection(ids=(gone,)))
        with index.lock:
            index.follow(np.array([new]), np.array([gone]))
        if len(kept) <= 1500:
            break
    moving.join()
    ids, _ = store.vectors(SCOPE)
    assert holds(index, ids)


def test_a_graph_with_many_dead_nodes_is_built_anew(graphs: Graphs, store: Store, put: Put) -> None:
    vectors = clustered(1000, DIM)
    ids = put(store, vectors)
    index = loaded(store)
    graphs.tend(index, never)
    old = index.graph
    store.remove(Selection(ids=tuple(ids[:260])))
    index.follow(NONE, np.array(ids[:260]))
    assert graphs.due(index)
    graphs.tend(index, never)
    assert index.graph is not None
    assert index.graph is not old
    assert index.graph.dead == 0
    assert holds(index, ids[260:])
    assert index.search(vectors[-1], 1)[0][0] == ids[-1]


def test_what_is_removed_while_a_graph_is_built_anew_is_gone(store: Store, put: Put) -> None:
    graphs = Graphs(None, dim=DIM, fingerprint="", crossover=200)  # saving would catch up
    ids = put(store, clustered(1000, DIM))
    index = loaded(store)
    graphs.tend(index, never)
    index.follow(NONE, np.array(ids[:300]))
    store.remove(Selection(ids=tuple(ids[:300])))
    left = iter(ids[300:350])

    def removing() -> bool:
        """Asked between two steps: one more entry goes each time."""
        if (gone := next(left, None)) is not None:
            store.remove(Selection(ids=(gone,)))
            with index.lock:
                index.follow(NONE, np.array([gone]))
        return False

    graphs.tend(index, removing)
    held, _ = store.vectors(SCOPE)
    assert len(held) < 700
    assert holds(index, held)


def test_a_scope_that_shrank_is_flat_again_and_its_file_deleted(
    graphs: Graphs, store: Store, put: Put, tmp_path: Path
) -> None:
    vectors = clustered(500, DIM)
    ids = put(store, vectors)
    index = loaded(store)
    graphs.tend(index, never)
    assert saved.exists(tmp_path / "index", SCOPE)
    store.remove(Selection(ids=tuple(ids[100:])))
    index.follow(NONE, np.array(ids[100:]))
    graphs.tend(index, never)
    assert index.graph is None
    assert holds(index, ids[:100])
    assert index.search(vectors[50], 1)[0][0] == ids[50]
    assert saved.scopes(tmp_path / "index") == set()


def test_a_saved_graph_is_taken_up_without_reading_vectors(
    graphs: Graphs, store: Store, put: Put
) -> None:
    vectors = clustered(500, DIM)
    ids = put(store, vectors)
    graphs.tend(loaded(store), never)
    index = restored(graphs, store)
    assert index is not None
    assert len(index.flat) == 0
    assert holds(index, ids)
    assert index.search(vectors[9], 1)[0][0] == ids[9]


def test_a_saved_graph_catches_up(graphs: Graphs, store: Store, put: Put) -> None:
    vectors = clustered(500, DIM)
    ids = put(store, vectors)
    graphs.tend(loaded(store), never)
    new = put(store, clustered(30, DIM, seed=1))
    put(store, clustered(30, DIM, seed=2), scope="b" * 64)
    store.remove(Selection(ids=tuple(ids[:20])))
    index = restored(graphs, store)
    assert index is not None
    assert holds(index, ids[20:] + new)
    assert len(index.flat) == 30


def test_a_saved_graph_catches_up_when_the_change_log_is_too_short(
    graphs: Graphs, put: Put
) -> None:
    store = MemoryStore()
    ids = put(store, clustered(500, DIM))
    graphs.tend(loaded(store), never)
    new = put(store, clustered(30, DIM, seed=1))
    store.remove(Selection(ids=tuple(ids[:20])))
    store._log.clear()
    index = restored(graphs, store)
    assert index is not None
    assert holds(index, ids[20:] + new)


def test_a_vector_that_no_change_told_of_is_noticed_by_the_count(
    graphs: Graphs, store: Store, put: Put
) -> None:
    put(store, clustered(500, DIM))
    draft = Draft("q", "q", Scope(SCOPE, {}), Answer("yes"), 0.0, None)
    (late,) = store.put([draft])
    graphs.tend(loaded(store), never)
    vector = clustered(1, DIM, seed=1)[0]
    store.replace_vectors([(late.id, pack(vector))], {})
    index = restored(graphs, store)
    assert index is not None
    assert index.search(vector, 1)[0][0] == late.id


def test_dead_nodes_stay_dead_in_the_file(graphs: Graphs, store: Store, put: Put) -> None:
    vectors = clustered(500, DIM)
    ids = put(store, vectors)
    index = loaded(store)
    graphs.tend(index, never)
    store.remove(Selection(ids=tuple(ids[:100])))
    index.follow(NONE, np.array(ids[:100]))
    graphs.keep(index)
    again = restored(graphs, store)
    assert again is not None
    assert again.graph is not None
    assert again.graph.dead == 100
    assert not dict(again.search(vectors[5], 20)).keys() & set(ids[:100])


def test_half_a_graph_is_saved_and_completed(graphs: Graphs, store: Store, put: Put) -> None:
    """Closing stops a build; what was built is not lost, and what lacks is not missed."""
    vectors = clustered(1000, DIM)
    ids = put(store, vectors)
    index = loaded(store)
    asked = iter([False] * 20)
    graphs.tend(index, lambda: next(asked, True))
    assert index.graph is not None
    assert (len(index.graph), len(index.flat)) == (320, 680)
    graphs.keep(index)
    assert graphs.saved is not None
    found = graphs.saved.find(SCOPE)
    assert found is not None
    assert found[1].seq is None
    again = restored(graphs, store)
    assert again is not None
    assert again.graph is not None
    assert (len(again.graph), len(again.flat)) == (320, 680)
    assert holds(again, ids)


def test_a_few_changes_are_not_worth_a_save(
    graphs: Graphs, store: Store, put: Put, tmp_path: Path
) -> None:
    ids = put(store, clustered(500, DIM))
    index = loaded(store)
    graphs.tend(index, never)
    files = set((tmp_path / "index").iterdir())
    index.follow(NONE, np.array(ids[:40]))
    graphs.keep(index)
    assert set((tmp_path / "index").iterdir()) == files
    index.follow(NONE, np.array(ids[40:60]))
    graphs.keep(index)
    assert set((tmp_path / "index").iterdir()) != files


def test_another_embedders_graph_is_not_used(
    graphs: Graphs, store: Store, put: Put, tmp_path: Path
) -> None:
    put(store, clustered(500, DIM))
    graphs.tend(loaded(store), never)
    other = Graphs(tmp_path / "index", dim=DIM, fingerprint="other", crossover=200)
    assert restored(other, store) is None


def test_a_replaced_database_is_noticed_by_its_vectors(graphs: Graphs, put: Put) -> None:
    """The same ids in the same scope, as far along in its changes, and other questions."""
    store, other = MemoryStore(), MemoryStore()
    assert put(store, clustered(500, DIM)) == put(other, clustered(500, DIM, seed=1))
    graphs.tend(loaded(store), never)
    assert restored(graphs, other) is None
    assert restored(graphs, store) is not None


def test_a_backup_is_noticed_by_its_place_in_the_changes(graphs: Graphs, put: Put) -> None:
    store, backup = MemoryStore(), MemoryStore()
    vectors = clustered(500, DIM)
    put(store, vectors)
    put(backup, vectors[:499])
    graphs.tend(loaded(store), never)
    assert restored(graphs, backup) is None


def test_a_backup_that_was_written_to_is_noticed_by_its_newest_vectors(
    graphs: Graphs, put: Put
) -> None:
    store, backup = MemoryStore(), MemoryStore()
    vectors = clustered(500, DIM)
    put(store, vectors)
    put(backup, vectors[:499])
    put(backup, clustered(10, DIM, seed=1))
    graphs.tend(loaded(store), never)
    assert restored(graphs, backup) is None


def test_a_file_that_vanishes_after_its_check_is_no_harm(
    graphs: Graphs, store: Store, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, clustered(500, DIM))
    graphs.tend(loaded(store), never)
    find = saved.SavedGraphs.find

    def find_and_lose(self: saved.SavedGraphs, scope: str) -> object:
        found = find(self, scope)
        assert found is not None
        found[0].unlink()
        return found

    monkeypatch.setattr(saved.SavedGraphs, "find", find_and_lose)
    assert restored(graphs, store) is None


def test_a_directory_that_cannot_be_made_costs_a_warning(
    store: Store, put: Put, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "index").write_text("a file where the directory should be")
    graphs = Graphs(tmp_path / "index", dim=DIM, fingerprint="", crossover=200)
    ids = put(store, clustered(500, DIM))
    index = loaded(store)
    with caplog.at_level(logging.WARNING):
        graphs.tend(index, never)
    assert holds(index, ids)
    assert "was not saved" in caplog.text
