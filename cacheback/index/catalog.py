"""The indexes of all scopes: loaded when first asked for, kept equal to the store, bounded."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cacheback.errors import MissingExtraError, StoreError
from cacheback.index import saved
from cacheback.index.scoped import ScopeIndex
from cacheback.index.worker import Worker

if TYPE_CHECKING:
    from cacheback.core.ports import Change, Store, Vector
    from cacheback.index.graphs import Graphs

logger = logging.getLogger(__name__)

# Vectors in a scope from which on a graph is worth its building (`python -m benchmarks.crossover`,
# two cores, µs per search, scan / graph: 1,000: 31 / 36; 2,000: 55 / 44; 5,000: 116 / 59; 10,000:
# 300 / 84; 50,000: 3,606 / 138). The curves cross near 1,500, but up to 5,000 the scan costs less
# than 4 % of embedding the question, and is exact, needs no building and 0.3 KB less per vector.
CROSSOVER = 5_000
# Scopes held at once: a scope of one entry takes about 2.5 KB here, and 0.2 ms to load again.
MAX_SCOPES = 8_192
# Vectors held at once, about 0.5 GB; the scope in use is held whatever its size.
MAX_VECTORS = 250_000


@dataclass(frozen=True, slots=True)
class ScopeReport:
    """One loaded scope: how many vectors, how many of them in a graph, and its dead nodes."""

    scope: str
    vectors: int
    in_graph: int
    dead: int


@dataclass(frozen=True, slots=True)
class CatalogReport:
    """What is loaded, and whether hnswlib is installed."""

    hnswlib: bool
    crossover: int
    scopes: tuple[ScopeReport, ...]


class IndexCatalog:
    """Flat indexes for small scopes, graphs for large ones where hnswlib is installed.

    Args:
        store: where vectors come from; what it holds is the truth.
        dim: dimension of the vectors.
        directory: where graphs are saved, in `index/` below it; None keeps them in memory only.
        fingerprint: names the vector space; a graph that was saved under another is not used.
        crossover: a scope with more vectors than this is moved into a graph.
        max_scopes: scopes held at once; the least recently used are dropped.
        max_vectors: vectors held at once, likewise.

    After a fork the child begins with nothing loaded.
    """

    def __init__(
        self,
        store: Store,
        *,
        dim: int,
        directory: Path | None = None,
        fingerprint: str = "",
        crossover: int = CROSSOVER,
        max_scopes: int = MAX_SCOPES,
        max_vectors: int = MAX_VECTORS,
    ) -> None:
        self._store = store
        self._dim = dim
        self._directory = None if directory is None else directory / "index"
        self._fingerprint = fingerprint
        self._crossover = crossover
        self._max_scopes = max_scopes
        self._max_vectors = max_vectors
        self._begin()
        _catalogs.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()  # held for the map only, never while something is read
        self._scopes: OrderedDict[str, ScopeIndex] = OrderedDict()
        self._vectors = 0
        self._worker = Worker()
        self._finalizer = weakref.finalize(self, self._worker.close)

    def begin_in_child(self) -> None:
        """Start anew after a fork: locks may be held by threads that are not here."""
        self._finalizer.detach()
        self._begin()

    def nearest(self, scope: str, vector: Vector, k: int) -> list[tuple[int, float]]:
        """At most k (entry id, cosine) pairs of this scope and no other, nearest first.

        vector: shape (dim,), float32, unit length.

        Raises:
            StoreError: the scope was not loaded, and could not be.
        """
        with self._lock:
            index = self._scopes.get(scope)
            if index is None:
                index = self._scopes[scope] = ScopeIndex(self._store, scope, self._dim)
            else:
                self._scopes.move_to_end(scope)
        if not index.ready:
            self._load(index)
        return index.search(vector, k)

    def apply(self, changes: Iterable[Change]) -> None:
        """Follow what anybody wrote to the store; applying a change twice is harmless."""
        news: dict[str, tuple[list[int], list[int]]] = {}
        for change in changes:
            added, removed = news.setdefault(change.scope, ([], []))
            (added if change.kind == "added" else removed).append(change.entry_id)
        for scope, (added, removed) in news.items():
            self._tell(scope, added, removed)

        shrunk = {scope for scope, (_, removed) in news.items() if removed}
        if shrunk:
            self._purge(shrunk)

    def forget(self) -> None:
        """Drop everything in memory; it is loaded from the store again when asked for."""
        with self._lock:
            dropped, self._scopes = self._scopes, OrderedDict()
            self._vectors = 0
        for index in dropped.values():
            index.abandoned = True
        self._purge()

    def settle(self) -> None:
        """Wait until background work is done; for tests and benchmarks."""
        self._worker.settle()

    def close(self) -> None:
        """Stop background work and save the graphs that changed noticeably. Idempotent."""
        self._worker.close()
        with self._lock:
            indexes = list(self._scopes.values())
        if any(index.graph is not None for index in indexes) and self._graphs is not None:
            for index in indexes:
                self._graphs.keep(index, last=True)
        self.forget()

    def describe(self) -> CatalogReport:
        """What is loaded now."""
        with self._lock:
            indexes = list(self._scopes.values())
        reports = tuple(map(_report, indexes))
        return CatalogReport(self._graphs is not None, self._crossover, reports)

    @cached_property
    def _graphs(self) -> Graphs | None:
        """None when hnswlib is not installed: flat indexes serve scopes of any size."""
        try:
            from cacheback.index.graphs import Graphs  # noqa: PLC0415 -- an extra, and not cheap
        except MissingExtraError:
            return None
        return Graphs(
            self._directory,
            dim=self._dim,
            fingerprint=self._fingerprint,
            crossover=self._crossover,
        )

    def _load(self, index: ScopeIndex) -> None:
        with index.lock:
            if index.ready:
                return
            if not self._restore(index):
                index.read()
            index.ready = True
        self._weigh(index)

    def _restore(self, index: ScopeIndex) -> bool:
        if self._directory is None or not saved.exists(self._directory, index.scope):
            return False
        return self._graphs is not None and self._graphs.restore(index)

    def _tell(self, scope: str, added: Sequence[int], removed: Sequence[int]) -> None:
        with self._lock:
            index = self._scopes.get(scope)
        if index is None:
            return
        with index.lock:  # waits for a load; one that has yet to begin will read the news itself
            if not index.ready:
                return
            index.follow(np.array(added, np.int64), np.array(removed, np.int64))
        self._weigh(index)

    def _weigh(self, index: ScopeIndex) -> None:
        """Count what an index holds now, tend it if it is due, and drop others above the bounds."""
        dropped = []
        with self._lock:
            if self._scopes.get(index.scope) is not index:
                return
            self._vectors += len(index) - index.weight
            index.weight = len(index)
            while self._too_much() and len(self._scopes) > 1:
                _, oldest = self._scopes.popitem(last=False)
                self._vectors -= oldest.weight
                oldest.abandoned = True
                dropped.append(oldest)
        for old in dropped:
            if old.graph is not None and self._graphs is not None:
                self._worker.submit(f"keep {old.scope}", partial(self._graphs.keep, old, last=True))
        self._tend(index)

    def _too_much(self) -> bool:
        return len(self._scopes) > self._max_scopes or self._vectors > self._max_vectors

    def _tend(self, index: ScopeIndex) -> None:
        """Begin the background work that an index needs; a small one never needs any."""
        if index.graph is None and len(index) <= self._crossover:
            return
        if self._graphs is not None and self._graphs.due(index):
            worker = self._worker
            stopped = lambda: worker.closed or index.abandoned  # noqa: E731 -- two conditions
            self._worker.submit(index.scope, partial(self._graphs.tend, index, stopped))

    def _purge(self, shrunk: set[str] | None = None) -> None:
        """Delete what was saved of scopes from which something was removed: it is there still.

        Where these are not known, of those in which the store has nothing left; of another scope
        it is found out when it is loaded.
        """
        if self._directory is None:
            return
        kept = saved.scopes(self._directory)
        for scope in kept if shrunk is None else kept & shrunk:
            try:
                if shrunk is not None or not self._store.vector_count(scope):
                    saved.drop(self._directory, scope)
            except (OSError, StoreError) as error:
                logger.warning("the saved index of scope %s was kept: %s", scope[:12], error)


def _report(index: ScopeIndex) -> ScopeReport:
    with index.lock:  # between two steps of a move, when nothing is counted twice
        graph = index.graph
        in_graph, dead = (0, 0) if graph is None else (len(graph), graph.dead)
        return ScopeReport(index.scope, len(index), in_graph, dead)


_catalogs: weakref.WeakSet[IndexCatalog] = weakref.WeakSet()


def _begin_all_in_child() -> None:
    for catalog in list(_catalogs):
        catalog.begin_in_child()


if hasattr(os, "register_at_fork"):  # once for all catalogs: it cannot be taken back
    os.register_at_fork(after_in_child=_begin_all_in_child)
