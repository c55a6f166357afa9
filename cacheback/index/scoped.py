"""The vectors of one scope, in memory, as the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cacheback.index.flat import FlatIndex
from cacheback.index.turnstile import Turnstile
from cacheback.vectors import AT_REST, unpack

if TYPE_CHECKING:
    from cacheback.core.ports import Ids, Store, Vector
    from cacheback.index.hnsw import HnswIndex

# Vectors that are fetched and converted at once: 1.5 MB as float32 at 384 dimensions.
BATCH = 1024


class ScopeIndex:
    """New vectors in a flat index; in a large scope most of them in a graph, moved there later.

    So adding takes microseconds although inserting into a graph takes 0.3 ms, and a scope is
    searched without a gap while it grows from one kind to the other. What changes the index holds
    `lock` throughout, the reading of the store included: an entry that is removed from the store
    while its vector is fetched is then removed from here afterwards, and never comes back.

    `seq` is a point in the store's change sequence that the index reflects, or None when it is
    not known; it may be behind, since following a change twice is harmless. `unsaved` counts the
    graph's changes since it was written to disk; `abandoned` tells background work to stop.
    """

    __slots__ = (
        "abandoned",
        "dim",
        "flat",
        "graph",
        "lock",
        "ready",
        "scope",
        "seq",
        "store",
        "unsaved",
        "weight",
    )

    def __init__(self, store: Store, scope: str, dim: int) -> None:
        self.store = store
        self.scope = scope
        self.dim = dim
        self.lock = Turnstile()
        self.flat = FlatIndex(dim)
        self.graph: HnswIndex | None = None
        self.ready = False
        self.abandoned = False
        self.seq: int | None = None
        self.unsaved = 0
        self.weight = 0

    def __len__(self) -> int:
        return len(self.flat) + (0 if self.graph is None else len(self.graph))

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        """At most k (id, cosine) pairs, nearest first.

        Flat first: what is moved to the graph meanwhile is found there, at worst in both.
        """
        while True:
            graph = self.graph
            near = self.flat.search(vector, k)
            if graph is not self.graph:  # begun or given up meanwhile, and rows went over
                continue
            if graph is None:
                return near
            found = dict(near) | dict(graph.search(vector, k))
            return sorted(found.items(), key=lambda pair: -pair[1])[:k]

    def follow(self, added: Ids, removed: Ids) -> None:
        """Make changes that the store has made; `lock` must be held.

        Added vectors are read from the store, which no longer has those removed since.
        """
        self._remove(removed)
        wanted = self._missing(np.setdiff1d(added, removed))
        for start in range(0, len(wanted), BATCH):
            ids, data = self.store.vectors(self.scope, wanted[start : start + BATCH].tolist())
            self._fill(ids, data, range(len(ids)))

    def read(self) -> None:
        """Become equal to the store, whatever was held before; `lock` must be held."""
        self.seq = self.store.changes(-1).seq
        ids, data = self.store.vectors(self.scope)
        held = np.array(ids, np.int64)
        self._remove(np.setdiff1d(self._ids(), held))
        self._fill(ids, data, np.flatnonzero(np.isin(held, self._missing(held))).tolist())

    def catch_up(self) -> None:
        """Follow what the store did since `seq`; `lock` must be held."""
        news = None if self.seq is None else self.store.changes(self.seq)
        if news is None or news.changes is None:
            self.read()
            return
        mine = [change for change in news.changes if change.scope == self.scope]
        added = [change.entry_id for change in mine if change.kind == "added"]
        removed = [change.entry_id for change in mine if change.kind == "removed"]
        self.follow(np.array(added, np.int64), np.array(removed, np.int64))
        self.seq = news.seq

    def _ids(self) -> Ids:
        if self.graph is None:
            return self.flat.ids()
        return np.concatenate([self.flat.ids(), self.graph.ids()])

    def _missing(self, ids: Ids) -> Ids:
        ids = self.flat.missing(ids)
        return ids if self.graph is None else self.graph.missing(ids)

    def _remove(self, ids: Ids) -> None:
        self.flat.remove(ids)
        if self.graph is not None:
            before = len(self.graph)
            self.graph.remove(ids)
            self.unsaved += before - len(self.graph)

    def _fill(self, ids: Sequence[int], data: bytes, places: Sequence[int]) -> None:
        """Add the vectors at some places of what `Store.vectors` returned."""
        row = np.dtype((np.void, AT_REST.itemsize * self.dim))
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            rows = np.frombuffer(data, row)[some].tobytes()
            self.flat.add(np.array([ids[p] for p in some], np.int64), unpack(rows, self.dim))
