"""Exact search: every vector is compared. The oracle of any faster index."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cacheback.core.ports import Ids, Vector, Vectors


# Rows that are allocated at once: 1.5 MB at 384 dimensions, so growth never copies more than that,
# and eleven products per search at the size where a scope moves on to a graph cost nothing.
BLOCK = 1024


class FlatIndex:
    """float32 rows in blocks, without order; the last row fills the gap that a removed one leaves.

    There is no map from ids to rows (about 100 bytes per entry): a pass over the ids finds a row,
    in 19 µs among 5,000. A search at 384 dimensions takes 34 µs among 1,000, 124 µs among 5,000.
    """

    __slots__ = ("_blocks", "_count", "_ids", "_lock", "dim")

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._lock = threading.Lock()
        self._count = 0
        self._ids: Ids = np.empty(0, np.int64)
        self._blocks: list[Vectors] = []

    def __len__(self) -> int:
        return self._count

    def ids(self) -> Ids:
        """Which ids are held, in no order: a copy, shape (n,), int64."""
        with self._lock:
            return self._ids[: self._count].copy()

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace by id, each id once: ids (n,), int64; vectors (n, dim), float32."""
        with self._lock:
            self._drop(ids)
            start, self._count = self._count, self._count + len(ids)
            self._fit()
            self._ids[start : self._count] = ids
            taken = 0
            for part in self._parts(start):
                part[:] = vectors[taken : taken + len(part)]
                taken += len(part)

    def remove(self, ids: Ids) -> None:
        """Remove ids; unknown ones are passed over."""
        with self._lock:
            self._drop(ids)
            self._fit()

    def missing(self, ids: Ids) -> Ids:
        """Those of the ids that are not held, in their order."""
        with self._lock:
            held = self._ids[self._rows(ids)]
        return ids[~np.isin(ids, held)]

    def newest(self, count: int) -> tuple[Ids, Vectors]:
        """Up to `count` of the last rows, copied: ids (n,), int64; vectors (n, dim), float32."""
        with self._lock:
            start = max(0, self._count - count)
            parts = [*self._parts(start), np.empty((0, self.dim), np.float32)]
            return self._ids[start : self._count].copy(), np.concatenate(parts)

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        """At most k (id, cosine) pairs, nearest first."""
        with self._lock:
            scores = self._scores(vector)
            top = np.arange(self._count)
            if k < self._count:
                top = np.argpartition(scores, self._count - k)[self._count - k :]
            top = top[np.argsort(-scores[top])]
            # Rows were rounded to float16 at rest, so a cosine may exceed 1 by 0.0001.
            best = np.minimum(scores[top], np.float32(1))
            return list(zip(self._ids[top].tolist(), best.tolist(), strict=True))

    def _scores(self, vector: Vector) -> Vector:
        """Products with every row, shape (n,), float32."""
        scores = np.empty(self._count, np.float32)
        done = 0
        for part in self._parts(0):
            np.dot(part, vector, out=scores[done : done + len(part)])
            done += len(part)
        return scores

    def _parts(self, start: int) -> Iterator[Vectors]:
        """The rows from `start` on, as views into the blocks, each shape (some, dim), float32."""
        while start < self._count:
            number, offset = divmod(start, BLOCK)
            part = self._blocks[number][offset : offset + self._count - start]
            yield part
            start += len(part)

    def _rows(self, ids: Ids) -> Ids:
        """Rows of those ids that are held, ascending."""
        return np.flatnonzero(np.isin(self._ids[: self._count], ids))

    def _drop(self, ids: Ids) -> None:
        for row in self._rows(ids)[::-1].tolist():
            last = self._count - 1
            self._ids[row] = self._ids[last]
            self._blocks[row // BLOCK][row % BLOCK] = self._blocks[last // BLOCK][last % BLOCK]
            self._count = last

    def _fit(self) -> None:
        """Make room for `_count` rows, and let go of what became much too large."""
        needed = -(-self._count // BLOCK)
        del self._blocks[needed:]
        for number in range(max(0, len(self._blocks) - 1), needed):
            if number == len(self._blocks):
                self._blocks.append(np.empty((0, self.dim), np.float32))
            self._blocks[number] = _fitted(self._blocks[number], self._count - number * BLOCK)
        if not self._count <= len(self._ids) <= 4 * self._count:
            self._ids = np.resize(self._ids, 2 * self._count)


def _fitted(block: Vectors, rows: int) -> Vectors:
    """The block, or a copy with room for twice the rows, within 1 and BLOCK."""
    if rows <= len(block) <= 4 * rows or len(block) == BLOCK <= rows:
        return block
    fitted = np.empty((min(2 * rows, BLOCK) if rows > 1 else 1, block.shape[1]), np.float32)
    kept = min(len(block), len(fitted))
    fitted[:kept] = block[:kept]
    return fitted
