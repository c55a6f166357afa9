"""Judges that read: whether the answer to one question is right for another."""

from __future__ import annotations

from cacheback.judges.learned import OPERATING_POINT, LearnedJudge

__all__ = ["OPERATING_POINT", "LearnedJudge"]
