"""The judge: near enough, no guard objects, and the figures of the pair speak for it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.answers.regression.figures import NAMES, Reading, figures, read
from cacheback.core.judge import GuardedThreshold
from cacheback.embedders.minilm import WINDOW, tokens
from cacheback.models import Reason, Verdict

if TYPE_CHECKING:
    from benchmarks.answers.regression.figures import Figures
    from cacheback.core.ports import Pair

WEIGHTS = Path(__file__).with_name("weights.json")

AT_LEAST = 0.65
"""Probability from which a pair is served.

On the dev split of the contrast set the lowest with clearly fewer false accepts than threshold and
guards at 0.92.
"""

_ANY = -1.0  # a threshold that every cosine reaches


class RegressionJudge:
    """Serves a pair that is near enough, that no guard objects to, and whose figures agree."""

    def __init__(self) -> None:
        self._guarded = GuardedThreshold()

    def judge(self, pair: Pair) -> Verdict:
        verdict = self._guarded.judge(pair)
        if not verdict.serve:
            return verdict
        if max(len(tokens(pair.question)), len(tokens(pair.other))) > WINDOW:
            return Verdict(False, Reason.TOO_LONG, "the judge reads up to 256 tokens")
        probability = likeliness(read(pair.question), read(pair.other))
        detail = f"same answer: {probability:.2f}"
        if probability < AT_LEAST:
            told = f"{detail} < {AT_LEAST:.2f}"
            return Verdict(False, Reason.MEANING_DIFFERS, told, probability)
        told = f"{verdict.detail}, {detail}"
        return Verdict(True, Reason.ABOVE_THRESHOLD, told, probability)

    def score(self, pair: Pair) -> float:
        """The probability, whatever the threshold; -1 where a guard objects or a text is long."""
        probability = self.judge(replace(pair, threshold=_ANY)).probability
        return -1.0 if probability is None else probability


def likeliness(one: Reading, other: Reading) -> float:
    """How likely one answer is right for both, 0 to 1."""
    bias, weights = _weights()
    log_odds = bias + float(weights @ figures(one, other))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


@cache
def _weights() -> tuple[float, Figures]:
    stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    by_name = stored["weights"]
    return stored["bias"], np.array([by_name[name] for name in NAMES])
