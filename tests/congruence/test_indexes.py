"""The exact index is the oracle of the fast one, and plain numpy that of the exact one."""

from __future__ import annotations

import csv
import itertools
import tempfile
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import cacheback
from cacheback.core.ports import Change, Index, Selection
from cacheback.embedders.minilm import MiniLM
from cacheback.index.catalog import IndexCatalog
from cacheback.index.flat import FlatIndex
from cacheback.models import Answer, Draft, Scope
from cacheback.store.memory import MemoryStore
from cacheback.testing.index_contract import clustered, nearest_of_all, recall
from cacheback.vectors import pack

if TYPE_CHECKING:
    from cacheback.core.ports import Vectors
    from cacheback.index.hnsw import HnswIndex

SAMPLE = Path(cacheback.__file__).parent / "cli" / "demo_data" / "banking77_sample.csv"
OPENINGS = ("", "Hello! ", "Sorry to bother you. ", "I moved house. ", "My phone was replaced. ")
CLOSINGS = ("", " It is urgent.")


@pytest.fixture
def graph_type() -> type[HnswIndex]:
    module = pytest.importorskip("cacheback.index.hnsw", exc_type=ImportError)
    graph_type: type[HnswIndex] = module.HnswIndex
    return graph_type


@pytest.fixture(scope="module")
def questions() -> Vectors:
    """Embeddings of real questions and variants of them, about 1,200."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    variants = itertools.product(OPENINGS, texts, CLOSINGS)
    vectors: Vectors = MiniLM().encode_batch(["".join(parts) for parts in variants])
    return vectors


def recall_of(index: Index, oracle: Index, asked: Vectors, k: int = 10) -> float:
    return mean(recall(index.search(vector, k), oracle.search(vector, k)) for vector in asked)


def test_the_graph_finds_what_a_scan_finds_among_real_questions(
    graph_type: type[HnswIndex], questions: Vectors
) -> None:
    held, asked = questions[::2], questions[1::12]
    graph, flat = graph_type(held.shape[1]), FlatIndex(held.shape[1])
    for index in (graph, flat):
        index.add(np.arange(len(held)), held)
    assert recall_of(graph, flat, asked) > 0.98
    for vector in asked:
        (_, nearest), (_, truth) = graph.search(vector, 1)[0], flat.search(vector, 1)[0]
        assert nearest == pytest.approx(truth, abs=1e-3)


def test_the_graph_keeps_up_through_additions_and_removals(graph_type: type[HnswIndex]) -> None:
    """A fifth is removed in each round, half of it comes again, and new ones are added."""
    vectors = clustered(6000, 96)
    graph, flat = graph_type(96), FlatIndex(96)
    random = np.random.default_rng(4)
    for start in range(0, 6000, 1000):
        new = np.arange(start, start + 1000)
        held = flat.ids()
        gone = random.permutation(held)[: len(held) // 5]
        back = gone[: len(gone) // 2]
        for index in (graph, flat):
            index.remove(gone)
            index.add(new, vectors[new])
            index.add(back, vectors[back])
        assert sorted(graph.ids()) == sorted(flat.ids())
        assert recall_of(graph, flat, vectors[start : start + 1000 : 20]) > 0.98


@pytest.mark.parametrize("dead", [0.25, 0.5, 0.9])
def test_dead_nodes_do_not_hide_the_living(graph_type: type[HnswIndex], dead: float) -> None:
    vectors = clustered(3000, 96)
    graph, flat = graph_type(96), FlatIndex(96)
    gone = np.random.default_rng(5).permutation(3000)[: int(3000 * dead)]
    for index in (graph, flat):
        index.add(np.arange(3000), vectors)
        index.remove(gone)
    assert recall_of(graph, flat, vectors[::30]) > 0.97


IDS = st.lists(st.integers(0, 40), unique=True, max_size=15)


class FlatAgainstNumpy(RuleBasedStateMachine):
    """Whatever is added, replaced and removed, a search equals sorting all cosines."""

    @initialize()
    def begin(self) -> None:
        self.blocks = patch("cacheback.index.flat.BLOCK", 4)  # so that a few rows fill several
        self.blocks.start()
        self.index = FlatIndex(8)
        self.truth: dict[int, Vectors] = {}
        self.vectors = iter(clustered(3000, 8, members=4))

    @rule(ids=IDS)
    def add(self, ids: list[int]) -> None:
        rows = {entry_id: next(self.vectors) for entry_id in ids}
        self.truth |= rows
        self.index.add(np.array(ids, np.int64), np.array([*rows.values()]).reshape(-1, 8))

    @rule(ids=IDS)
    def remove(self, ids: list[int]) -> None:
        self.index.remove(np.array(ids, np.int64))
        for entry_id in ids:
            self.truth.pop(entry_id, None)

    @rule(ids=IDS)
    def ask_what_is_missing(self, ids: list[int]) -> None:
        missing = self.index.missing(np.array(ids, np.int64)).tolist()
        assert missing == [entry_id for entry_id in ids if entry_id not in self.truth]

    @rule(k=st.integers(1, 50), count=st.integers(1, 50))
    def search(self, k: int, count: int) -> None:
        vector = next(self.vectors)
        found = self.index.search(vector, k)
        ids, rows = np.array([*self.truth], np.int64), np.array([*self.truth.values()])
        truth = nearest_of_all(ids, rows.reshape(-1, 8), vector, k)
        assert [entry_id for entry_id, _ in found] == [entry_id for entry_id, _ in truth]
        assert [c for _, c in found] == pytest.approx([c for _, c in truth], abs=1e-3)
        newest, vectors = self.index.newest(count)
        assert len(newest) == min(count, len(self.truth))
        for entry_id, row in zip(newest.tolist(), vectors, strict=True):
            assert np.array_equal(row, self.truth[entry_id])

    @invariant()
    def holds_as_many(self) -> None:
        if hasattr(self, "index"):
            assert sorted(self.index.ids().tolist()) == sorted(self.truth)

    def teardown(self) -> None:
        if hasattr(self, "blocks"):
            self.blocks.stop()


class CatalogAgainstStore(RuleBasedStateMachine):
    """Told of the store's changes, early, late or twice, the catalog holds what the store holds."""

    scope = Scope("a" * 64, {})

    @initialize()
    def begin(self) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        self.store = MemoryStore()
        self.vectors = iter(clustered(5000, 16))
        self.seen: list[int] = [self.store.changes(-1).seq]
        self.put = 0
        self.open()

    def open(self) -> None:
        self.catalog = IndexCatalog(
            self.store, dim=16, directory=Path(self.scratch.name), crossover=20, max_scopes=1
        )

    @rule(count=st.integers(1, 40), told=st.booleans())
    def store_some(self, count: int, told: bool) -> None:
        drafts = []
        for _ in range(count):
            self.put += 1
            name, row = str(self.put), pack(next(self.vectors))
            drafts.append(Draft(name, name, self.scope, Answer(name), 0.0, None, vector=row))
        entries = self.store.put(drafts)
        if told:
            self._tell([entry.id for entry in entries])

    @rule(share=st.integers(2, 5), late=st.booleans())
    def remove_some(self, share: int, late: bool) -> None:
        ids = self.store.vectors(self.scope.digest)[0][::share]
        self.store.remove(Selection(ids=tuple(ids)))
        if late:  # told of an entry that is gone already
            self._tell(ids)

    def _tell(self, ids: list[int]) -> None:
        self.catalog.apply([Change("added", one, self.scope.digest, "") for one in ids])

    @rule()
    def look_elsewhere(self) -> None:
        self.catalog.nearest("b" * 64, next(self.vectors), 1)

    @rule()
    def forget(self) -> None:
        self.catalog.forget()

    @rule()
    def settle(self) -> None:
        self.catalog.settle()

    @rule()
    def reopen(self) -> None:
        self.catalog.close()
        self.open()

    @rule(again=st.booleans())
    def follow_and_compare(self, again: bool) -> None:
        news = self.store.changes(self.seen[-2 if again and len(self.seen) > 1 else -1])
        assert news.changes is not None
        self.catalog.apply(news.changes)
        self.seen.append(news.seq)
        ids, _ = self.store.vectors(self.scope.digest)
        found = self.catalog.nearest(self.scope.digest, next(self.vectors), len(ids) + 1)
        assert sorted(entry_id for entry_id, _ in found) == ids

    def teardown(self) -> None:
        if hasattr(self, "catalog"):
            self.catalog.close()
            self.scratch.cleanup()


TestFlatAgainstNumpy = FlatAgainstNumpy.TestCase
TestFlatAgainstNumpy.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCatalogAgainstStore = CatalogAgainstStore.TestCase
TestCatalogAgainstStore.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
