"""What each row does on the streams: at its own thresholds, and over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path

import numpy as np

from benchmarks.answers.per_entry import PerEntry
from benchmarks.answers.rows import NEVER, Row, rows
from benchmarks.answers.streams import Accepting, Earlier, Replay, Stream, replay
from benchmarks.answers.vectors import encode
from cacheback.core.ports import Pair

WRONG = 0.02  # wrong answers per request at which the curves are compared
BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1)
PER_ENTRY = "vCache's per-entry rule"
_POINTS = 16


@dataclass(frozen=True)
class Streamed:
    """One row on one stream. `own` has a replay per name of an operating point."""

    name: str
    own: dict[str, Replay]
    curve: tuple[Replay, ...]

    @property
    def hits_at_wrong(self) -> float:
        """The highest hit rate on the curve's straight pieces with at most `WRONG`; 0 if none."""
        return hits_at(self.curve, WRONG)


def hits_at(curve: Sequence[Replay], wrong_rate: float) -> float:
    """The hit rate where a curve, drawn from (0, 0) over its points, reaches a wrong rate."""
    ordered = sorted(curve, key=lambda one: one.wrong_rate)
    return float(
        np.interp(
            wrong_rate,
            [0.0, *(one.wrong_rate for one in ordered)],
            [0.0, *(one.hit_rate for one in ordered)],
        )
    )


def run_all(judges: Sequence[str], stream: Stream, cache: Path) -> list[Streamed]:
    """Every row on one stream, `judges` among them, and the published rule."""
    earlier = Earlier(encode(stream.texts, cache))
    return [*(run(row, stream, earlier) for row in rows(judges)), run_per_entry(stream, earlier)]


def run(row: Row, stream: Stream, earlier: Earlier) -> Streamed:
    """Replay the stream at the row's own thresholds, then over its scores."""

    def pair(request: int, other: int, cosine: float) -> Pair:
        return Pair(stream.texts[request], stream.texts[other], cosine, 0.0)

    @remembered
    def score(request: int, other: int, cosine: float) -> float:
        return row.score(pair(request, other, cosine))

    def at(threshold: float) -> Accepting:
        return Accepting(lambda *near: row.serves(pair(*near), threshold))

    def from_score(point: float) -> Accepting:
        return Accepting(lambda *near: score(*near) >= point)

    own = {
        f"{row.name}, {threshold:g}": replay(stream.labels, earlier, at(threshold))
        for threshold in row.thresholds
    }
    every = np.ones(len(stream.texts), dtype=np.bool_)
    nearest = [
        score(request, *near[0])
        for request in range(len(stream.texts))
        if (near := earlier.nearest(request, every, 1))
    ]
    served = np.array([one for one in nearest if one > NEVER])
    points = np.unique(np.quantile(served, np.linspace(0.02, 0.995, _POINTS)))
    curve = [replay(stream.labels, earlier, from_score(point)) for point in points]
    return Streamed(row.name, own, tuple(curve))


def run_per_entry(stream: Stream, earlier: Earlier) -> Streamed:
    """The published rule at each of `BOUNDS`."""
    own = {
        f"{PER_ENTRY}, δ {bound:g}": replay(stream.labels, earlier, PerEntry(bound))
        for bound in BOUNDS
    }
    return Streamed(PER_ENTRY, own, tuple(own.values()))
