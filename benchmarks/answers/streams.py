"""Streams: real questions in a fixed shuffled order, each looked up among those before it."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cacheback.core.ports import Vectors

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REQUESTS = 8_000
CANDIDATES = 4  # as many as the cache judges by default
# Candidates below this cosine are never judged: a bare threshold of .6 is wrong on a
# quarter of its hits on BANKING77, and on an eighth on CLINC150.
FLOOR = 0.6
_SEED = 1
_KEPT = 512  # neighbours remembered per request; others are computed again where they are needed
_BLOCK = 1_000  # rows of cosines at once: 32 MB of 8,000

Near: TypeAlias = list[tuple[int, float]]
"""Stored requests and their cosines, nearest first."""


@dataclass(frozen=True)
class Stream:
    """Questions in the order in which they are asked; equal labels mean the same answer."""

    name: str
    texts: Sequence[str]
    labels: Sequence[str]


class Policy(Protocol):
    """Decides what is served and what is stored."""

    def serve(self, request: int, near: Near) -> int | None:
        """Which of the stored requests answers this one; None asks upstream."""
        ...

    def store(self, request: int, near: Near, right: bool) -> bool:
        """Upstream has answered: store it? `right` tells if the nearest's answer was the same."""
        ...


@dataclass(frozen=True)
class Replay:
    """How one policy did on one stream."""

    requests: int
    hits: int
    wrong: int

    @property
    def hit_rate(self) -> float:
        return self.hits / self.requests

    @property
    def wrong_rate(self) -> float:
        """Wrong answers per request."""
        return self.wrong / self.requests

    @property
    def wrong_per_hit(self) -> float:
        return self.wrong / self.hits if self.hits else 0.0


def load(folder: Path = DATA, requests: int = REQUESTS) -> list[Stream]:
    """The streams whose files are in the folder; none where it is missing."""
    if not folder.is_dir():
        return []
    read: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
        "BANKING77": _banking,
        "CLINC150": _clinc,
    }
    return [_stream(name, list(rows(folder)), requests) for name, rows in read.items()]


def _stream(name: str, rows: list[tuple[str, str]], requests: int) -> Stream:
    unique = list(dict(rows).items())
    random.Random(_SEED).shuffle(unique)
    texts, labels = zip(*unique[:requests], strict=True)
    return Stream(name, texts, labels)


def _banking(folder: Path) -> Iterator[tuple[str, str]]:
    for part in ("train", "test"):
        with (folder / f"banking77_{part}.csv").open(encoding="utf-8", newline="") as file:
            yield from ((row["text"].strip(), row["category"]) for row in csv.DictReader(file))


def _clinc(folder: Path) -> Iterator[tuple[str, str]]:
    parts = json.loads((folder / "clinc150_full.json").read_text(encoding="utf-8"))
    for part, rows in parts.items():
        for text, intent in rows:
            # Two questions that fit no intent have nothing in common.
            yield text, text if part.startswith("oos") else intent


class Earlier:
    """The requests before each request, by cosine."""

    def __init__(self, vectors: Vectors, kept: int = _KEPT) -> None:
        self._vectors = vectors
        count = len(vectors)
        self._kept = min(kept, count)
        self._ids = np.zeros((count, self._kept), dtype=np.int64)
        self._cosines = np.full((count, self._kept), -np.inf, dtype=np.float32)
        for start in range(0, count, _BLOCK):
            self._rank(start, min(start + _BLOCK, count))

    def _rank(self, start: int, stop: int) -> None:
        cosines = self._vectors[start:stop] @ self._vectors[:stop].T
        later = np.arange(stop)[None, :] >= np.arange(start, stop)[:, None]
        cosines[later] = -np.inf
        width = min(self._kept, stop)
        ids = np.argpartition(-cosines, width - 1, axis=1)[:, :width]
        found = np.take_along_axis(cosines, ids, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        self._ids[start:stop, :width] = np.take_along_axis(ids, order, axis=1)
        self._cosines[start:stop, :width] = np.take_along_axis(found, order, axis=1)

    def nearest(self, request: int, stored: NDArray[np.bool_], k: int = CANDIDATES) -> Near:
        """At most k stored requests before this one with a cosine of `FLOOR` or more."""
        ids, cosines = self._ids[request], self._cosines[request]
        usable = stored[ids] & (cosines >= FLOOR)
        if usable.sum() < k and cosines[-1] >= FLOOR:
            cosines = self._vectors[:request] @ self._vectors[request]
            usable = stored[:request] & (cosines >= FLOOR)
            ids = np.argsort(-cosines, kind="stable")
            cosines, usable = cosines[ids], usable[ids]
        return list(zip(ids[usable][:k].tolist(), cosines[usable][:k].tolist(), strict=True))


def replay(labels: Sequence[str], earlier: Earlier, policy: Policy) -> Replay:
    """Every request in turn: served by a stored one, or answered upstream and perhaps stored."""
    stored = np.zeros(len(labels), dtype=np.bool_)
    hits = wrong = 0
    for request, label in enumerate(labels):
        near = earlier.nearest(request, stored)
        served = policy.serve(request, near)
        if served is None:
            right = bool(near) and labels[near[0][0]] == label
            stored[request] = policy.store(request, near, right)
        else:
            hits += 1
            wrong += labels[served] != label
    return Replay(len(labels), hits, wrong)


class Accepting:
    """The cache as it is: the nearest candidate that is accepted answers, every miss is stored."""

    def __init__(self, accepts: Callable[[int, int, float], bool]) -> None:
        self._accepts = accepts

    def serve(self, request: int, near: Near) -> int | None:
        accepted = (one for one, cosine in near if self._accepts(request, one, cosine))
        return next(accepted, None)

    def store(self, request: int, near: Near, right: bool) -> bool:  # noqa: ARG002 - Policy
        return True
