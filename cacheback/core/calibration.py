"""Calibration: from evidence to the score from which hits may be served. Pure.

What may live here: the statistics of a bound on errors. What it may not know: where evidence comes
from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cacheback.core.ports import Lesson


@dataclass(frozen=True, slots=True)
class Calibration:
    """What follows from evidence.

    A hit whose score is at least `operating_point` may be served; above 1 none may. Of those that
    are served a share of `audit_probability` is to be checked upstream.
    """

    operating_point: float
    audit_probability: float


def calibrate(max_error: float, lessons: Sequence[Lesson]) -> Calibration:
    """The lowest operating point at which wrong answers stay below `max_error` of all hits."""
    raise NotImplementedError
