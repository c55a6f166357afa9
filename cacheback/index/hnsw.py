"""Approximate search in a graph, by hnswlib: the index of scopes that are too large to scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from cacheback.errors import MissingExtraError
from cacheback.index.turnstile import Turnstile

try:
    import hnswlib
except ImportError as error:
    raise MissingExtraError("hnswlib", "hnsw") from error

if TYPE_CHECKING:
    from cacheback.core.ports import Ids, Vector, Vectors

# Links per node, and how many candidates are kept while inserting and while searching. On
# clustered unit vectors of 384 dimensions these find every one of the ten nearest among 20,000.
M = 16
EF_CONSTRUCTION = 100
EF = 64
# Levels are drawn at random; the same insertions always give the same graph.
SEED = 100
# Room to begin with, and the factor it grows by: memory that was never touched is not resident.
FIRST_ROOM = 1024
GROWTH = 1.5
# Rows inserted before waiting searches get their turn: 1 to 2 ms.
AT_ONCE = 4
# Rows that an exact scan copies out of the graph at once: 6 MB at 384 dimensions.
SCAN = 4096
# Bytes before the first node in a file that hnswlib writes.
_HEADER = 96


class HnswIndex:
    """A graph of near neighbours under inner product, which is the cosine of unit vectors.

    hnswlib must not search while it inserts or resizes, so all calls take turns. A removed vector
    stays in the graph as a dead node, which is passed through and never returned; `dead` counts
    them, and the owner builds anew when there are too many. Dead nodes are not reused for new ids
    (hnswlib's `allow_replace_deleted`): it can leave two nodes with one label. An id that comes
    again is updated in place.

    A known limit: more than 2 * M identical vectors link only to each other, and what lies behind
    them becomes hard to find (recall .96 with 60 times 64 copies among 6,000 others). The cost is
    a miss, never a wrong answer.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._lock = Turnstile()
        self._live: Ids = np.empty(0, np.int64)  # ascending; replaced, never changed
        self._nodes = 0
        self._graph = self._new(dim)
        self._graph.init_index(FIRST_ROOM, M=M, ef_construction=EF_CONSTRUCTION, random_seed=SEED)

    @classmethod
    def load(cls, path: Path, dim: int, dead: Ids) -> Self:
        """Read what `dump` wrote, given the `dead_ids` of then.

        The bytes must be known to be those that were written: hnswlib trusts the links in them.

        Raises:
            RuntimeError: hnswlib cannot read the file.
        """
        index = cls(dim)
        index._graph = cls._new(dim)
        index._graph.load_index(str(path))
        labels = np.array(index._graph.get_ids_list(), np.int64)
        index._live, index._nodes = np.setdiff1d(labels, dead), len(labels)
        return index

    @staticmethod
    def _new(dim: int) -> Any:
        graph = hnswlib.Index("ip", dim)
        graph.set_ef(EF)
        graph.set_num_threads(1)
        return graph

    def dump(self, path: Path) -> None:
        """Write the graph to a file, without the removed vectors.

        Raises:
            OSError: the file is shorter than it must be (hnswlib itself ignores a full disk), or
                laid out in another way.
        """
        with self._lock:
            self._graph.save_index(str(path))
            if path.stat().st_size != self._graph.index_file_size():
                raise OSError(f"{path} could not be written completely")
            _blank_dead(path, self._live, self.dim)

    def __len__(self) -> int:
        return len(self._live)

    @property
    def dead(self) -> int:
        """How many removed vectors are still nodes of the graph."""
        return self._nodes - len(self._live)

    def dead_ids(self) -> Ids:
        """Ids of the removed vectors that are still nodes of the graph."""
        with self._lock:
            return np.setdiff1d(np.array(self._graph.get_ids_list(), np.int64), self._live)

    def ids(self) -> Ids:
        """Which ids are held, ascending, shape (n,), int64. Not to be written to."""
        return self._live

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace by id, each id once: ids (n,), int64; vectors (n, dim), float32."""
        for start in range(0, len(ids), AT_ONCE):
            with self._lock:
                self._add(ids[start : start + AT_ONCE], vectors[start : start + AT_ONCE])

    def _add(self, ids: Ids, vectors: Vectors) -> None:
        needed = self._nodes + len(ids)
        room = int(self._graph.get_max_elements())
        if needed > room:
            self._graph.resize_index(max(needed, int(GROWTH * room)))
        self._graph.add_items(vectors, ids, num_threads=1)
        self._nodes = int(self._graph.get_current_count())
        new = np.sort(ids[~np.isin(ids, self._held(ids))])
        self._live = np.insert(self._live, np.searchsorted(self._live, new), new)

    def remove(self, ids: Ids) -> None:
        """Remove ids; unknown ones are passed over."""
        with self._lock:
            held = self._held(ids)
            for label in held.tolist():
                self._graph.mark_deleted(label)
            self._live = np.delete(self._live, np.searchsorted(self._live, held))

    def missing(self, ids: Ids) -> Ids:
        """Those of the ids that are not held, in their order."""
        return ids[~np.isin(ids, self._held(ids))]

    def take(self, ids: Ids) -> tuple[Ids, Vectors]:
        """Those of the ids that are held, ascending, and their vectors, (n, dim), float32."""
        with self._lock:
            held = self._held(ids)
            return held, self._vectors(held)

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        """At most k (id, cosine) pairs, nearest first, nearly always the k nearest of all."""
        with self._lock:
            k = min(k, len(self._live))
            if not k:
                return []
            try:
                labels, distances = self._graph.knn_query(vector, k=k, num_threads=1)
            except RuntimeError:  # fewer than k can be reached from where the search begins
                return self._scan(vector, k)
        cosines = np.minimum(1 - distances[0], np.float32(1))
        return list(zip(labels[0].tolist(), cosines.tolist(), strict=True))

    def _scan(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        parts = (self._live[start : start + SCAN] for start in range(0, len(self._live), SCAN))
        cosines = np.concatenate([self._vectors(part) @ vector for part in parts])
        top = np.argsort(-cosines)[:k]
        best = np.minimum(cosines[top], np.float32(1))
        return list(zip(self._live[top].tolist(), best.tolist(), strict=True))

    def _held(self, ids: Ids) -> Ids:
        """Those of the ids that are held, ascending."""
        live = self._live
        wanted = np.unique(ids)
        places = np.minimum(np.searchsorted(live, wanted), max(0, len(live) - 1))
        return wanted[live[places] == wanted] if len(live) else live

    def _vectors(self, ids: Ids) -> Vectors:
        if not len(ids):
            return np.empty((0, self.dim), np.float32)
        vectors: Vectors = self._graph.get_items(ids, return_type="numpy")
        return vectors


def _blank_dead(path: Path, live: Ids, dim: int) -> None:
    """Overwrite the vectors of dead nodes, in a file as hnswlib writes it, by living neighbours'.

    A search goes through a dead node still, and near to where it did. The layout is that of
    `saveIndex` in hnswalg.h (hnswlib 0.6 to 0.8): a header, then one row per node.
    """
    header = np.fromfile(path, np.uint64, count=6)
    nodes, width, label_at, vector_at = (int(number) for number in header[2:6])
    if (label_at - vector_at, width - label_at) != (4 * dim, 8) or vector_at % 4:
        raise OSError(f"{path} is not laid out as expected, and was given up")
    row = np.dtype(
        {
            "names": ["count", "links", "vector", "label"],
            "formats": ["<u2", ("<u4", vector_at // 4 - 1), ("<f4", dim), "<u8"],
            "offsets": [0, 4, vector_at, label_at],
            "itemsize": width,
        }
    )
    table = np.memmap(path, row, mode="r+", offset=_HEADER, shape=(nodes,))
    alive = np.isin(table["label"].astype(np.int64), live)
    dead = np.flatnonzero(~alive)
    if not len(dead):
        return
    rows = table[dead]
    linked = np.arange(rows["links"].shape[1]) < rows["count"][:, None]
    links = np.where(linked, rows["links"], 0)
    usable = linked & alive[links]
    first = links[np.arange(len(dead)), usable.argmax(axis=1)]
    stand_in = np.where(usable.any(axis=1), first, np.flatnonzero(alive)[:1])
    table["vector"][dead] = table["vector"][stand_in]
    table.flush()
