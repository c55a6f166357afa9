"""A full cache: opening it in a process that has just begun, and what it takes of memory."""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, Goal
from benchmarks.fresh import (
    ASKED,
    LOOKUP,
    PRINT,
    SESSION,
    STORED,
    model_folder,
    started,
    started_in_turns,
)
from benchmarks.measure import process
from benchmarks.setting import ANSWER, Setting
from cacheback import SemanticCache
from cacheback.embedders.minilm import MiniLM

# As where hnswlib was never installed.
WITHOUT_HNSWLIB = "import sys\nsys.modules['hnswlib'] = None\n"

# The vectors as they are stored, read and compared; with hnswlib its own file of the same graph.
RAW_FLAT = (
    SESSION.replace("folder, text =", "folder, text, path =")
    + """
rows = numpy.fromfile(path, dtype="<f2").reshape(-1, len(vector)).astype(numpy.float32)
numpy.argpartition(-(rows @ vector), 8)
"""
    + PRINT
)
RAW_GRAPH = (
    SESSION.replace("folder, text =", "folder, text, path =")
    + """
import hnswlib
graph = hnswlib.Index("ip", len(vector))
graph.load_index(path)
graph.set_ef(64)
graph.knn_query(vector, k=8, num_threads=1)
"""
    + PRINT
)

# Memory that the process keeps once it has answered by meaning, over one that has no entries.
RESIDENT = """
import sys
import psutil
from cacheback import SemanticCache
cache = SemanticCache(sys.argv[1])
hit = cache.lookup(sys.argv[2])
for _ in range(100):
    cache.lookup(sys.argv[2])
cache.catalog.settle()
print(psutil.Process().memory_info().rss, flush=True)
cache.close()
"""


def figures(setting: Setting) -> Iterator[Figure]:
    count = setting.size(100_000, 300)
    directory, empty = setting.scratch / "large", setting.scratch / "empty"
    with SemanticCache(directory, cache_max_entries=2 * count) as cache:
        setting.fill(cache, count)
        scope = cache.populate(STORED, ANSWER).scope
        vectors = setting.scratch / "vectors.f2"
        vectors.write_bytes(cache.store.vectors(scope)[1])
    with SemanticCache(empty) as cache:
        cache.populate(STORED, ANSWER)
    for kind in _kinds(directory, vectors):
        yield _opening(setting, kind, directory, count)
        yield _memory(setting, kind, directory, empty, count)


@dataclass(frozen=True, slots=True)
class Kind:
    """An index: its name, what our process begins with, and a floor that reads a file."""

    name: str
    prelude: str
    floor: str
    file: Path


def _kinds(directory: Path, vectors: Path) -> Iterator[Kind]:
    if importlib.util.find_spec("hnswlib") is not None:
        graphs = list((directory / "index").glob("*.hnsw"))
        # A small scope has no graph (`quick`).
        floor, file = (RAW_GRAPH, graphs[0]) if graphs else (RAW_FLAT, vectors)
        yield Kind("hnswlib", "", floor, file)
    yield Kind("flat", WITHOUT_HNSWLIB, RAW_FLAT, vectors)


def _opening(setting: Setting, kind: Kind, directory: Path, count: int) -> Figure:
    subject = started(kind.prelude + LOOKUP, str(directory), ASKED, expected="semantic")
    floor = started(kind.floor, model_folder(), ASKED, str(kind.file))
    pairs = started_in_turns(subject, floor, setting.size(9, 1))
    return Figure(
        f"open {count:,} and answer, {kind.name}",
        pairs.subject.percentile(50) / 1e6,
        "ms",
        floor=pairs.floor.percentile(50) / 1e6,
        floor_is="as for a first lookup, and the same vectors or graph read from one file",
        ratio=pairs.ratio,
        goal=Goal("≤", 500),
    )


def _memory(setting: Setting, kind: Kind, directory: Path, empty: Path, count: int) -> Figure:
    def resident(where: Path) -> int:
        return int(process(kind.prelude + RESIDENT, str(where), ASKED)[1])

    rounds = range(setting.size(3, 1))
    more = statistics.median(resident(directory) - resident(empty) for _ in rounds)
    vector = 4 * MiniLM.dim
    return Figure(
        f"memory per entry at {count:,}, {kind.name}",
        more / count,
        "B",
        floor=vector,
        floor_is="the vector as float32",
        ratio=more / count / vector,
        goal=Goal("≤", 2_000),
        note="resident, over a process with one entry",
    )
