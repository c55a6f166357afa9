"""Calibration: from evidence to the score from which hits may be served. Pure.

What may live here: the statistics of a bound on errors. What it may not know: where evidence comes
from.

**The model.** How likely a hit of a score s is wrong follows a curve

    wrong(s) = floor + (1 - floor) / (1 + exp(level + slope * log(s / (1 - s))))

that is, the judge's own log-odds, moved and stretched (Platt 1999), over a floor that no score gets
below: traffic in which near questions have other answers for reasons that no text shows. Which
curve holds here is not known; a grid of curves is weighed by Bayes' rule (`_weighed`):

- *before* any evidence by what was counted in other traffic, each of which counts as `_WORTH`
  observations: a mixture of power priors (Ibrahim and Chen 2000), with a share for traffic unlike
  all of these, so that evidence soon outweighs it (Schmidli et al. 2014);
- *evidence* of any score tells about the curve: what was not served costs nothing and is plenty
  just below the operating point; audits tell what is above it;
- *drift*: the last change of traffic may lie 128, 256 … lessons back. For each of these the
  evidence before and after is weighed apart, and the answers are averaged by how well they explain
  all of it (Adams and MacKay 2007, with few places for a change). Nothing is forgotten while
  traffic stays as it is, and most of it soon after a change.

How often each score occurs is counted: what was not served once, an audit `1 / AUDITED` times, as
it stands for that many hits (Horvitz and Thompson 1952).

**The bound.** It is put on what a user will see and not on a mean: of the hits among the next
`_HORIZON` judged requests the share that is wrong shall be above `max_error` with a probability of
`_RISK` at most. That has three parts: which curve holds; how the next period differs from those
seen, a factor with a spread of `_UNREST` as in the prediction interval of a meta-analysis (Higgins
et al. 2009); and chance, which makes wrong answers a Poisson number of the two (`_exceeds`). The
operating point is the lowest score for which that holds. Entries are not calibrated one by one:
`learning.py` draws the score of an entry towards what is known of it, and this module calibrates
the scores that come out.

**What is assumed, and when the bound does not hold.**

- Labels are right. They are comparisons of two answers; where these are told different too often,
  less is served, where they are told the same too often, more is wrong than the bound says.
- Errors become rarer as scores rise, or stay as they are. A judge that is surest where it is wrong
  is found out by audits alone, and those are few.
- Traffic resembles some that was counted, or there is evidence: with none, it is the shipped
  calibration that speaks, of the shipped judge, in English. Of another judge the first few hundred
  hits are the ones to doubt.
- An abrupt change is noticed when there is evidence of it. Where most is served that is audits
  alone: with one hit in twenty checked, an error that rises from 2 % to 6 % takes about a thousand
  hits to be seen, and until then the bound may be broken.
- Requests err independently of each other, but for `_UNREST`. One entry that is wrong for
  everybody breaks that; it is drawn down once it is audited.
- Evidence is looked at again and again while it decides what more is seen. Bayes' rule allows
  that, as a lesson weighs by its score and not by why it was looked at; but the risk is
  then a share of traffics as the prior expects them, and not of every one. What it comes to on
  streams that were never seen is measured in `benchmarks/answers` ("The error bound").
- Where few are served, chance is large: the bound is on the share over a horizon, and a single
  wrong answer in ten hits is a tenth.

Sources: J. Platt (1999), Probabilistic outputs for support vector machines; J. Ibrahim and M.-H.
Chen (2000), Statistical Science 15; H. Schmidli et al. (2014), Biometrics 70; R. Adams and D.
MacKay (2007), arXiv 0710.3742; D. Horvitz and D. Thompson (1952), JASA 47; J. Higgins, S. Thompson
and D. Spiegelhalter (2009), JRSS A 172; E. Wilson and M. Hilferty (1931), PNAS 17.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from operator import mul
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from cacheback.core.ports import Lesson

Numbers: TypeAlias = list[float]

AUDITED = 0.05
"""The share of hits that is also asked of upstream.

All along and not more at the beginning, when what is not served teaches more, for nothing; twice
as many made no difference in simulation. Where half of all requests are hits it is 2.5 % of them.
"""

NOTHING = 2.0
"""The operating point at which nothing is served."""

# Scores are counted in bins, half a log-odd wide: from 4.7 % to 99.9 %, and what is beyond.
_FIRST, _WIDTH, BINS = -3.0, 0.5, 21
_CENTRES = tuple(_FIRST + (bin_ + 0.5) * _WIDTH for bin_ in range(BINS))
_EDGES = (0.0, *(1 / (1 + math.exp(-_FIRST - bin_ * _WIDTH)) for bin_ in range(1, BINS)))
# What the judge calls more likely wrong than right is not served, whatever the bound.
_LOWEST = 6

_FLOORS = (0.001, 0.002, 0.004, 0.007, 0.012, 0.02, 0.03, 0.045, 0.08, 0.2)
_LEVELS = (-2.5, -1.0, 0.5, 2.0, 3.5, 6.0)
_SLOPES = (0.4, 0.8, 1.3)

_CHANGES = (128, 256, 512, 1_024, 2_048)  # lessons since the last change
_CHANGED = 0.1  # probability that there was one among them

_RISK = 0.03
_HORIZON = 2_000  # judged requests
_UNREST = 0.4  # standard deviation of the logarithm

_WORTH = 100.0  # observations that all lessons of another traffic count as
_UNLIKE = 0.2  # probability that traffic is unlike all of `COUNTED`

COUNTED: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "BANKING77": (
        (9, 23, 24, 50, 71, 60, 96, 124, 206, 205, 196, 301, 462, 164, 0, 0, 0, 0, 0, 0, 0),
        (0, 2, 4, 2, 5, 2, 8, 7, 11, 9, 4, 14, 10, 2, 0, 0, 0, 0, 0, 0, 0),
    ),
    "CLINC150": (
        (1, 12, 9, 14, 12, 20, 16, 34, 61, 64, 112, 182, 377, 257, 1, 0, 0, 0, 0, 1, 0),
        (1, 3, 2, 0, 2, 1, 0, 0, 3, 2, 0, 2, 3, 2, 0, 0, 0, 0, 0, 0, 0),
    ),
}
"""Right and wrong candidates by bin of scores, in each traffic that the prior was made of.

Half of the intents of BANKING77 and CLINC150; `python -m benchmarks.answers.bounded --prior` prints
them for the judge that is shipped. The other half is what the bound is tested on.
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What follows from evidence.

    A hit whose score is at least `operating_point` may be served; above 1 none may. Of those that
    are served a share of `audit_probability` is to be checked upstream.
    """

    operating_point: float
    audit_probability: float


def calibrate(max_error: float, lessons: Sequence[Lesson]) -> Calibration:
    """The lowest operating point at which wrong answers stay below `max_error` of all hits.

    Args:
        max_error: share of hits, above 0 and below 1, that may be wrong.
        lessons: comparisons, oldest first; those without a score are passed over. A few ms for
            thousands.
    """
    believed = Belief.of(lessons)
    point = next((at for at in range(_LOWEST, BINS) if believed.keeps(at, max_error)), None)
    return Calibration(NOTHING if point is None else _EDGES[point], AUDITED)


@dataclass(frozen=True, slots=True)
class Belief:
    """What evidence says: a probability for each curve, and how many hits each bin has."""

    curves: Numbers
    spread: Numbers

    @classmethod
    def of(cls, lessons: Sequence[Lesson]) -> Belief:
        """Belief after these lessons, oldest first."""
        scored = [(bin_of(one.score), one) for one in lessons if one.score is not None]
        grid = _grid()
        if not scored:
            return cls(grid.prior, grid.spread)
        newest = len(scored)
        back = [0, *(one for one in _CHANGES if one < newest), newest]
        parts = [_counted(scored[newest - end : newest - start]) for start, end in pairwise(back)]
        since = _since([grid.likelihoods(part) for part in parts])
        spread = [_UNSEEN * share for share in grid.spread]
        weight = 1.0
        for part, (probability, _) in zip(parts, since, strict=True):
            spread = [sum(one) for one in zip(spread, (weight * n for n in part.hits), strict=True)]
            weight -= probability
        mixed = [0.0] * len(grid.prior)
        for probability, curves in since:
            if probability > _NEGLIGIBLE:
                mixed = [
                    one + probability * other for one, other in zip(mixed, curves, strict=True)
                ]
        return cls(mixed, spread)

    def error(self, at: int) -> float:
        """The expected share of wrong answers among hits from this bin on."""
        mean = [sum(map(mul, self.curves, column)) for column in zip(*_grid().wrong, strict=True)]
        served = self.spread[at:]
        return math.fsum(map(mul, mean[at:], served)) / sum(served)

    def keeps(self, at: int, max_error: float) -> bool:
        """Whether serving from this bin on breaks the bound with a probability of `_RISK` at most.

        Not where less than one wrong answer would be allowed: chance alone would decide.
        """
        served = self.spread[at:]
        total = sum(served)
        hits = _HORIZON * total / sum(self.spread)
        if hits * max_error < 1:
            return False
        risk = 0.0
        for weight, wrong in zip(self.curves, _grid().wrong, strict=True):
            if weight > _NEGLIGIBLE:
                rate = sum(map(mul, served, wrong[at:])) / total
                risk += weight * _exceeds(hits, rate, max_error)
                if risk > _RISK:
                    return False
        return True


_NEGLIGIBLE = 1e-5  # of a probability: all curves with so little make no difference
_UNSEEN = 50.0  # hits that the shipped spread of scores counts as


def bin_of(score: float) -> int:
    """The bin of a score between 0 and 1."""
    inside = min(max(score, 1e-9), 1 - 1e-9)
    return min(max(int((math.log(inside / (1 - inside)) - _FIRST) // _WIDTH), 0), BINS - 1)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Lessons by bin, and the hits that they stand for."""

    right: Sequence[float]
    wrong: Sequence[float]
    hits: Sequence[float]


def _counted(lessons: Sequence[tuple[int, Lesson]]) -> _Counts:
    right, wrong, hits = [0.0] * BINS, [0.0] * BINS, [0.0] * BINS
    for bin_, lesson in lessons:
        (right if lesson.right else wrong)[bin_] += 1
        hits[bin_] += 1 / AUDITED if lesson.paid else 1
    return _Counts(right, wrong, hits)


class _Grid:
    """Curves that may hold, with what is believed of them before any evidence."""

    def __init__(self) -> None:
        self.wrong = [
            [floor + (1 - floor) / (1 + math.exp(level + slope * centre)) for centre in _CENTRES]
            for floor in _FLOORS
            for level in _LEVELS
            for slope in _SLOPES
        ]
        self._log_wrong = [[math.log(one) for one in curve] for curve in self.wrong]
        self._log_right = [[math.log1p(-one) for one in curve] for curve in self.wrong]
        flat = 1 / len(self.wrong)
        self.prior = [_UNLIKE * flat if COUNTED else flat] * len(self.wrong)
        self.spread = [0.0 if COUNTED else 1 / BINS] * BINS
        for right, wrong in COUNTED.values():
            seen = [sum(one) for one in zip(right, wrong, strict=True)]
            worth = _WORTH / sum(seen)
            told = self.likelihoods(_Counts(right, wrong, seen))
            curves, _ = _normal([worth * one for one in told])
            share = (1 - _UNLIKE) / len(COUNTED)
            self.prior = [one + share * two for one, two in zip(self.prior, curves, strict=True)]
            part = 1 / len(COUNTED) / sum(seen)
            self.spread = [one + part * two for one, two in zip(self.spread, seen, strict=True)]

    def likelihoods(self, counts: _Counts) -> Numbers:
        """How well each curve explains the counts: logarithms."""
        seen = [bin_ for bin_ in range(BINS) if counts.right[bin_] or counts.wrong[bin_]]
        right = [counts.right[bin_] for bin_ in seen]
        wrong = [counts.wrong[bin_] for bin_ in seen]
        return [
            sum(map(mul, right, [if_right[bin_] for bin_ in seen]))
            + sum(map(mul, wrong, [if_wrong[bin_] for bin_ in seen]))
            for if_right, if_wrong in zip(self._log_right, self._log_wrong, strict=True)
        ]


@cache
def _grid() -> _Grid:
    return _Grid()


def _since(parts: Sequence[Numbers]) -> list[tuple[float, Numbers]]:
    """For each place of the last change its probability, and the curves' from what came after it.

    Args:
        parts: log-likelihoods of each curve for the lessons between two places, newest first. The
            last place is before all of them: no change.
    """
    every = [sum(one) for one in zip(*parts, strict=True)]
    after = [0.0] * len(every)
    told: list[tuple[float, Numbers]] = []
    for place, part in enumerate(parts, start=1):
        after = [one + other for one, other in zip(after, part, strict=True)]
        curves, evidence = _weighed(after)
        if place < len(parts):
            before = [one - other for one, other in zip(every, after, strict=True)]
            evidence += _weighed(before)[1] + math.log(_CHANGED / (len(parts) - 1))
        else:
            evidence += math.log(1 - _CHANGED)
        told.append((evidence, curves))
    best = max(evidence for evidence, _ in told)
    total = sum(math.exp(evidence - best) for evidence, _ in told)
    return [(math.exp(evidence - best) / total, curves) for evidence, curves in told]


def _weighed(log_likelihoods: Numbers) -> tuple[Numbers, float]:
    """Bayes' rule: each curve's probability after evidence, and the evidence's log-likelihood."""
    return _normal(log_likelihoods, _grid().prior)


def _normal(logs: Numbers, prior: Numbers | None = None) -> tuple[Numbers, float]:
    best = max(logs)
    weights = [math.exp(one - best) for one in logs]
    if prior is not None:
        weights = list(map(mul, weights, prior))
    total = sum(weights)
    return [one / total for one in weights], best + math.log(total)


def _exceeds(hits: float, rate: float, max_error: float) -> float:
    """The probability that more than `max_error` of so many hits are wrong, about.

    The number of wrong ones is Poisson with a mean that varies by `_UNREST`: a gamma variable of
    the same mean and variance, half a step below the first number that is too many (Wilson and
    Hilferty 1931 for its distribution).
    """
    mean = hits * rate
    most = math.floor(hits * max_error) + 0.5
    shape = 1 / (1 / mean + _UNREST**2)
    spread = 1 / (9 * shape)
    return 0.5 * math.erfc((math.cbrt(most / mean) - 1 + spread) / math.sqrt(2 * spread))
