"""Judges: whether the answer to one question is right for another."""

from __future__ import annotations

from cacheback.core.judge import GuardedThreshold
from cacheback.judges.learned import LearnedJudge, operating_point

__all__ = ["GuardedThreshold", "LearnedJudge", "operating_point"]
