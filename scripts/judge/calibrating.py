"""From log-odds to probabilities: a curve fitted on groups that the model was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from cacheback.judges.learned import BEND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cacheback.judges.reading import Model

    Numbers = NDArray[np.float64]

Labelled: TypeAlias = tuple[str, str, bool]
"""Two questions, and whether one answer is right for both."""

NAMES = ("log_odds", "beyond", "bias")
RIDGE = 1.0  # over some thousand pairs
CONVERGED = 1e-9
DIGITS = 5  # processors differ in the last bits


def columns(model: Model, pairs: Sequence[Labelled]) -> Numbers:
    """What the probability is made of, in the order of `NAMES`, shape (n, 3)."""
    found = np.array([model.log_odds(one, other) for one, other, _ in pairs])
    return np.column_stack([found, np.maximum(0, found - BEND), np.ones_like(found)])


def fit(x: Numbers, same: NDArray[np.bool_]) -> Mapping[str, float]:
    """Logistic regression (Platt 1999) by Newton's method, same and other pairs alike in weight."""
    weights = np.where(same, 0.5 / same.mean(), 0.5 / (1 - same.mean()))
    solution = np.zeros(x.shape[1])
    ridge = np.array([RIDGE] * (x.shape[1] - 1) + [0.0])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-(x @ solution)))
        gradient = x.T @ (weights * (likely - same)) + ridge * solution
        curvature = (x * (weights * likely * (1 - likely))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < CONVERGED:
            break
    fitted = zip(NAMES, solution, strict=True)
    return {name: float(f"{value:.{DIGITS}g}") for name, value in fitted}
