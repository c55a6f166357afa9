"""How well scores separate same from other, with numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]
    """One score per example, shape (n,), float64; higher means more alike."""
    Labels = NDArray[np.bool_]
    """Whether the right answer is the same, shape (n,)."""


def auc(scores: Scores, same: Labels) -> float:
    """The chance that a same pair scores above another one, ties counting half (Mann-Whitney).

    Raises:
        ValueError: there is no same pair, or none that is not.
    """
    positives, negatives = scores[same], np.sort(scores[~same])
    if not len(positives) or not len(negatives):
        raise ValueError("an AUC needs same pairs and others")
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return float((below + not_above).mean() / 2 / len(negatives))


def threshold_for(scores: Scores, same: Labels, false_accepts: float) -> float:
    """The lowest threshold at which at most this share of others is accepted (score ≥ threshold).

    It is one of the scores, or infinity when even the highest accepts too many.
    """
    negatives = np.sort(scores[~same])[::-1]
    allowed = int(false_accepts * len(negatives) + 1e-9)
    if allowed >= len(negatives):
        return float(scores.min())
    above = scores[scores > negatives[allowed]]
    return float(above.min()) if len(above) else float("inf")
