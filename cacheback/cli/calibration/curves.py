"""Curves: which share of pairs a threshold serves, and which threshold keeps a bound. Pure.

What may live here: counting and choosing. What it may not know: what the scores are, and whence.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cacheback.core.proportions import exact_interval

Criterion = Literal["interval", "estimate"]
"""What is kept below the bound: the upper end of the share's interval, or the share itself."""

_CONFIDENCE = 0.95
_interval = lru_cache(None)(exact_interval)


@dataclass(frozen=True, slots=True)
class Share:
    """`some` of `of` pairs."""

    some: int
    of: int

    @property
    def value(self) -> float | None:
        """0 to 1; None of no pairs."""
        return self.some / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share lies, with 95 % confidence: Clopper and Pearson (`core.proportions`)."""
        return _interval(self.some, self.of, _CONFIDENCE)


@dataclass(frozen=True, slots=True)
class Point:
    """What is served from a threshold on: of pairs that are the same, and of others."""

    threshold: float
    same: Share
    other: Share


class Scores:
    """The scores of labelled pairs; None is that of a pair which no threshold lets through."""

    def __init__(self, scored: Iterable[tuple[bool, float | None]]) -> None:
        sides: tuple[list[float], list[float]] = ([], [])
        counts = [0, 0]
        for same, score in scored:
            counts[same] += 1
            if score is not None:
                sides[same].append(score)
        self._others, self._same = sorted(sides[False]), sorted(sides[True])
        self._other_count, self._same_count = counts

    def at(self, threshold: float) -> Point:
        """What is served whose score is at least `threshold`."""
        return Point(
            threshold,
            Share(_from(self._same, threshold), self._same_count),
            Share(_from(self._others, threshold), self._other_count),
        )

    def curve(self, thresholds: Sequence[float]) -> list[Point]:
        return [self.at(one) for one in thresholds]


def _from(ordered: Sequence[float], threshold: float) -> int:
    return len(ordered) - bisect_left(ordered, threshold)


def shares(scores: Iterable[tuple[bool, bool]]) -> tuple[Share, Share]:
    """Of (same, served): what is served of pairs that are the same, and of others."""
    point = Scores((same, 1.0 if served else None) for same, served in scores).at(0.0)
    return point.same, point.other


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen point, None where no threshold keeps the bound, and what had to keep it."""

    point: Point | None
    criterion: Criterion


def choose(scores: Scores, thresholds: Sequence[float], most: float, *, walks: int = 1) -> Choice:
    """The threshold that serves most of the same pairs, and at most `most` (0 to 1) of others.

    The upper end of the interval has to stay below where there are enough other pairs for it to be
    able to, so that the bound holds for pairs that were not seen, too. Going down from the
    strictest and stopping at the first that fails keeps that confidence although many are tried
    (fixed sequence testing: Maurer et al. 1995; Angelopoulos et al., Learn then Test, 2021). With
    fewer pairs not even a threshold that serves none could pass, and the share itself has to do.

    Of thresholds that serve the same pairs the highest is taken.

    Args:
        thresholds: ascending.
        walks: among how many such choices the best one is to be taken; the interval is wider by
            that (Bonferroni).
    """
    others = scores.at(math.inf).other.of
    criterion: Criterion = "interval" if others >= needed(most, walks) else "estimate"
    chosen: Point | None = None
    for threshold in reversed(thresholds):
        point = scores.at(threshold)
        risk = _upper(point.other, walks) if criterion == "interval" else point.other.value
        if risk is not None and risk > most:
            break
        if chosen is None or point.same.some > chosen.same.some:
            chosen = point
    served = chosen is not None and chosen.same.some > 0
    return Choice(chosen if served else None, criterion)


def _upper(share: Share, walks: int) -> float:
    return _interval(share.some, share.of, 1 - (1 - _CONFIDENCE) / walks)[1]


def needed(most: float, walks: int = 1) -> float:
    """How many other pairs it takes until serving none of them shows a share of at most `most`.

    From the interval's upper end at none, 1 - (alpha / 2) ** (1 / n); infinite for a bound of 0.
    """
    if most <= 0:
        return math.inf
    return math.ceil(math.log((1 - _CONFIDENCE) / walks / 2) / math.log1p(-most))
