"""From how many vectors on is a graph faster than scanning? `python -m benchmarks.crossover`.

The default of `IndexCatalog(crossover=…)` is chosen from this table.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import questions
from cacheback.core.ports import Index
from cacheback.embedders.minilm import MiniLM
from cacheback.index.flat import FlatIndex
from cacheback.index.hnsw import HnswIndex
from cacheback.testing.index_contract import recall

if TYPE_CHECKING:
    from cacheback.core.ports import Vector, Vectors

SIZES = (1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000)
K = 10
SEARCHES = 300


def main() -> None:
    options = _options()
    sizes = sorted(options.sizes)
    source, vectors = _vectors(sizes[-1])
    asked = _near(vectors[:: max(1, len(vectors) // SEARCHES)][:SEARCHES], seed=2)
    print(f"{source}; {SEARCHES} searches for {K}, median µs each\n")
    print("vectors   flat   hnsw   recall   insert")
    flat, graph = FlatIndex(vectors.shape[1]), HnswIndex(vectors.shape[1])
    done, crossed = 0, None
    for size in sizes:
        ids = np.arange(done, size)
        flat.add(ids, vectors[done:size])
        insert = _micros(graph, ids, vectors[done:size]) / len(ids)
        done = size
        scan, walk = _medians(flat, graph, asked)
        found = statistics.mean(recall(graph.search(q, K), flat.search(q, K)) for q in asked)
        print(f"{size:7,}{scan:7.0f}{walk:7.0f}{found:9.3f}{insert:9.0f}", flush=True)
        if crossed is None and walk < scan:
            crossed = size
    print(f"\nthe graph is faster from {crossed or 'more'} vectors on, by these sizes")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="how many vectors")
    return parser.parse_args()


def _vectors(count: int) -> tuple[str, Vectors]:
    """Embedded questions, and beyond their number neighbours of them (cosine about .9)."""
    source, texts = questions.load()
    real = MiniLM().encode_batch(texts[:count])
    copies = [_near(real, seed=10 + n) for n in range(1, -(-count // len(real)))]
    name = f"{len(real):,} questions ({source})" + (", and neighbours of them" if copies else "")
    return name, np.concatenate([real, *copies])[:count]


def _near(vectors: Vectors, seed: int) -> Vectors:
    noise = np.random.default_rng(seed).standard_normal(vectors.shape)
    rows = vectors + 0.48 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    near: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return near


def _micros(index: Index, ids: np.ndarray, vectors: Vectors) -> float:
    begun = time.perf_counter()
    index.add(ids, vectors)
    return (time.perf_counter() - begun) * 1e6


def _medians(one: Index, other: Index, asked: Vectors) -> tuple[float, float]:
    """Median µs of one search in each; they take turns, so that both meet the same moments."""
    times = [(_search(one, vector), _search(other, vector)) for vector in asked]
    first, second = zip(*times[len(times) // 10 :], strict=True)  # the rest warms the caches
    return statistics.median(first), statistics.median(second)


def _search(index: Index, vector: Vector) -> float:
    begun = time.perf_counter()
    index.search(vector, K)
    return (time.perf_counter() - begun) * 1e6


if __name__ == "__main__":
    main()
