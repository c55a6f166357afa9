"""What follows from measured pairs: curves, a recommendation, the worst pairs, a snippet. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cacheback.cli.calibration.curves import Choice, Criterion, Point, Scores, Share, choose, shares
from cacheback.cli.calibration.measuring import LeftOut, Measured
from cacheback.cli.calibration.pairs import Found

# A threshold of two digits: a finer one follows single pairs.
COSINES = tuple(round(n / 100, 2) for n in range(50, 100))
PROBABILITIES = tuple(round(n / 100, 2) for n in range(100))

# Where a judge tells a probability, each of these cosines is tried as a gate before it. Below the
# lowest the judge would have to read more than it is worth, and what it was not made for.
_GATES = (0.70, 0.75, 0.80, 0.85, 0.90, 0.95)

_NEVER, _SURE = -math.inf, 1.0  # scores below all others, and above all thresholds

_FEW = 30
"""Pairs of a kind below which an interval is wider than what most people want to know."""


@dataclass(frozen=True, slots=True)
class Recommended:
    """Settings, and what they serve; `judge_threshold` is None for a judge without probability."""

    similarity_threshold: float
    judge_threshold: float | None
    point: Point


@dataclass(frozen=True, slots=True)
class Advice:
    """All that is reckoned from measured pairs.

    `cosine` is the curve over the cosine, with what the judge objects to never served;
    `probability` that over its probability from a cosine of `gate` on (empty and None for a judge
    that tells none). `now` are the shares of same and of other pairs that the cache serves as it is
    set. `criterion` says what had to keep the bound, `walks` among how many choices the recommended
    one was taken.
    """

    now: tuple[Share, Share]
    cosine: Sequence[Point]
    probability: Sequence[Point]
    gate: float | None
    recommended: Recommended | None
    criterion: Criterion
    walks: int


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Everything that is told of one file.

    `threshold` is the cosine from which the cache serves as it is set, `at_least` the probability
    (None for a judge without).
    """

    found: Found
    measured: Sequence[Measured]
    left_out: Sequence[LeftOut]
    advice: Advice
    most: float
    threshold: float
    at_least: float | None
    worst_others: Sequence[Measured]
    worst_same: Sequence[Measured]


def advise(measured: Sequence[Measured], most: float) -> Advice:
    """Reckon the advice for at most `most` (0 to 1) of other pairs served."""
    now = shares((one.pair.same, one.now.serve) for one in measured)
    near = Scores((one.pair.same, one.nearness) for one in measured)
    cosine = near.curve(COSINES)
    if all(one.probability is None for one in measured):
        choice = choose(near, COSINES, most)
        point = choice.point
        recommended = None if point is None else Recommended(point.threshold, None, point)
        return Advice(now, cosine, (), None, recommended, choice.criterion, 1)
    gate, choice = _gated(measured, most)
    point = choice.point
    recommended = None if point is None else Recommended(gate, point.threshold, point)
    probability = _likely(measured, gate).curve(PROBABILITIES)
    return Advice(now, cosine, probability, gate, recommended, choice.criterion, len(_GATES))


def _gated(measured: Sequence[Measured], most: float) -> tuple[float, Choice]:
    """The gate and the probability above it that serve most of the same pairs.

    Then the gate is raised as far as that loses none of them: it serves no more of the others.
    """
    choices = [
        (gate, choose(_likely(measured, gate), PROBABILITIES, most, walks=len(_GATES)))
        for gate in _GATES
    ]
    gate, best = max(choices, key=lambda one: one[1].point.same.some if one[1].point else 0)
    if best.point is None:
        return gate, best
    for higher in COSINES:
        point = _likely(measured, higher).at(best.point.threshold)
        if higher > gate and point.same == best.point.same:
            gate, best = higher, Choice(point, best.criterion)
    return gate, best


def _likely(measured: Sequence[Measured], gate: float) -> Scores:
    return Scores((one.pair.same, _likeliness(one, gate)) for one in measured)


def _likeliness(one: Measured, gate: float) -> float | None:
    """What such a judge serves without a probability is served whatever is asked for."""
    if one.veto is not None or one.cosine < gate:
        return None
    return _SURE if one.probability is None else one.probability


def few(measured: Sequence[Measured]) -> Iterator[tuple[str, int]]:
    """Which kind of pairs there are too few of, and how many there are."""
    same = sum(one.pair.same for one in measured)
    for name, count in (("same", same), ("other", len(measured) - same)):
        if count < _FEW:
            yield name, count


def worst(measured: Sequence[Measured], count: int) -> tuple[list[Measured], list[Measured]]:
    """Of other pairs those with the highest scores, of same pairs those with the lowest.

    Other pairs to which the judge objects, or below every gate, are none: they are never served.
    """
    telling = any(one.probability is not None for one in measured)

    def score(one: Measured) -> float:
        found = _likeliness(one, _GATES[0]) if telling else one.nearness
        return _NEVER if found is None else found

    ordered = sorted(measured, key=lambda one: (score(one), one.cosine))
    others = [one for one in reversed(ordered) if not one.pair.same and score(one) > _NEVER]
    return others[:count], [one for one in ordered if one.pair.same][:count]


def snippets(recommended: Recommended) -> tuple[str, str]:
    """The settings to paste: Python, and environment variables."""
    settings = {"similarity_threshold": recommended.similarity_threshold}
    if recommended.judge_threshold is not None:
        settings["judge_threshold"] = recommended.judge_threshold
    keywords = ", ".join(f"{name}={value}" for name, value in settings.items())
    lines = (f"CACHEBACK_{name.upper()}={value}" for name, value in settings.items())
    return f"SemanticCache({keywords})", "\n".join(lines)
