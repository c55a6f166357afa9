"""Large scopes: their vectors move into a graph in the background, which is kept on disk.

The one module that knows hnswlib is there; the catalog imports it when a scope first needs it.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cacheback.errors import StoreError
from cacheback.index import hnsw
from cacheback.index.hnsw import HnswIndex
from cacheback.index.saved import SavedGraphs, drop, exists
from cacheback.vectors import unpack

if TYPE_CHECKING:
    from cacheback.index.scoped import ScopeIndex

logger = logging.getLogger(__name__)

# Rows that move while others who want to change the scope wait: about 5 ms.
STEP = 16
# Rows that wait in front of a graph before they are worth a thread; searching them takes 15 µs.
TAIL = 256
# Share of dead nodes from which a graph is built anew. Searching takes 1.2 times as long at 1/4
# and 1.6 times at 1/2, and each dead node keeps its 1.9 KB.
DEAD_SHARE = 0.25
# A scope goes back to flat when it has shrunk to this share of the crossover.
HYSTERESIS = 0.5
# A graph is written to disk when this share of it has changed; what a file lacks is read from
# the store, and waits in front of the graph at first.
UNSAVED_SHARE = 0.1
# Newest vectors of a saved graph that are compared with the store's. They differ when the
# database was replaced, or restored from a backup and written to again: ids are then given twice.
SAMPLE = 64


class Graphs:
    """Moves scopes with more than `crossover` vectors into graphs, saves and restores those."""

    def __init__(
        self, directory: Path | None, *, dim: int, fingerprint: str, crossover: int
    ) -> None:
        self.dim = dim
        self.crossover = crossover
        recipe = {
            "dim": dim,
            "embedder": fingerprint,
            "M": hnsw.M,
            "ef_construction": hnsw.EF_CONSTRUCTION,
            "layout": f"{sys.byteorder} {sys.maxsize.bit_length() + 1}",
        }
        self.saved = None if directory is None else SavedGraphs(directory, recipe)

    def due(self, index: ScopeIndex) -> bool:
        """Whether there is work to do in the background."""
        if index.graph is None:
            return len(index.flat) > self.crossover
        return len(index.flat) > TAIL or _crowded(index.graph)

    def tend(self, index: ScopeIndex, stopped: Callable[[], bool]) -> None:
        """Bring a scope into the form that its size asks for, and save it."""
        before = index.graph
        if before is not None and _crowded(before):
            self._renew(index, before, stopped)
        if index.graph is None and len(index.flat) > self.crossover:
            index.graph = HnswIndex(self.dim)
        while index.graph is not None and len(index.flat) and not stopped():
            with index.lock:
                _move(index, index.graph, STEP)
        if index.graph is not before:
            _trim()
        if not stopped():
            self.keep(index)

    def keep(self, index: ScopeIndex, *, last: bool = False) -> None:
        """Save a graph if it is worth it. A failure to write is logged; nothing depends on it.

        last: it is about to be dropped from memory, so what was saved should not be missing.
        """
        graph = index.graph
        if self.saved is None or graph is None or len(graph) <= HYSTERESIS * self.crossover:
            return
        missing = last and not exists(self.saved.directory, index.scope)
        if index.unsaved <= UNSAVED_SHARE * len(graph) and not missing:
            return
        try:
            with index.lock:
                self._save(self.saved, index, graph)
        except (OSError, StoreError) as error:
            logger.warning("the index of scope %s was not saved: %s", index.scope[:12], error)

    def restore(self, index: ScopeIndex) -> bool:
        """Take up a saved graph and catch up with the store, or return False.

        `index.lock` must be held.
        """
        if self.saved is None or (found := self.saved.find(index.scope)) is None:
            return False
        path, manifest = found
        try:
            graph = HnswIndex.load(path, self.dim, np.array(manifest.dead, np.int64))
        except RuntimeError as error:  # swept away by another process since, or unreadable
            logger.warning("the saved index of scope %s is not used: %s", index.scope[:12], error)
            return False
        if len(graph) != manifest.count or not _same_store(index, graph, manifest.seq):
            logger.warning("the saved index of scope %s is not this store's", index.scope[:12])
            return False
        index.graph, index.seq = graph, manifest.seq
        index.catch_up()
        if len(index) != index.store.vector_count(index.scope):
            index.read()
        if graph.dead > len(manifest.dead):  # the file holds what was removed since
            drop(self.saved.directory, index.scope)
        return True

    def _save(self, saved: SavedGraphs, index: ScopeIndex, graph: HnswIndex) -> None:
        index.catch_up()
        if len(index.flat) <= TAIL:
            _move(index, graph, TAIL)
        seq = None if len(index.flat) else index.seq
        saved.save(index.scope, graph.dump, count=len(graph), seq=seq, dead=graph.dead_ids())
        index.unsaved = 0

    def _renew(self, index: ScopeIndex, old: HnswIndex, stopped: Callable[[], bool]) -> None:
        """Replace a graph by one without dead nodes, or by nothing if it became small."""
        if len(old) <= HYSTERESIS * self.crossover:
            with index.lock:
                index.flat.add(*old.take(old.ids()))
                index.graph = None
            if self.saved is not None:
                drop(self.saved.directory, index.scope)
            return
        new = HnswIndex(self.dim)
        ids = old.ids()
        for start in range(0, len(ids), STEP):
            if stopped():
                return
            new.add(*old.take(ids[start : start + STEP]))
        with index.lock:  # only removals reached the old one meanwhile: additions wait in front
            new.remove(np.setdiff1d(new.ids(), old.ids()))
            index.graph = new
            index.unsaved = len(new)


def _crowded(graph: HnswIndex) -> bool:
    return graph.dead > DEAD_SHARE * (graph.dead + len(graph))


def _move(index: ScopeIndex, graph: HnswIndex, count: int) -> None:
    """Move rows from before the graph into it; `index.lock` must be held."""
    ids, vectors = index.flat.newest(count)
    graph.add(ids, vectors)
    index.flat.remove(ids)
    index.unsaved += len(ids)


def _trim() -> None:
    """Return freed memory to the system; glibc kept 0.9 KB per vector of a new graph of 100,000."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def _same_store(index: ScopeIndex, graph: HnswIndex, seq: int | None) -> bool:
    if seq is not None and seq > index.store.changes(-1).seq:
        return False
    ids, data = index.store.vectors(index.scope, graph.ids()[-SAMPLE:].tolist())
    kept, vectors = graph.take(np.array(ids, np.int64))
    return bool(len(kept)) and np.array_equal(vectors, unpack(data, graph.dim))
