"""Proportions: what a count of some among others tells of their share. Pure.

What may live here: intervals for a share. What it may not know: what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

# Halvings of the interval from 0 to 1, until both ends of what is left are the same float.
_HALVINGS = 60
# A term of a sum that is a smaller part of it changes no digit of it.
_NOTHING = 1e-18


def exact_interval(some: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """From where to where a share may lie of which `some` in `of` were seen; (0, 1) of none.

    Clopper and Pearson, Biometrika 26 (1934): the shares under which seeing so few, or so many, is
    not less likely than half of what the confidence leaves. It covers the true share at least as
    often as it says, also where little was seen, as a bound on errors should.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if some == 0 else _from(lambda share: _at_most(of - some, of, 1 - share) >= tail)
    high = 1.0 if some == of else _from(lambda share: _at_most(some, of, share) <= tail)
    return low, high


def _from(holds: Callable[[float], bool]) -> float:
    """The share from which on this holds."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return (low + high) / 2


def _at_most(some: int, of: int, share: float) -> float:
    """How likely at most `some` in `of` (fewer than all) are seen of a share between 0 and 1.

    The smaller of the two tails is summed: its terms only fall, the largest first.
    """
    odds = share / (1 - share)
    if some < of * share:
        return _sum(some, of, share, lambda k: k / (of - k + 1) / odds, -1)
    return 1 - _sum(some + 1, of, share, lambda k: (of - k) / (k + 1) * odds, +1)


def _sum(first: int, of: int, share: float, next_by: Callable[[int], float], step: int) -> float:
    """The binomial terms from the first on, each the one before times `next_by` of its number."""
    choices = math.lgamma(of + 1) - math.lgamma(first + 1) - math.lgamma(of - first + 1)
    term = math.exp(choices + first * math.log(share) + (of - first) * math.log1p(-share))
    total, k = 0.0, first
    while term > _NOTHING * total:
        total += term
        term *= next_by(k)
        k += step
    return total
